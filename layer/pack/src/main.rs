//! Packs what `layer/build` built: for each architecture one zip as Lambda takes it and one of the tool for operators, each with its licences and
//! its bill of materials, and checksums; and functions, each as the zip of its program. No zip comes out that Lambda could not run: the finished one is read
//! back and looked at first.

mod architecture;
mod archive;
mod bill;
mod bundle;
mod components;
mod elf;
mod function;
mod licences;
mod sums;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::Parser;

use self::architecture::Architecture;
use self::archive::Entry;
use self::bundle::{Bundle, LAYER, TOOL};
use self::components::Components;

#[derive(Parser)]
#[command(about = "Packs the layer, or unpacks it as Lambda does")]
enum Command {
    /// Packs the programs that lie in FOLDER/ARCHITECTURE into zips beside that: the layer, and the tool for operators.
    Pack {
        /// Where the programs lie, and where zips, licence reports, bills of materials and checksums go.
        folder: PathBuf,
        /// The workspace that the programs were built from.
        #[arg(long, default_value = "Cargo.toml")]
        manifest: PathBuf,
        /// Which to pack.
        #[arg(required = true)]
        architectures: Vec<Architecture>,
    },
    /// Packs the program of a function for `provided.al2023`.
    Function {
        /// For which it was built.
        #[arg(long)]
        architecture: Architecture,
        /// The program.
        program: PathBuf,
        /// Where the zip goes.
        zip: PathBuf,
    },
    /// Checks a zip, and unpacks it into a folder that stands for /opt.
    Unpack {
        /// For which it is.
        #[arg(long)]
        architecture: Architecture,
        /// It is the tool for operators, not the layer.
        #[arg(long)]
        tool: bool,
        /// The zip.
        zip: PathBuf,
        /// The folder, which must not exist.
        folder: PathBuf,
    },
}

/// A file that goes out, by name.
type Released = (String, Vec<u8>);

fn main() -> Result<()> {
    match Command::parse() {
        Command::Pack { folder, manifest, architectures } => pack(&folder, &manifest, &architectures),
        Command::Function { architecture, program, zip } => pack_function(architecture, &program, &zip),
        Command::Unpack { architecture, tool, zip, folder } => {
            unpack(if tool { &TOOL } else { &LAYER }, architecture, &zip, &folder)
        }
    }
}

fn pack(folder: &Path, manifest: &Path, architectures: &[Architecture]) -> Result<()> {
    let mut released = Vec::new();
    for architecture in architectures {
        for bundle in [&LAYER, &TOOL] {
            released.extend(packed(bundle, folder, manifest, *architecture)?);
        }
    }
    let sums = sums::sums(released.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    released.push(("SHA256SUMS".to_owned(), sums.clone().into_bytes()));
    for (name, content) in released {
        fs::write(folder.join(name), content)?;
    }
    print!("{sums}");
    Ok(())
}

/// The zip of one architecture with what belongs to it.
fn packed(bundle: &Bundle, folder: &Path, manifest: &Path, architecture: Architecture) -> Result<[Released; 3]> {
    let linked = Components::of(manifest, architecture, bundle.packages)?;
    let licences = licences::report(&linked.all)?;
    let entries = bundle.entries(&folder.join(architecture.name()), licences.clone())?;
    let zip = archive::write(entries)?;
    let name = format!("{}-{}", bundle.name, architecture.name());
    let entries = checked(bundle, &zip, architecture).with_context(|| format!("{name}.zip"))?;
    let bill = bill::of(&format!("{name}.zip"), &zip, architecture, &entries, &linked);
    println!("{name}.zip: {} bytes, {} components", zip.len(), linked.all.len());
    Ok([
        (format!("{name}.zip"), zip),
        (format!("{name}.cdx.json"), format!("{bill:#}\n").into_bytes()),
        (format!("{name}.licences.txt"), licences.into_bytes()),
    ])
}

/// The files of a zip that is what it should be.
fn checked(bundle: &Bundle, zip: &[u8], architecture: Architecture) -> Result<Vec<Entry>> {
    let entries = archive::read(zip)?;
    let violations = bundle.violations(zip.len(), &entries, architecture);
    if !violations.is_empty() {
        bail!("this is not a {} for {}:\n  {}", bundle.name, architecture.name(), violations.join("\n  "));
    }
    Ok(entries)
}

fn pack_function(architecture: Architecture, program: &Path, path: &Path) -> Result<()> {
    let content = fs::read(program).with_context(|| format!("{}: build it first", program.display()))?;
    let zip = archive::write(vec![function::entry(content)])?;
    let violations = function::violations(zip.len(), &archive::read(&zip)?, architecture);
    if !violations.is_empty() {
        bail!("{} is not a function for {}:\n  {}", program.display(), architecture.name(), violations.join("\n  "));
    }
    fs::create_dir_all(path.parent().context("the zip needs a folder")?)?;
    println!("{}: {} bytes, {}", path.display(), zip.len(), architecture.name());
    fs::write(path, zip).with_context(|| format!("{}", path.display()))
}

fn unpack(bundle: &Bundle, architecture: Architecture, zip: &Path, folder: &Path) -> Result<()> {
    let content = fs::read(zip).with_context(|| format!("{}", zip.display()))?;
    let entries = checked(bundle, &content, architecture).with_context(|| format!("{}", zip.display()))?;
    fs::create_dir(folder).with_context(|| format!("{}", folder.display()))?;
    for entry in entries {
        let path = folder.join(&entry.name);
        fs::create_dir_all(path.parent().context("BUG: below a folder")?)?;
        fs::write(&path, entry.content)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(entry.mode))?;
    }
    Ok(())
}
