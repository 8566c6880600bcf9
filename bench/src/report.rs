//! The report as people read it on a terminal, and as programs read it.

use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::bare;
use crate::figures::{Figure, Measurement};
use crate::machine::{Binary, Machine};
use crate::pin::Pin;

/// All that a run found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Where it was made.
    pub(crate) machine: Machine,
    /// The binaries among the lanes.
    pub(crate) binaries: Vec<Binary>,
    /// What was measured, medians over the runs.
    pub(crate) measurements: Vec<Measurement>,
}

impl Report {
    /// A number, if it was measured.
    pub(crate) fn figure(&self, scenario: &str, pin: Pin, lane: &str, figure: Figure) -> Option<f64> {
        let is_it = |one: &&Measurement| one.scenario == scenario && one.pin == pin && one.lane == lane;
        self.measurements.iter().find(is_it)?.figures.get(figure)
    }

    /// What a lane adds to the runtime's wait: its median less that without any lane.
    pub(crate) fn added(&self, one: &Measurement, figure: Figure) -> Option<f64> {
        let direct = self.figure(&one.scenario, one.pin, "direct", figure)?;
        (one.lane != "direct" && one.lane != bare::NAME).then_some(one.figures.get(figure)? - direct)
    }

    /// A table of all latencies, by scenario and lane.
    pub(crate) fn table(&self) -> String {
        let mut text = String::new();
        for group in self.measurements.chunk_by(|one, next| (&one.scenario, one.pin) == (&next.scenario, next.pin)) {
            let title = format!("{}, {}", group[0].scenario, group[0].pin);
            writeln!(text, "\n{title:<40}{HEADINGS}").expect("BUG: a string takes all");
            for one in group {
                writeln!(text, "  {:<38}{}", one.lane, self.row(one)).expect("BUG: a string takes all");
            }
        }
        text
    }

    fn row(&self, one: &Measurement) -> String {
        let get = |figure| one.figures.get(figure);
        let relay = |figure| self.figure(&one.scenario, one.pin, "relay", figure);
        let relay_added = relay(Figure::TotalP50Us)
            .zip(self.figure(&one.scenario, one.pin, "direct", Figure::TotalP50Us))
            .map(|(relay, direct)| relay - direct);
        let added = self.added(one, Figure::TotalP50Us);
        let cells = [
            get(Figure::TotalP50Us),
            get(Figure::TotalP90Us),
            get(Figure::TotalP99Us),
            get(Figure::NextP50Us),
            get(Figure::ResponseP50Us),
            added,
            ratio(added, relay_added),
            get(Figure::CpuUs),
            ratio(get(Figure::CpuUs), relay(Figure::CpuUs)),
            get(Figure::PeakRssKib).map(|kib| kib / 1024.0),
            get(Figure::TableRequests),
            get(Figure::TableBytes).map(|bytes| bytes / 1024.0),
        ];
        cells.map(|cell| format!("{:>10}", number(cell))).concat()
    }
}

/// Of the columns of [`Report::row`]: microseconds, ratios to the relay, memory, and what the table was
/// asked per invocation.
const HEADINGS: &str = "       p50       p90       p99      next  response     added   x relay    CPU us   x relay   RSS MiB  requests       KiB";

fn ratio(value: Option<f64>, to: Option<f64>) -> Option<f64> {
    value.zip(to).map(|(value, to)| value / to)
}

/// Three digits or so, as far as they mean anything.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => "-".to_owned(),
        Some(value) if value.abs() < 10.0 => format!("{value:.2}"),
        Some(value) if value.abs() < 100.0 => format!("{value:.1}"),
        Some(value) => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn measurement(lane: &str, p50: f64) -> Measurement {
        let mut figures = Figures::default();
        figures.set(Figure::TotalP50Us, p50);
        Measurement { scenario: "s".to_owned(), pin: Pin::One, lane: lane.to_owned(), figures }
    }

    #[test]
    fn what_a_lane_adds_is_its_median_less_the_direct_one() {
        let lanes = [("direct", 100.0), ("relay", 140.0), ("lrap", 190.0)];
        let measurements = lanes.map(|(lane, p50)| measurement(lane, p50)).to_vec();
        let report = Report { machine: Machine::this().unwrap(), binaries: vec![], measurements };
        let added: Vec<_> = report.measurements.iter().map(|one| report.added(one, Figure::TotalP50Us)).collect();
        assert_eq!(added, [None, Some(40.0), Some(90.0)]);
        assert!(report.row(&report.measurements[2]).contains("2.25"), "{}", report.table());
    }

    #[test]
    fn numbers_keep_the_digits_that_mean_something() {
        let texts = [None, Some(1.234), Some(12.34), Some(123.4), Some(-0.5)].map(number);
        assert_eq!(texts, ["-", "1.23", "12.3", "123", "-0.50"]);
    }
}
