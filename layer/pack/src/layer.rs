//! What is in the layer: these three files, and nothing else.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::architecture::Architecture;
use crate::archive::Entry;
use crate::elf::{Executable, Linkage};

const EXTENSION: &str = "extensions/lrap";
const WRAPPER: &str = "extensions/lrap-wrapper/wrapper";
const LICENCES: &str = "lrap/LICENCES.txt";
/// Every cold start loads it, and a function's code and layers may have 250 MB together.
const LARGEST_ZIP: usize = 4 << 20;

/// The files of the layer whose programs lie below `folder`.
pub(crate) fn entries(folder: &Path, licences: String) -> Result<Vec<Entry>> {
    let program = |name: &str| {
        let content =
            fs::read(folder.join(name)).with_context(|| format!("{}: build it first", folder.join(name).display()));
        content.map(|content| Entry { name: name.to_owned(), mode: 0o755, content })
    };
    let licences = Entry { name: LICENCES.to_owned(), mode: 0o644, content: licences.into_bytes() };
    Ok(vec![program(EXTENSION)?, program(WRAPPER)?, licences])
}

/// Everything that keeps a zip with these entries from being a layer, each in words.
pub(crate) fn violations(zip_size: usize, entries: &[Entry], architecture: Architecture) -> Vec<String> {
    let too_large = (zip_size > LARGEST_ZIP).then(|| format!("the zip has {zip_size} bytes, more than {LARGEST_ZIP}"));
    let listing = listing(entries.iter().map(|entry| (entry.name.as_str(), entry.mode)));
    let expected = self::listing([(EXTENSION, 0o755), (WRAPPER, 0o755), (LICENCES, 0o644)].into_iter());
    let other = (listing != expected).then(|| format!("the zip holds {listing}, and not {expected}"));
    let programs = entries.iter().filter_map(|entry| Some((entry, linkage(&entry.name)?)));
    let unsound = programs.flat_map(|(entry, linkage)| {
        let violations = match Executable::read(&entry.content) {
            Ok(executable) => executable.violations(architecture, linkage),
            Err(error) => vec![format!("{error:#}")],
        };
        violations.into_iter().map(|violation| format!("{} {violation}", entry.name))
    });
    too_large.into_iter().chain(other).chain(unsound).collect()
}

fn listing<'a>(files: impl Iterator<Item = (&'a str, u32)>) -> String {
    files.map(|(name, mode)| format!("{mode:04o} {name}")).collect::<Vec<_>>().join(", ")
}

fn linkage(name: &str) -> Option<Linkage> {
    match name {
        EXTENSION => Some(Linkage::Dynamic),
        WRAPPER => Some(Linkage::Static),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, mode: u32) -> Entry {
        let content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        Entry { name: name.to_owned(), mode, content }
    }

    /// What a listing that differs is said to hold; the programs themselves are this test, and not what is looked at here.
    fn listing_violation(listing: &[(&str, u32)]) -> Option<String> {
        let entries: Vec<_> = listing.iter().map(|(name, mode)| entry(name, *mode)).collect();
        let violations = violations(1, &entries, Architecture::X86);
        violations.into_iter().find(|violation| violation.starts_with("the zip holds"))
    }

    #[test]
    fn the_layer_holds_exactly_its_files_with_their_modes() {
        let right = [(EXTENSION, 0o755), (WRAPPER, 0o755), (LICENCES, 0o644)];
        assert_eq!(listing_violation(&right), None);
        assert!(listing_violation(&right[..2]).is_some(), "one is missing");
        assert!(listing_violation(&[right.as_slice(), &[("README", 0o644)]].concat()).is_some(), "one too many");
        assert!(listing_violation(&[(EXTENSION, 0o644), right[1], right[2]]).is_some(), "not executable");
    }

    #[test]
    fn programs_that_are_not_fit_for_the_layer_are_named() {
        let violations = violations(1, &[entry(EXTENSION, 0o755), entry(WRAPPER, 0o755)], Architecture::X86).join("\n");
        for expected in [format!("{EXTENSION} is not stripped"), format!("{WRAPPER} is not static")] {
            assert!(violations.contains(&expected), "{violations}");
        }
    }

    #[test]
    fn a_program_that_is_none_is_named() {
        let script = Entry { content: b"#!/bin/sh".to_vec(), ..entry(EXTENSION, 0o755) };
        assert!(violations(1, &[script], Architecture::X86).iter().any(|one| one.contains("not a 64-bit ELF file")));
    }

    #[test]
    fn a_zip_that_is_too_large_is_named() {
        assert!(violations(LARGEST_ZIP + 1, &[], Architecture::X86)[0].contains("4194305 bytes"));
    }
}
