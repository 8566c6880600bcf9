//! On which processors everything runs: this process, and what it starts from then on.

use std::fmt;

use anyhow::ensure;
use clap::ValueEnum;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde::{Deserialize, Serialize};

/// How many processors there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pin {
    /// One, as a function under 1769 MB has.
    One,
    /// Two.
    Two,
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::One => "one processor",
            Self::Two => "two processors",
        })
    }
}

/// The processors that this process was given.
#[derive(Debug, Clone)]
pub(crate) struct Processors(CpuSet);

impl Processors {
    /// Those that this thread may use now.
    pub(crate) fn given() -> anyhow::Result<Self> {
        Ok(Self(sched_getaffinity(None)?))
    }

    /// Confines this thread, and what it starts, to the last ones: the first serves most interrupts.
    pub(crate) fn pin(&self, pin: Pin) -> anyhow::Result<()> {
        let wanted = match pin {
            Pin::One => 1,
            Pin::Two => 2,
        };
        let last: Vec<_> = (0..CpuSet::MAX_CPU).rev().filter(|cpu| self.0.is_set(*cpu)).take(wanted).collect();
        ensure!(last.len() == wanted, "{pin}: this machine has {} only", last.len());
        let mut set = CpuSet::new();
        for cpu in last {
            set.set(cpu);
        }
        Ok(sched_setaffinity(None, &set)?)
    }

    /// Lets this thread use all of them again.
    pub(crate) fn unpin(&self) -> anyhow::Result<()> {
        Ok(sched_setaffinity(None, &self.0)?)
    }
}
