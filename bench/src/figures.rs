//! What was measured, and the median over runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::pin::Pin;
use crate::statistics::{Percentiles, median};

/// One kind of number; the unit is in its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    /// The runtime's whole wait for an invocation.
    TotalP50Us,
    /// Its 90th percentile.
    TotalP90Us,
    /// Its 99th percentile.
    TotalP99Us,
    /// From asking for an event to having it.
    NextP50Us,
    /// Its 90th percentile.
    NextP90Us,
    /// Its 99th percentile.
    NextP99Us,
    /// From sending a response to having its answer.
    ResponseP50Us,
    /// Its 90th percentile.
    ResponseP90Us,
    /// Its 99th percentile.
    ResponseP99Us,
    /// Processor time of the lane's process per invocation.
    CpuUs,
    /// The most memory its process had.
    PeakRssKib,
    /// Requests to the table per invocation.
    TableRequests,
    /// Bytes of items written to and read from it per invocation.
    TableBytes,
    /// From starting a process to its open port.
    PortOpenP50Us,
    /// From starting a process to its request to register.
    RegisteredP50Us,
    /// From starting a process to its first poll.
    PolledP50Us,
    /// Its 90th percentile.
    PolledP90Us,
    /// The answer to the first response that offloads, after a start.
    FirstOffloadP50Us,
    /// The answer to those that follow at once.
    LaterOffloadP50Us,
    /// The answer to later ones, each after as long a pause as before the first.
    PausedOffloadP50Us,
    /// The first invocation of a process, from its event to its response.
    FirstInvocationP50Us,
    /// The same of its later ones.
    WarmP50Us,
    /// Their 99th percentile.
    WarmP99Us,
    /// The memory that a process has which waits for its first invocation.
    IdleRssKib,
    /// How often its threads ran per second while nothing was asked of it.
    WakeUpsPerSecond,
    /// The size of its binary.
    BinaryBytes,
    /// The size of the zip that Lambda is given.
    ZipBytes,
    /// Bytes looked at per nanosecond.
    GbPerS,
}

#[cfg(test)]
impl Figure {
    /// Every kind.
    pub(crate) const ALL: [Self; 28] = [
        Self::TotalP50Us,
        Self::TotalP90Us,
        Self::TotalP99Us,
        Self::NextP50Us,
        Self::NextP90Us,
        Self::NextP99Us,
        Self::ResponseP50Us,
        Self::ResponseP90Us,
        Self::ResponseP99Us,
        Self::CpuUs,
        Self::PeakRssKib,
        Self::TableRequests,
        Self::TableBytes,
        Self::PortOpenP50Us,
        Self::RegisteredP50Us,
        Self::PolledP50Us,
        Self::PolledP90Us,
        Self::FirstOffloadP50Us,
        Self::LaterOffloadP50Us,
        Self::PausedOffloadP50Us,
        Self::FirstInvocationP50Us,
        Self::WarmP50Us,
        Self::WarmP99Us,
        Self::IdleRssKib,
        Self::WakeUpsPerSecond,
        Self::BinaryBytes,
        Self::ZipBytes,
        Self::GbPerS,
    ];
}

/// All numbers of one subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Figures(BTreeMap<Figure, f64>);

impl Figures {
    /// Adds a number.
    pub(crate) fn set(&mut self, figure: Figure, value: f64) {
        self.0.insert(figure, value);
    }

    /// Adds three percentiles.
    pub(crate) fn set_percentiles(&mut self, figures: [Figure; 3], percentiles: Percentiles) {
        for (figure, value) in figures.into_iter().zip([percentiles.p50, percentiles.p90, percentiles.p99]) {
            self.set(figure, value);
        }
    }

    /// A number, if it was measured.
    pub(crate) fn get(&self, figure: Figure) -> Option<f64> {
        self.0.get(&figure).copied()
    }
}

/// The numbers of one lane in one scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Measurement {
    /// The scenario's name.
    pub(crate) scenario: String,
    /// On how many processors.
    pub(crate) pin: Pin,
    /// The lane's name.
    pub(crate) lane: String,
    /// What was measured.
    pub(crate) figures: Figures,
}

impl Measurement {
    fn is_of(&self, other: &Self) -> bool {
        (&self.scenario, self.pin, &self.lane) == (&other.scenario, other.pin, &other.lane)
    }
}

/// The same measurements of several runs as one, of medians, in the order of the first run.
pub(crate) fn medians(runs: &[Vec<Measurement>]) -> Vec<Measurement> {
    let first = runs.first().map(Vec::as_slice).unwrap_or_default();
    let merged = first.iter().map(|one| {
        let same: Vec<_> = runs.iter().flatten().filter(|other| other.is_of(one)).collect();
        let middle = |figure: &Figure| median(same.iter().filter_map(|other| other.figures.get(*figure)));
        let figures = one.figures.0.keys().map(|figure| (*figure, middle(figure))).collect();
        Measurement { figures: Figures(figures), ..one.clone() }
    });
    merged.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measurement(lane: &str, value: f64) -> Measurement {
        let mut figures = Figures::default();
        figures.set(Figure::CpuUs, value);
        Measurement { scenario: "s".to_owned(), pin: Pin::One, lane: lane.to_owned(), figures }
    }

    #[test]
    fn runs_become_their_medians_lane_by_lane() {
        let runs = [3.0, 100.0, 1.0].map(|value| vec![measurement("a", value), measurement("b", 2.0 * value)]);
        assert_eq!(medians(&runs), [measurement("a", 3.0), measurement("b", 6.0)]);
    }
}
