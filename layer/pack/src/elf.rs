//! What an executable must be so that Lambda runs it, and so that it is as hard to exploit as linkers make it.
//!
//! [`Executable::read`] takes down the facts, [`Executable::violations`] judges them.

use anyhow::{Context as _, Result};
use object::read::elf::{Dyn as _, FileHeader as _, ProgramHeader as _, SectionTable};
use object::{Endianness, elf};

use crate::architecture::Architecture;

/// Amazon Linux 2 has this one; the runtimes on Amazon Linux 2023 have newer ones.
const NEWEST_GLIBC: Version = Version(2, 26);
/// The parts of the C library, which every runtime has.
const LIBRARIES: [&str; 6] = ["libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "librt.so.1", "ld-linux"];

/// How an executable finds the C library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// It takes that of the machine, of the version there or any newer one.
    Dynamic,
    /// It holds its own. Position-independent only if the linker can: zig cannot, for musl.
    Static,
}

/// A version of glibc, as in `GLIBC_2.26`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

/// The facts about an ELF file that matter here.
#[expect(clippy::struct_excessive_bools, reason = "facts, each true or not, and none that follows from another")]
#[derive(Debug, Clone, Default)]
pub(crate) struct Executable {
    machine: u16,
    is_position_independent: bool,
    has_interpreter: bool,
    has_relro: bool,
    binds_now: bool,
    /// Of the segments that are loaded, and of the stack: whether they can be written to and executed.
    has_writable_code: bool,
    has_build_id: bool,
    /// Sections that only debuggers and linkers read.
    ballast: Vec<String>,
    libraries: Vec<String>,
    /// Versions of symbols that it needs, such as `GLIBC_2.17`.
    symbol_versions: Vec<String>,
}

type Header = elf::FileHeader64<Endianness>;
type Sections<'data> = SectionTable<'data, Header>;

impl Executable {
    /// # Errors
    /// What is not a 64-bit ELF file, or one that is damaged.
    pub(crate) fn read(data: &[u8]) -> Result<Self> {
        let header = Header::parse(data).context("not a 64-bit ELF file")?;
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut executable = Self {
            machine: header.e_machine(endian).0,
            is_position_independent: header.e_type(endian) == elf::ET_DYN,
            has_build_id: sections.section_by_name(endian, b".note.gnu.build-id").is_some(),
            ballast: ballast(&sections, endian),
            symbol_versions: symbol_versions(&sections, endian, data)?,
            ..Self::default()
        };
        executable.read_segments(header, endian, data)?;
        executable.read_dynamic(&sections, endian, data)?;
        Ok(executable)
    }

    fn read_segments(&mut self, header: &Header, endian: Endianness, data: &[u8]) -> Result<()> {
        let both = elf::PF_W | elf::PF_X;
        // Without a word about the stack, the kernel makes it executable.
        let mut stack_is_code = true;
        for segment in header.program_headers(endian, data)? {
            let is_both = segment.p_flags(endian) & both == both;
            match segment.p_type(endian) {
                elf::PT_LOAD => self.has_writable_code |= is_both,
                elf::PT_GNU_STACK => stack_is_code = is_both,
                elf::PT_GNU_RELRO => self.has_relro = true,
                elf::PT_INTERP => self.has_interpreter = true,
                _ => {}
            }
        }
        self.has_writable_code |= stack_is_code;
        Ok(())
    }

    fn read_dynamic(&mut self, sections: &Sections<'_>, endian: Endianness, data: &[u8]) -> Result<()> {
        let Some((entries, link)) = sections.dynamic(endian, data)? else {
            return Ok(());
        };
        let strings = sections.strings(endian, data, link)?;
        for entry in entries {
            let value = entry.d_val(endian);
            match entry.d_tag(endian) {
                elf::DT_NEEDED => self.libraries.push(text(entry.string(endian, strings)?)),
                elf::DT_FLAGS => self.binds_now |= value & elf::DF_BIND_NOW.0 != 0,
                elf::DT_FLAGS_1 => self.binds_now |= value & elf::DF_1_NOW.0 != 0,
                _ => {}
            }
        }
        Ok(())
    }

