//! A promise: a limit, what was measured, and whether it is met.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::number::number;
use crate::pin::Pin;

/// Where a number must lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// Up to this.
    AtMost(f64),
    /// From this on.
    AtLeast(f64),
}

impl Limit {
    pub(crate) fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "≤ {}", number(Some(*limit))),
            Self::AtLeast(limit) => write!(f, "≥ {}", number(Some(*limit))),
        }
    }
}

/// One promise and what came out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// `C1` and so on: rows of one kind.
    pub(crate) criterion: String,
    /// What was measured, with its unit unless it is a ratio.
    pub(crate) what: String,
    /// On how many processors.
    pub(crate) pin: Pin,
    /// Where it must lie.
    pub(crate) limit: Limit,
    /// Where it lies.
    pub(crate) measured: f64,
    /// Whether it lies there.
    pub(crate) met: bool,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (limit, measured) = (self.limit.to_string(), number(Some(self.measured)));
        let met = if self.met { "met" } else { "NOT MET" };
        write!(f, "{:<3}{:<75}{:<16}{limit:>10}{measured:>10}  {met}", self.criterion, self.what, self.pin.to_string())
    }
}
