//! `test = false` in a `Cargo.toml` saves building a program of tests for a library or program that has none. It must never leave out one that has.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::imports::root_files;
use crate::imports::source::Crate;

/// What is read of a `Cargo.toml`.
#[derive(Deserialize)]
struct Manifest {
    lib: Option<Target>,
    #[serde(default)]
    bin: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    path: Option<PathBuf>,
    test: Option<bool>,
}

impl Manifest {
    /// Whether cargo builds the unit tests of the library or program with this root file, such as `src/lib.rs`.
    fn tests(&self, root: &Path) -> bool {
        let library = self.lib.iter().filter(|_| root.ends_with("src/lib.rs"));
        let programs = self.bin.iter().filter(|program| program.path.as_ref().is_some_and(|path| root.ends_with(path)));
        library.chain(programs).all(|target| target.test != Some(false))
    }
}

/// The `Cargo.toml` of a root file.
fn manifest(root: &Path) -> Manifest {
    let is_there = |folder: &&Path| folder.join("Cargo.toml").exists();
    let folder = root.ancestors().skip(1).find(is_there).expect("the root file is in a package");
    toml::from_str(&fs::read_to_string(folder.join("Cargo.toml")).unwrap()).unwrap()
}

/// The files of a library or program that have unit tests.
fn with_tests(name: &str, root: &Path) -> Vec<PathBuf> {
    let source = Crate::read(name, root);
    let has_tests = |file: &&&Path| fs::read_to_string(file).unwrap().contains("#[cfg(test)]");
    source.files().keys().filter(has_tests).map(|file| file.to_path_buf()).collect()
}

#[test]
fn no_unit_test_is_left_out() {
    let (tested, untested): (Vec<_>, Vec<_>) =
        root_files().into_iter().partition(|(_, root)| manifest(root).tests(root));
    assert!(untested.len() > 10 && tested.iter().any(|(name, root)| !with_tests(name, root).is_empty()));
    let left_out: Vec<_> = untested.iter().flat_map(|(name, root)| with_tests(name, root)).collect();
    assert!(left_out.is_empty(), "unit tests that cargo does not build: {left_out:?}");
}

#[test]
fn a_target_without_an_entry_is_tested() {
    let manifest: Manifest = toml::from_str(
        r#"
        [lib]
        test = false
        [[bin]]
        path = "src/main.rs"
        "#,
    )
    .unwrap();
    let tests = |file: &str| manifest.tests(Path::new(file));
    assert_eq!([tests("a/src/lib.rs"), tests("a/src/main.rs"), tests("a/src/bin/other.rs")], [false, true, true]);
}