    /// Everything that keeps it out of the layer, each in words.
    pub(crate) fn violations(&self, architecture: Architecture, linkage: Linkage) -> Vec<String> {
        let checks = [
            (self.machine != architecture.machine(), format!("is for ELF machine {}", self.machine)),
            (self.has_writable_code, "has memory that is both writable and executable".to_owned()),
            (!self.has_relro, "has no RELRO: its relocations stay writable".to_owned()),
            (!self.has_build_id, "has no build id".to_owned()),
            (!self.ballast.is_empty(), format!("is not stripped: {}", self.ballast.join(" "))),
        ];
        let broken = checks.into_iter().filter_map(|(is_broken, violation)| is_broken.then_some(violation));
        broken.chain(self.violations_of(linkage)).collect()
    }

    fn violations_of(&self, linkage: Linkage) -> Vec<String> {
        let checks = match linkage {
            Linkage::Dynamic => vec![
                (!self.is_position_independent, "is not position-independent".to_owned()),
                (!self.has_interpreter, "has no dynamic linker".to_owned()),
                (!self.binds_now, "binds symbols lazily: its relocations stay writable".to_owned()),
            ],
            Linkage::Static => vec![
                (self.has_interpreter, "is not static: it has a dynamic linker".to_owned()),
                (!self.libraries.is_empty(), format!("is not static: it needs {}", self.libraries.join(" "))),
            ],
        };
        let broken = checks.into_iter().filter_map(|(is_broken, violation)| is_broken.then_some(violation));
        let foreign = self.libraries.iter().filter(|name| !LIBRARIES.iter().any(|known| name.starts_with(known)));
        let newer =
            self.symbol_versions.iter().filter(|name| glibc(name).is_some_and(|version| version > NEWEST_GLIBC));
        broken
            .chain(foreign.map(|name| format!("needs {name}, which not every runtime has")))
            .chain(newer.map(|name| format!("needs {name}, and Amazon Linux 2 has 2.26")))
            .collect()
    }
}

/// The version that `GLIBC_2.17` names; `None` for other libraries, such as `GCC_3.0`. `GLIBC_PRIVATE` fits one build only.
fn glibc(symbol_version: &str) -> Option<Version> {
    let version = symbol_version.strip_prefix("GLIBC_")?;
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(u32::MAX));
    Some(Version(numbers.next().unwrap_or(u32::MAX), numbers.next().unwrap_or_default()))
}

fn ballast(sections: &Sections<'_>, endian: Endianness) -> Vec<String> {
    let names = sections.iter().filter_map(|section| sections.section_name(endian, section).ok()).map(text);
    names.filter(|name| name == ".symtab" || name.starts_with(".debug") || name.starts_with(".zdebug")).collect()
}

