//! What is linked into the programs of a zip: crates, as cargo resolves them for the programs alone, and what the compiler adds.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, anyhow, ensure};
use cargo_metadata::MetadataCommand;

use crate::architecture::Architecture;

/// What cargo does not know of: it comes with the compiler and the linker, whose version is not the layer's to say.
const TOOLCHAIN: [(&str, &str, &str); 3] = [
    ("rust-std", "MIT OR Apache-2.0", include_str!("../../licences/rust-std.txt")),
    ("musl", "MIT", include_str!("../../licences/musl.txt")),
    ("llvm-libunwind", "Apache-2.0 WITH LLVM-exception", include_str!("../../licences/llvm.txt")),
];

/// Something that is linked in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Component {
    pub(crate) name: String,
    /// None for what comes with the toolchain.
    pub(crate) version: Option<String>,
    /// An SPDX expression.
    pub(crate) licence: String,
    pub(crate) source: Source,
}

/// Where a component comes from, and with it the text of its licences.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Source {
    /// This workspace.
    Workspace,
    /// A folder with the sources of a crate.
    Registry {
        folder: PathBuf,
        repository: Option<String>,
    },
    Toolchain {
        text: &'static str,
    },
}

/// Everything in some programs, and who needs whom.
#[derive(Debug, Default)]
pub(crate) struct Components {
    pub(crate) all: Vec<Component>,
    /// Indices into `all`: of who needs, and of what it needs.
    pub(crate) edges: BTreeSet<(usize, usize)>,
}

impl Components {
    /// Of the programs of these packages. Asks cargo, in the workspace around `manifest`.
    pub(crate) fn of(manifest: &Path, architecture: Architecture, packages: &[&str]) -> Result<Self> {
        let mut components = Self { all: crates(manifest, architecture)?, ..Self::default() };
        let mut wanted = BTreeSet::new();
        for program in packages {
            let tree = tree(manifest, architecture, program)?;
            for (needs, needed) in edges(&tree)? {
                let needed = components.index(needed)?;
                wanted.insert(needed);
                if let Some(needs) = needs {
                    components.edges.insert((components.index(needs)?, needed));
                }
            }
        }
        components.keep(&wanted);
        components.all.extend(TOOLCHAIN.map(of_toolchain));
        Ok(components)
    }

    fn index(&self, (name, version): (&str, &str)) -> Result<usize> {
        let found = self.all.iter().position(|one| one.name == name && one.version.as_deref() == Some(version));
        found.with_context(|| format!("cargo tree lists {name} {version}, but cargo metadata does not"))
    }

    /// Forgets what is in no program. The order stays.
    fn keep(&mut self, wanted: &BTreeSet<usize>) {
        let renumbered: BTreeMap<usize, usize> = wanted.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        self.edges = self.edges.iter().map(|(from, to)| (renumbered[from], renumbered[to])).collect();
        self.all = wanted.iter().map(|index| self.all[*index].clone()).collect();
    }
}

/// Every crate of the workspace and of its dependencies, by name and version.
fn crates(manifest: &Path, architecture: Architecture) -> Result<Vec<Component>> {
    let platform = format!("--filter-platform={}", architecture.target());
    let options = vec!["--locked".to_owned(), platform];
    let metadata = MetadataCommand::new().manifest_path(manifest).other_options(options).exec()?;
    let mut crates = Vec::new();
    for package in metadata.packages {
        let folder = package.manifest_path.parent().context("BUG: a manifest lies in a folder")?.into();
        let licence = package.license.ok_or_else(|| anyhow!("{} does not say its licence", package.name))?;
        let source = match package.source {
            None => Source::Workspace,
            Some(_) => Source::Registry { folder, repository: package.repository },
        };
        let (name, version) = (package.name.to_string(), Some(package.version.to_string()));
        // Older crates write a slash for OR.
        crates.push(Component { name, version, licence: licence.replace('/', " OR "), source });
    }
    crates.sort();
    Ok(crates)
}

fn of_toolchain((name, licence, text): (&str, &str, &'static str)) -> Component {
    Component { name: name.to_owned(), version: None, licence: licence.to_owned(), source: Source::Toolchain { text } }
}

/// What is linked into one program: neither what builds it nor what tests it, with the features that it alone asks for.
fn tree(manifest: &Path, architecture: Architecture, program: &str) -> Result<String> {
    let output = Command::new(std::env!("CARGO"))
        .args(["tree", "--locked", "--package", program, "--edges", "normal,no-proc-macro"])
        .args(["--target", architecture.target(), "--prefix", "depth", "--format", " {p}"])
        .arg("--manifest-path")
        .arg(manifest)
        .output()?;
    ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// A crate by name and version.
type Named<'a> = (&'a str, &'a str);

/// Each line of cargo's tree as an edge: from the last line that is one level further out, if there is one.
fn edges(tree: &str) -> Result<Vec<(Option<Named<'_>>, Named<'_>)>> {
    let mut path: Vec<Named<'_>> = Vec::new();
    let mut edges = Vec::new();
    for line in tree.lines() {
        let mut words = line.split(' ');
        let mut word = || words.next().with_context(|| format!("cargo tree says {line:?}"));
        let depth: usize = word()?.parse()?;
        let (name, version) = (word()?, word()?.trim_start_matches('v'));
        ensure!(depth <= path.len(), "cargo tree jumps to {line:?}");
        path.truncate(depth);
        edges.push((path.last().copied(), (name, version)));
        path.push((name, version));
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{LAYER, TOOL};

    #[test]
    fn a_tree_is_the_edges_between_its_lines() {
        let tree = "0 lrap v0.1.0 (/src)\n1 http v1.5.0\n2 bytes v1.12.1\n1 hyper v1.12.0\n2 http v1.5.0 (*)\n";
        let (lrap, http, bytes, hyper) =
            (("lrap", "0.1.0"), ("http", "1.5.0"), ("bytes", "1.12.1"), ("hyper", "1.12.0"));
        let expected =
            [(None, lrap), (Some(lrap), http), (Some(http), bytes), (Some(lrap), hyper), (Some(hyper), http)];
        assert_eq!(edges(tree).unwrap(), expected);
    }

    #[test]
    fn what_is_no_tree_is_an_error() {
        for odd in ["lrap v0.1.0", "0", "0 a v1\n2 b v1"] {
            assert!(edges(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn the_programs_components_are_those_that_are_linked() {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
        for architecture in [Architecture::X86, Architecture::Arm] {
            let components = Components::of(&manifest, architecture, LAYER.packages).unwrap();
            let has = |name: &str| components.all.iter().any(|component| component.name == name);
            assert!(has("lrap") && has("lrap-wrapper") && has("long-content") && has("ring") && has("musl"));
            for absent in ["proptest", "clap", "zip", "serde_derive", "cc", "h2", "dynoxide-rs"] {
                assert!(!has(absent), "{absent} tests, builds or packs, and is not linked in");
            }
            let needs = |(from, to): &(usize, usize)| {
                components.all[*from].name == "long-content" && components.all[*to].name == "zstd"
            };
            assert!(components.edges.iter().any(needs));
            let tool = Components::of(&manifest, architecture, TOOL.packages).unwrap();
            assert!(tool.all.iter().any(|component| component.name == "clap"));
        }
    }
}
