//! The document that is sent: a file of the user's, or real text of several megabytes that is on every machine that built this.

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The crate whose sources are the default: the largest that the extension itself is built from.
const CRATE: &str = "aws-sdk-dynamodb";

/// A file, and what must arrive of it.
#[derive(Debug)]
pub(crate) struct Document {
    /// The file's folder, all that the reader may see.
    pub(crate) folder: PathBuf,
    /// The file's name.
    pub(crate) name: String,
    /// Where it comes from, for people.
    pub(crate) origin: String,
    /// Its size.
    pub(crate) bytes: usize,
    /// Its hash, in lower-case hexadecimal digits.
    pub(crate) sha256: String,
    /// Holds the file if it was made here.
    _made: Option<TempDir>,
}

impl Document {
    /// The file at `path`, or the default.
    pub(crate) fn of(path: Option<&Path>) -> Result<Self> {
        match path {
            Some(path) => Self::at(path),
            None => {
                Self::of_sources().context("there is no default document; name one by --document (make demo FILE=…)")
            }
        }
    }

    fn at(path: &Path) -> Result<Self> {
        let unreadable = || format!("cannot read {}", path.display());
        let file = path.canonicalize().with_context(unreadable)?;
        ensure!(file.is_file(), "{} is not a regular file", path.display());
        let content = fs::read(&file).with_context(unreadable)?;
        let origin = path.display().to_string();
        Self::new(&file, origin, &content, None)
    }

    fn new(file: &Path, origin: String, content: &[u8], made: Option<TempDir>) -> Result<Self> {
        let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
            bail!("the name of {} is not UTF-8, so that no event can hold it", file.display());
        };
        ensure!(folder.to_str().is_some(), "the folder of {name} has a name that is not UTF-8");
        Ok(Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            origin,
            bytes: content.len(),
            sha256: HEXLOWER.encode(&Sha256::digest(content)),
            _made: made,
        })
    }

    fn of_sources() -> Result<Self> {
        let package = package(CRATE)?;
        let folder = package.manifest_path.parent().context("a manifest lies in a folder")?;
        let mut sources = Vec::new();
        collect_sources(folder, &mut sources)?;
        sources.sort();
        let content = concatenated(&sources)?;
        let origin = format!("the {} Rust sources of {CRATE} {}, one after the other", sources.len(), package.version);
        let made = tempfile::tempdir().context("cannot make a folder for the default document")?;
        let file = made.path().canonicalize()?.join(format!("{CRATE}-{}.rs", package.version));
        fs::write(&file, &content).with_context(|| format!("cannot write {}", file.display()))?;
        Self::new(&file, origin, &content, Some(made))
    }
}

/// What `cargo metadata` says about a package.
#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    version: String,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The package as it was built into the extension: from the registry, or from wherever this machine vendors it.
fn package(name: &str) -> Result<Package> {
    let host = host()?;
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    // For this platform only: the packages of others may never have been downloaded.
    let arguments = ["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", &host];
    let metadata = output(Command::new("cargo").args(arguments).current_dir(workspace))?;
    let metadata: Metadata = serde_json::from_slice(&metadata).context("cargo metadata printed something else")?;
    let found = metadata.packages.into_iter().find(|package| package.name == name);
    found.with_context(|| format!("{name} is no dependency of this workspace"))
}

fn host() -> Result<String> {
    let version = String::from_utf8(output(Command::new("rustc").arg("-vV"))?).context("rustc -vV")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

fn output(command: &mut Command) -> Result<Vec<u8>> {
    let program = command.get_program().to_owned();
    let program = program.display();
    let output = command.output().with_context(|| format!("cannot run {program}"))?;
    ensure!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(output.stdout)
}

fn collect_sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect_sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn concatenated(files: &[PathBuf]) -> Result<Vec<u8>> {
    let mut content = Vec::new();
    for file in files {
        content.extend(fs::read(file).with_context(|| format!("cannot read {}", file.display()))?);
    }
    Ok(content)
}