fn symbol_versions(sections: &Sections<'_>, endian: Endianness, data: &[u8]) -> Result<Vec<String>> {
    let Some((mut libraries, link)) = sections.gnu_verneed(endian, data)? else {
        return Ok(Vec::new());
    };
    let strings = sections.strings(endian, data, link)?;
    let mut names = Vec::new();
    while let Some((_, mut versions)) = libraries.next()? {
        while let Some(version) = versions.next()? {
            names.push(text(version.name(endian, strings)?));
        }
    }
    Ok(names)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The facts about an extension that may go into the layer.
    fn extension() -> Executable {
        Executable {
            machine: 62,
            is_position_independent: true,
            has_interpreter: true,
            has_relro: true,
            binds_now: true,
            has_build_id: true,
            libraries: vec!["libc.so.6".to_owned(), "ld-linux-x86-64.so.2".to_owned()],
            symbol_versions: vec!["GLIBC_2.2.5".to_owned(), "GLIBC_2.26".to_owned()],
            ..Executable::default()
        }
    }

    fn wrapper() -> Executable {
        Executable { machine: 62, has_relro: true, has_build_id: true, ..Executable::default() }
    }

    #[test]
    fn what_is_as_it_must_be_has_no_violation() {
        assert_eq!(extension().violations(Architecture::X86, Linkage::Dynamic), [""; 0]);
        assert_eq!(wrapper().violations(Architecture::X86, Linkage::Static), [""; 0]);
    }

    #[test]
    fn each_fact_that_is_wrong_is_named() {
        let sound = extension;
        let cases = [
            (Executable { machine: 183, ..sound() }, "is for ELF machine 183"),
            (Executable { has_writable_code: true, ..sound() }, "has memory that is both writable and executable"),
            (Executable { has_relro: false, ..sound() }, "has no RELRO: its relocations stay writable"),
            (Executable { binds_now: false, ..sound() }, "binds symbols lazily: its relocations stay writable"),
            (Executable { has_build_id: false, ..sound() }, "has no build id"),
            (Executable { is_position_independent: false, ..sound() }, "is not position-independent"),
            (Executable { has_interpreter: false, ..sound() }, "has no dynamic linker"),
            (Executable { ballast: vec![".symtab".to_owned()], ..sound() }, "is not stripped: .symtab"),
            (
                Executable { libraries: vec!["libgcc_s.so.1".to_owned()], ..sound() },
                "needs libgcc_s.so.1, which not every runtime has",
            ),
            (
                Executable { symbol_versions: vec!["GLIBC_2.27".to_owned()], ..sound() },
                "needs GLIBC_2.27, and Amazon Linux 2 has 2.26",
            ),
        ];
        for (executable, violation) in cases {
            assert_eq!(executable.violations(Architecture::X86, Linkage::Dynamic), [violation]);
        }
    }

    #[test]
    fn what_needs_a_dynamic_linker_is_not_static() {
        let violations = extension().violations(Architecture::X86, Linkage::Static);
        let expected =
            ["is not static: it has a dynamic linker", "is not static: it needs libc.so.6 ld-linux-x86-64.so.2"];
        assert_eq!(violations, expected);
    }

    #[test]
    fn versions_of_glibc_are_compared_as_numbers() {
        let known = ["GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.26", "GLIBC_2.34", "GLIBC_3.0", "GLIBC_PRIVATE"].map(glibc);
        assert!(known.is_sorted() && known[2] == Some(NEWEST_GLIBC));
        assert_eq!(glibc("GCC_3.0"), None);
    }

    /// This very program: dynamic, with its symbols, and for the machine that runs the test.
    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn the_facts_are_those_of_the_file() {
        let executable = Executable::read(&own()).unwrap();
        assert!(executable.is_position_independent && executable.has_interpreter && executable.has_relro);
        assert!(!executable.has_writable_code, "by the linker's own default");
        assert!(executable.ballast.contains(&".symtab".to_owned()));
        assert!(executable.libraries.contains(&"libc.so.6".to_owned()), "{:?}", executable.libraries);
        assert!(executable.symbol_versions.iter().any(|version| glibc(version).is_some()));
    }

    /// The type and the flags are the first words of a program header.
    fn with_segment(changed: elf::ProgramType, kind: elf::ProgramType, flags: elf::ProgramFlags) -> Executable {
        let mut data = own();
        let header = *Header::parse(&*data).unwrap();
        let endian = header.endian().unwrap();
        let segments = header.program_headers(endian, &*data).unwrap();
        let index = segments.iter().position(|segment| segment.p_type(endian) == changed).unwrap();
        let at = header.e_phoff(endian) as usize + index * usize::from(header.e_phentsize(endian));
        data[at..at + 4].copy_from_slice(&kind.0.to_le_bytes());
        data[at + 4..at + 8].copy_from_slice(&flags.0.to_le_bytes());
        Executable::read(&data).unwrap()
    }

    #[test]
    fn a_segment_that_is_writable_and_executable_is_seen() {
        assert!(with_segment(elf::PT_LOAD, elf::PT_LOAD, elf::PF_R | elf::PF_W | elf::PF_X).has_writable_code);
        assert!(with_segment(elf::PT_GNU_STACK, elf::PT_GNU_STACK, elf::PF_W | elf::PF_X).has_writable_code);
        assert!(with_segment(elf::PT_GNU_STACK, elf::PT_NULL, elf::PF_R).has_writable_code, "the kernel's default");
    }

    #[test]
    fn relocations_that_stay_writable_are_seen() {
        assert!(!with_segment(elf::PT_GNU_RELRO, elf::PT_NULL, elf::PF_R).has_relro);
    }

    #[test]
    fn what_is_no_elf_file_is_an_error() {
        assert!(Executable::read(b"#!/bin/sh\n").is_err());
        assert!(Executable::read(&own()[..100]).is_err());
    }
}
