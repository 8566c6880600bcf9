//! Lambda's architectures, by the names that Lambda, Rust and ELF have for them.

use clap::ValueEnum;
use object::elf;

/// What a function runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    #[value(name = "x86_64")]
    X86,
    #[value(name = "arm64")]
    Arm,
}

impl Architecture {
    /// As in a layer version's `CompatibleArchitectures`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86 => "x86_64",
            Self::Arm => "arm64",
        }
    }

    /// The target whose dependencies the extension has.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::X86 => "x86_64-unknown-linux-gnu",
            Self::Arm => "aarch64-unknown-linux-gnu",
        }
    }

    /// `e_machine` of its executables.
    pub(crate) fn machine(self) -> u16 {
        match self {
            Self::X86 => elf::EM_X86_64.0,
            Self::Arm => elf::EM_AARCH64.0,
        }
    }
}
