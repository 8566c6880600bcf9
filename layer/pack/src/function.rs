//! What is in the zip of a function: its program, under the name that Lambda starts.

use crate::architecture::Architecture;
use crate::archive::Entry;
use crate::elf::{Executable, Linkage};

const BOOTSTRAP: &str = "bootstrap";
/// Lambda takes more; a cold start loads it all.
const LARGEST_ZIP: usize = 10 << 20;

/// The only file of the zip.
pub(crate) fn entry(program: Vec<u8>) -> Entry {
    Entry { name: BOOTSTRAP.to_owned(), mode: 0o755, content: program }
}

/// Everything that keeps a zip with these entries from being a function, each in words.
pub(crate) fn violations(zip_size: usize, entries: &[Entry], architecture: Architecture) -> Vec<String> {
    let [Entry { name, mode: 0o755, content }] = entries else {
        return vec!["the zip holds something else than one program".to_owned()];
    };
    let checks = [
        (name != BOOTSTRAP, format!("Lambda starts {BOOTSTRAP}, and not {name}")),
        (zip_size > LARGEST_ZIP, format!("the zip has {zip_size} bytes, more than {LARGEST_ZIP}")),
    ];
    let broken = checks.into_iter().filter_map(|(is_broken, violation)| is_broken.then_some(violation));
    let unsound = match Executable::read(content) {
        Ok(executable) => executable.violations(architecture, Linkage::Dynamic),
        Err(error) => vec![format!("{error:#}")],
    };
    broken.chain(unsound.into_iter().map(|violation| format!("it {violation}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(entries: &[Entry], size: usize) -> String {
        violations(size, entries, Architecture::X86).join(" / ")
    }

    #[test]
    fn what_is_no_program_is_refused() {
        assert!(said(&[entry(b"#!/bin/sh".to_vec())], 1).contains("it "));
    }

    #[test]
    fn a_zip_is_small_and_holds_one_bootstrap() {
        assert!(said(&[entry(vec![])], LARGEST_ZIP + 1).contains("bytes, more than 10485760"));
        assert!(said(&[Entry { name: "tool".to_owned(), ..entry(vec![]) }], 1).contains("and not tool"));
        for entries in [vec![], vec![entry(vec![]), entry(vec![])], vec![Entry { mode: 0o644, ..entry(vec![]) }]] {
            assert!(said(&entries, 1).contains("something else than one program"));
        }
    }
}
