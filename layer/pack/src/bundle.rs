//! What goes out for an architecture: the layer, and the tool for operators beside it. Each is a zip of exactly its files.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::architecture::Architecture;
use crate::archive::Entry;
use crate::elf::{Executable, Linkage};

/// A zip.
#[derive(Debug)]
pub(crate) struct Bundle {
    /// What it is called in front of its architecture.
    pub(crate) name: &'static str,
    /// The packages that its programs are.
    pub(crate) packages: &'static [&'static str],
    programs: &'static [Program],
    licences: &'static str,
    largest: usize,
}

/// A program in a zip.
#[derive(Debug)]
struct Program {
    /// Where it lies, in the zip and in the folder that it is packed from.
    name: &'static str,
    linkage: Linkage,
    /// Bytes that it may have for x86-64.
    largest: usize,
}

/// Every cold start loads the layer, and a function's code and layers may have 250 MB together.
pub(crate) const LAYER: Bundle = Bundle {
    name: "lrap",
    packages: &["lrap", "lrap-wrapper"],
    programs: &[
        Program { name: "extensions/lrap", linkage: Linkage::Dynamic, largest: 6_000_000 },
        Program { name: "extensions/lrap-wrapper/wrapper", linkage: Linkage::Static, largest: 1 << 20 },
    ],
    licences: "lrap/LICENCES.txt",
    largest: 4 << 20,
};

/// The tool for operators.
pub(crate) const TOOL: Bundle = Bundle {
    name: "lrap-cli",
    packages: &["lrap-cli"],
    programs: &[Program { name: "lrap", linkage: Linkage::Dynamic, largest: 12 << 20 }],
    licences: "LICENCES.txt",
    largest: 6 << 20,
};

impl Bundle {
    /// Its files, whose programs lie below `folder`.
    pub(crate) fn entries(&self, folder: &Path, licences: String) -> Result<Vec<Entry>> {
        let program = |Program { name, .. }: &Program| {
            let content =
                fs::read(folder.join(name)).with_context(|| format!("{}: build it first", folder.join(name).display()));
            content.map(|content| Entry { name: (*name).to_owned(), mode: 0o755, content })
        };
        let licences = Entry { name: self.licences.to_owned(), mode: 0o644, content: licences.into_bytes() };
        self.programs.iter().map(program).chain([Ok(licences)]).collect()
    }

    /// Everything that keeps a zip with these entries from going out, each in words.
    pub(crate) fn violations(&self, zip_size: usize, entries: &[Entry], architecture: Architecture) -> Vec<String> {
        let Self { largest, .. } = self;
        let too_large = (zip_size > *largest).then(|| format!("the zip has {zip_size} bytes, more than {largest}"));
        let listing = listing(entries.iter().map(|entry| (entry.name.as_str(), entry.mode)));
        let programs = self.programs.iter().map(|program| (program.name, 0o755));
        let mut files: Vec<_> = programs.chain([(self.licences, 0o644)]).collect();
        files.sort_unstable(); // as an archive is written
        let expected = self::listing(files.into_iter());
        let other = (listing != expected).then(|| format!("the zip holds {listing}, and not {expected}"));
        let unsound = entries.iter().flat_map(|entry| self.unsound(entry, architecture));
        too_large.into_iter().chain(other).chain(unsound).collect()
    }

    /// What is wrong with a program.
    fn unsound(&self, entry: &Entry, architecture: Architecture) -> Vec<String> {
        let Some(program) = self.programs.iter().find(|program| program.name == entry.name) else { return vec![] };
        let mut violations = match Executable::read(&entry.content) {
            Ok(executable) => executable.violations(architecture, program.linkage),
            Err(error) => vec![format!("{error:#}")],
        };
        if architecture == Architecture::X86 && entry.content.len() > program.largest {
            violations.push(format!("has {} bytes, more than {}", entry.content.len(), program.largest));
        }
        violations.into_iter().map(|violation| format!("{} {violation}", entry.name)).collect()
    }
}

fn listing<'a>(files: impl Iterator<Item = (&'a str, u32)>) -> String {
    files.map(|(name, mode)| format!("{mode:04o} {name}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENSION: &str = "extensions/lrap";
    const WRAPPER: &str = "extensions/lrap-wrapper/wrapper";
    const LICENCES: &str = "lrap/LICENCES.txt";

    fn entry(name: &str, mode: u32) -> Entry {
        let content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        Entry { name: name.to_owned(), mode, content }
    }

    /// What a listing that differs is said to hold; the programs themselves are this test, and not what is looked at here.
    fn listing_violation(listing: &[(&str, u32)]) -> Option<String> {
        let entries: Vec<_> = listing.iter().map(|(name, mode)| entry(name, *mode)).collect();
        let violations = LAYER.violations(1, &entries, Architecture::X86);
        violations.into_iter().find(|violation| violation.starts_with("the zip holds"))
    }

    #[test]
    fn what_is_packed_holds_exactly_its_files() {
        for bundle in [&LAYER, &TOOL] {
            let folder = tempfile::tempdir().unwrap();
            for program in bundle.programs {
                let path = folder.path().join(program.name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, "a program").unwrap();
            }
            let zip = crate::archive::write(bundle.entries(folder.path(), "licences".to_owned()).unwrap()).unwrap();
            let entries = crate::archive::read(&zip).unwrap();
            let violations = bundle.violations(zip.len(), &entries, Architecture::X86);
            let listings: Vec<_> =
                violations.iter().filter(|violation| violation.starts_with("the zip holds")).collect();
            assert_eq!(listings, Vec::<&String>::new());
        }
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
        let programs = [entry(EXTENSION, 0o755), entry(WRAPPER, 0o755)];
        let violations = LAYER.violations(1, &programs, Architecture::X86).join("\n");
        for expected in [format!("{EXTENSION} is not stripped"), format!("{WRAPPER} is not static")] {
            assert!(violations.contains(&expected), "{violations}");
        }
    }

    #[test]
    fn a_program_that_is_none_is_named() {
        let script = Entry { content: b"#!/bin/sh".to_vec(), ..entry(EXTENSION, 0o755) };
        assert!(
            LAYER.violations(1, &[script], Architecture::X86).iter().any(|one| one.contains("not a 64-bit ELF file"))
        );
    }

    #[test]
    fn a_zip_that_is_too_large_is_named() {
        assert!(LAYER.violations(LAYER.largest + 1, &[], Architecture::X86)[0].contains("4194305 bytes"));
    }

    /// Its size is cold start.
    #[test]
    fn an_extension_that_is_too_large_is_named() {
        let said = |size: usize| {
            let program = Entry { content: vec![0; size], ..entry(EXTENSION, 0o755) };
            LAYER.violations(1, &[program], Architecture::X86).join("\n")
        };
        assert!(said(6_000_001).contains("extensions/lrap has 6000001 bytes, more than 6000000"));
        assert!(!said(6_000_000).contains("more than"));
    }

    #[test]
    fn the_tool_is_one_program_with_its_licences() {
        let files = [entry("LICENCES.txt", 0o644), entry("lrap", 0o755)];
        assert!(!TOOL.violations(1, &files, Architecture::X86).join("\n").contains("the zip holds"));
        assert!(TOOL.violations(1, &files[..1], Architecture::X86)[0].contains("0644 LICENCES.txt"));
    }
}
