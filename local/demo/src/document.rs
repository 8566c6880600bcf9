//! The document that is sent: a file of the user's, or real text of several megabytes that is on every machine which can run the
//! demonstrations.
//!
//! That text is the standard library of Python. A function in Python is part of each demonstration, so the library is installed, as
//! source, wherever they run; neither cargo nor a network is needed to find it.

use anyhow::{Context, Result, bail, ensure};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Prints the version and the folder of the standard library, on a line each.
const QUESTION: &str =
    "import platform, sysconfig; print(platform.python_version()); print(sysconfig.get_path('stdlib'))";
/// Folders that differ from one installation to the next: tests, and packages that were installed into the library.
const OTHERS: [&str; 5] = ["test", "tests", "idle_test", "site-packages", "dist-packages"];
/// Text of which a reference to it is worth showing. Every version of Python that can run the functions has ten times as much.
const ENOUGH: usize = 1 << 20;

/// A file, and what must arrive of it.
#[derive(Debug)]
pub struct Document {
    /// The file's folder, all that the reader may see.
    pub folder: PathBuf,
    /// The file's name.
    pub name: String,
    /// Where it comes from, for people.
    pub origin: String,
    /// Its size.
    pub bytes: usize,
    /// Its hash, in lower-case hexadecimal digits.
    pub sha256: String,
    /// Holds the file if it was made here.
    _made: Option<TempDir>,
}

impl Document {
    /// The file at `path`, or the standard library of `python`.
    pub fn of(path: Option<&Path>, python: &Path) -> Result<Self> {
        match path {
            Some(path) => Self::at(path),
            None => Self::of_library(python)
                .context("there is no default document; name one by --document (make demo FILE=…)"),
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
            bail!("the name of {} is not UTF-8, so no event can contain it", file.display());
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

    fn of_library(python: &Path) -> Result<Self> {
        let (version, folder) = library(python)?;
        let (content, files) = sources(&folder)?;
        ensure!(content.len() >= ENOUGH, "{} has only {} bytes of Python sources", folder.display(), content.len());
        let origin = format!("the {files} sources of Python {version}'s standard library, one after the other");
        let made = tempfile::tempdir().context("cannot make a folder for the default document")?;
        let file = made.path().canonicalize()?.join(format!("python-{version}.py"));
        fs::write(&file, &content).with_context(|| format!("cannot write {}", file.display()))?;
        Self::new(&file, origin, &content, Some(made))
    }
}

/// The version of `python`, and where its standard library is.
fn library(python: &Path) -> Result<(String, PathBuf)> {
    let name = python.display();
    // Isolated: no variable and no file of the user's decides what is imported.
    let output = Command::new(python).args(["-I", "-c", QUESTION]).output();
    let output = output.with_context(|| format!("cannot run {name}"))?;
    ensure!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    let answer = String::from_utf8(output.stdout).with_context(|| format!("{name} printed text that is not UTF-8"))?;
    let (version, folder) = answer.trim_end().split_once('\n').with_context(|| format!("{name} printed {answer:?}"))?;
    Ok((version.to_owned(), folder.into()))
}

/// All the text of the library, ordered by path, and the number of its files.
fn sources(folder: &Path) -> Result<(Vec<u8>, usize)> {
    let mut paths = Vec::new();
    collect(folder, &mut paths)?;
    paths.sort();
    let (mut content, mut files) = (Vec::new(), 0);
    for path in paths {
        let source = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        // An old file may be Latin-1, and one would make the whole document travel as base64.
        if std::str::from_utf8(&source).is_ok() {
            content.extend(source);
            files += 1;
        }
    }
    Ok((content, files))
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() && !OTHERS.iter().any(|other| entry.file_name() == *other) {
            collect(&path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|extension| extension == "py") {
            found.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_document_is_text_of_several_megabytes_and_needs_only_python() {
        let document = Document::of(None, Path::new("python3")).expect("the standard library of Python");
        let content = fs::read(document.folder.join(&document.name)).expect("the file");
        assert!(content.len() == document.bytes && content.len() > 5 << 20, "{document:?}");
        let text = String::from_utf8(content).expect("UTF-8");
        let asked = text.find("wait until an item is available");
        assert!(asked.is_some_and(|at| at < 5 << 20), "what the agent is asked about: {asked:?}");
        assert!(document.origin.contains("standard library"), "{document:?}");
    }

    #[test]
    fn sources_are_in_order_and_without_tests_packages_and_other_encodings() {
        let folder = tempfile::tempdir().expect("a folder");
        let files: [(&str, &[u8]); 7] = [
            ("b.py", b"second"),
            ("a/c.py", b"first "),
            ("a/test/t.py", b"a test"),
            ("site-packages/p.py", b"a package"),
            ("latin.py", b"\xe9"),
            ("notes.txt", b"no source"),
            ("z.py", b" third"),
        ];
        for (name, content) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
        assert_eq!(sources(folder.path()).expect("sources"), (b"first second third".to_vec(), 3));
    }

    #[test]
    fn an_interpreter_that_is_missing_is_named_with_what_to_do() {
        let error = Document::of(None, Path::new("/nowhere/python3")).expect_err("nothing there");
        let message = format!("{error:#}");
        assert!(message.contains("/nowhere/python3") && message.contains("FILE="), "{message}");
    }
}
