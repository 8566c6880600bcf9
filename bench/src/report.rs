//! The report as people read it on a terminal, and as programs read it.

use serde::{Deserialize, Serialize};

use crate::bare;
use crate::figures::{Figure, Measurement};
use crate::machine::{Binary, Machine};
use crate::number::{number, ratio};
use crate::pin::Pin;
use crate::promise::Row;

/// All that a run found.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    /// Where it was made.
    pub(crate) machine: Machine,
    /// The binaries among the lanes.
    pub(crate) binaries: Vec<Binary>,
    /// How often all was measured.
    pub(crate) runs: usize,
    /// What was measured, medians over the runs.
    pub(crate) measurements: Vec<Measurement>,
    /// What is promised about it.
    pub(crate) acceptance: Vec<Row>,
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

    /// A table of all that was measured, by scenario and lane, with the columns that the scenario has.
    pub(crate) fn table(&self) -> String {
        let groups = self.measurements.chunk_by(|one, next| (&one.scenario, one.pin) == (&next.scenario, next.pin));
        groups.map(|group| self.group(group)).collect::<Vec<_>>().concat()
    }

    /// Every promise with its limit, what was measured, and whether it is met.
    pub(crate) fn promises(&self) -> String {
        self.acceptance.iter().map(|row| format!("{row}\n")).collect::<Vec<_>>().concat()
    }

    fn group(&self, group: &[Measurement]) -> String {
        let is_measured = |(_, cell): &&(_, Cell)| group.iter().any(|one| cell(self, one).is_some());
        let columns: Vec<_> = COLUMNS.iter().filter(is_measured).collect();
        let title = format!("{}, {}", group[0].scenario, group[0].pin);
        let mut text = format!("\n{}", line(&title, columns.iter().map(|(heading, _)| (*heading).to_owned())));
        for one in group {
            let cells = columns.iter().map(|(_, cell)| number(cell(self, one)));
            text.push_str(&line(&format!("  {}", one.lane), cells));
        }
        text
    }

    /// What a lane adds, in so many times what the relay adds.
    fn added_to_relay(&self, one: &Measurement) -> Option<f64> {
        let of = |lane| self.figure(&one.scenario, one.pin, lane, Figure::TotalP50Us);
        ratio(self.added(one, Figure::TotalP50Us), of("relay").zip(of("direct")).map(|(relay, direct)| relay - direct))
    }

    fn cpu_to_relay(&self, one: &Measurement) -> Option<f64> {
        ratio(one.figures.get(Figure::CpuUs), self.figure(&one.scenario, one.pin, "relay", Figure::CpuUs))
    }
}

type Cell = fn(&Report, &Measurement) -> Option<f64>;

/// Of the table: times in microseconds but where the heading has another unit, ratios to the relay, and what the content
/// table was asked per invocation.
const COLUMNS: [(&str, Cell); 26] = [
    ("p50", |_, one| one.figures.get(Figure::TotalP50Us)),
    ("p90", |_, one| one.figures.get(Figure::TotalP90Us)),
    ("p99", |_, one| one.figures.get(Figure::TotalP99Us)),
    ("next", |_, one| one.figures.get(Figure::NextP50Us)),
    ("response", |_, one| one.figures.get(Figure::ResponseP50Us)),
    ("added", |report, one| report.added(one, Figure::TotalP50Us)),
    ("x relay", Report::added_to_relay),
    ("CPU us", |_, one| one.figures.get(Figure::CpuUs)),
    ("x relay", Report::cpu_to_relay),
    ("RSS MiB", |_, one| one.figures.get(Figure::PeakRssKib).map(|kib| kib / 1024.0)),
    ("requests", |_, one| one.figures.get(Figure::TableRequests)),
    ("KiB", |_, one| one.figures.get(Figure::TableBytes).map(|bytes| bytes / 1024.0)),
    ("port open", |_, one| one.figures.get(Figure::PortOpenP50Us)),
    ("registered", |_, one| one.figures.get(Figure::RegisteredP50Us)),
    ("polled", |_, one| one.figures.get(Figure::PolledP50Us)),
    ("1st stored", |_, one| one.figures.get(Figure::FirstOffloadP50Us)),
    ("later", |_, one| one.figures.get(Figure::LaterOffloadP50Us)),
    ("paused", |_, one| one.figures.get(Figure::PausedOffloadP50Us)),
    ("1st event", |_, one| one.figures.get(Figure::FirstInvocationP50Us)),
    ("warm", |_, one| one.figures.get(Figure::WarmP50Us)),
    ("warm p99", |_, one| one.figures.get(Figure::WarmP99Us)),
    ("idle MiB", |_, one| one.figures.get(Figure::IdleRssKib).map(|kib| kib / 1024.0)),
    ("wakes/s", |_, one| one.figures.get(Figure::WakeUpsPerSecond)),
    ("binary MB", |_, one| one.figures.get(Figure::BinaryBytes).map(|bytes| bytes / 1e6)),
    ("zip MB", |_, one| one.figures.get(Figure::ZipBytes).map(|bytes| bytes / 1e6)),
    ("GB/s", |_, one| one.figures.get(Figure::GbPerS)),
];

fn line(title: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.map(|cell| format!("{cell:>11}")).collect();
    format!("{title:<40}{}\n", cells.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn report(measurements: Vec<Measurement>) -> Report {
        Report { machine: Machine::this().unwrap(), binaries: vec![], runs: 1, measurements, acceptance: vec![] }
    }

    fn measurement(lane: &str, p50: f64) -> Measurement {
        let mut figures = Figures::default();
        figures.set(Figure::TotalP50Us, p50);
        Measurement { scenario: "s".to_owned(), pin: Pin::One, lane: lane.to_owned(), figures }
    }

    #[test]
    fn what_a_lane_adds_is_its_median_less_the_direct_one() {
        let lanes = [("direct", 100.0), ("relay", 140.0), ("lrap", 190.0)];
        let measurements = lanes.map(|(lane, p50)| measurement(lane, p50)).to_vec();
        let report = report(measurements);
        let added: Vec<_> = report.measurements.iter().map(|one| report.added(one, Figure::TotalP50Us)).collect();
        assert_eq!(added, [None, Some(40.0), Some(90.0)]);
        assert!(report.table().contains("2.25"), "{}", report.table());
    }

    #[test]
    fn columns_that_a_scenario_has_no_figures_for_are_left_out() {
        let report = report(vec![measurement("a", 1.0)]);
        assert_eq!(report.table().lines().nth(1).unwrap().split_whitespace().last(), Some("p50"));
    }
}
