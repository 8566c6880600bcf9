//! What is promised, beside what came out. Ratios are between lanes of the same run, so that they hold on any machine.

use crate::bare;
use crate::figures::{Figure, Measurement};
use crate::machine::{Binary, Machine};
use crate::number::ratio;
use crate::pin::Pin;
use crate::promise::{Limit, Row};
use crate::report::Report;
use crate::scenario::function;

/// A report of medians over so many runs, held against what is promised.
pub(crate) fn judged(machine: Machine, runs: usize, binaries: Vec<Binary>, measurements: Vec<Measurement>) -> Report {
    let mut report = Report { machine, binaries, runs, measurements, acceptance: vec![] };
    report.acceptance = rows(&report);
    report
}

/// A report that was written earlier, held against what is promised today.
pub(crate) fn judged_again(json: &[u8]) -> serde_json::Result<Report> {
    let Report { machine, binaries, runs, measurements, .. } = serde_json::from_slice(json)?;
    Ok(judged(machine, runs, binaries, measurements))
}

/// The promises whose scenarios were measured, about the first of the binaries.
fn rows(report: &Report) -> Vec<Row> {
    let Some(binary) = report.binaries.first() else { return vec![] };
    let subject = Subject { report, lane: &binary.lane };
    all(&subject).into_iter().filter_map(Promise::kept_or_not).collect()
}

fn all(subject: &Subject<'_>) -> Vec<Promise> {
    let parts = [
        pass_through(subject),
        offload(subject),
        hydrate(subject),
        neighbour(subject),
        scan(subject),
        start(subject),
        size(subject),
        functions(subject),
        idleness(subject),
    ];
    parts.into_iter().flatten().collect()
}

/// One promise; nothing is measured where the scenario was left out.
struct Promise {
    criterion: &'static str,
    what: String,
    pin: Pin,
    limit: Limit,
    measured: Option<f64>,
}

impl Promise {
    fn kept_or_not(self) -> Option<Row> {
        let Self { criterion, what, pin, limit, measured } = self;
        let measured = measured?;
        Some(Row { criterion: criterion.to_owned(), what, pin, limit, measured, met: limit.is_met_by(measured) })
    }
}

/// The lane that promises are about.
struct Subject<'a> {
    report: &'a Report,
    lane: &'a str,
}

impl Subject<'_> {
    fn get(&self, scenario: &str, pin: Pin, figure: Figure) -> Option<f64> {
        self.report.figure(scenario, pin, self.lane, figure)
    }

    /// How many times what another lane needs this one needs.
    fn times(&self, scenario: &str, pin: Pin, lane: &str, figure: Figure) -> Option<f64> {
        ratio(self.get(scenario, pin, figure), self.report.figure(scenario, pin, lane, figure))
    }

    /// The same of what both add to the direct lane's median.
    fn added_times(&self, scenario: &str, pin: Pin, lane: &str) -> Option<f64> {
        let median = |lane| self.report.figure(scenario, pin, lane, Figure::TotalP50Us);
        let direct = median("direct")?;
        ratio(Some(median(self.lane)? - direct), Some(median(lane)? - direct))
    }
}

const PINS: [Pin; 2] = [Pin::One, Pin::Two];

/// What is promised of a size.
struct Size {
    name: &'static str,
    /// What may be added on one processor, compared with what the relay adds.
    added: f64,
    /// The same, compared with what the relay that gathers adds.
    gathered: Option<f64>,
    /// CPU time, compared with the relay.
    cpu: f64,
    /// Whether an invocation of that size is most of all round trips.
    is_small: bool,
}

const SIZES: [Size; 5] = [
    Size { name: "1KiB", added: 1.3, gathered: None, cpu: 1.5, is_small: true },
    Size { name: "32KiB", added: 1.6, gathered: None, cpu: 1.5, is_small: true },
    Size { name: "256KiB", added: 1.8, gathered: Some(1.1), cpu: 2.0, is_small: false },
    Size { name: "1MiB", added: 1.25, gathered: None, cpu: 2.0, is_small: false },
    Size { name: "5.5MiB", added: 1.25, gathered: None, cpu: 2.0, is_small: false },
];

fn pass_through(subject: &Subject<'_>) -> Vec<Promise> {
    let framings = ["length", "chunks"].into_iter();
    framings.flat_map(|framing| SIZES.iter().flat_map(move |size| one_size(subject, size, framing))).collect()
}

fn one_size(subject: &Subject<'_>, size: &Size, framing: &str) -> Vec<Promise> {
    let scenario = &format!("passthrough/{}/{framing}", size.name);
    let promise = |what, pin, limit, measured| Promise {
        criterion: "C1",
        what: format!("{scenario}: {what}"),
        pin,
        limit: Limit::AtMost(limit),
        measured,
    };
    let added = |pin, lane| subject.added_times(scenario, pin, lane);
    let of_relay = |pin, figure| subject.times(scenario, pin, "relay", figure);
    let gathered = size.gathered.map(|limit| {
        promise("added p50, compared with a relay that gathers", Pin::One, limit, added(Pin::One, "gather"))
    });
    let on_two = if size.is_small {
        promise("added p50, compared with the relay", Pin::Two, 1.5, added(Pin::Two, "relay"))
    } else {
        promise("added p50, compared with a relay that gathers", Pin::Two, 1.25, added(Pin::Two, "gather"))
    };
    let promises = [
        promise("added p50, compared with the relay", Pin::One, size.added, added(Pin::One, "relay")),
        promise("CPU, compared with the relay", Pin::One, size.cpu, of_relay(Pin::One, Figure::CpuUs)),
        on_two,
        promise("p99, compared with the relay", Pin::Two, 2.0, of_relay(Pin::Two, Figure::TotalP99Us)),
    ];
    promises.into_iter().chain(gathered).collect()
}

fn offload(subject: &Subject<'_>) -> Vec<Promise> {
    let on = |pin| {
        let median = |scenario| subject.get(scenario, pin, Figure::ResponseP50Us);
        let bare = |scenario| subject.report.figure(scenario, pin, bare::NAME, Figure::ResponseP50Us);
        let promise = |what: &str, limit, measured| Promise {
            criterion: "C2",
            what: what.to_owned(),
            pin,
            limit: Limit::AtMost(limit),
            measured,
        };
        let one = "offload/1x20KiB/0ms";
        let many = "offload/20x20KiB/5ms";
        let large = "offload/1x5MiB/5ms";
        let more = median(one).zip(bare(one)).map(|(took, bare)| took - bare);
        let rest = median(large).zip(bare(large)).map(|(took, bare)| (took - 3.0 * bare) / 1e3);
        [
            promise(
                "offload/1x20KiB/0ms: p50 minus that of a bare PutItem (µs)",
                if pin == Pin::One { 280.0 } else { 350.0 },
                more,
            ),
            promise("offload/20x20KiB/5ms: p50, in round trips", 2.5, ratio(median(many), bare(many))),
            promise("offload/1x5MiB/5ms: p50 minus three round trips (ms)", 40.0, rest),
        ]
    };
    PINS.into_iter().flat_map(on).collect()
}

fn hydrate(subject: &Subject<'_>) -> Vec<Promise> {
    let promise =
        |what, pin, limit, measured| Promise { criterion: "C3", what, pin, limit: Limit::AtMost(limit), measured };
    let cold = |pin| {
        [(20, 1.5), (100, 2.0)].map(|(count, limit)| {
            let scenario = format!("hydrate/{count}x20KiB/cold/5ms");
            let times = subject.times(&scenario, pin, bare::NAME, Figure::NextP50Us);
            promise(format!("{scenario}: p50, in round trips"), pin, limit, times)
        })
    };
    let cached = |pin| {
        [1, 20, 100].into_iter().flat_map(move |count| {
            let scenario = format!("hydrate/{count}x20KiB/cached");
            let inline = format!("{}, inline", subject.lane);
            let times = subject.times(&scenario, pin, &inline, Figure::NextP50Us);
            let requests = subject.get(&scenario, pin, Figure::TableRequests);
            [
                promise(format!("{scenario}: p50, compared with the same contents inline"), pin, 1.3, times),
                promise(format!("{scenario}: requests"), pin, 0.0, requests),
            ]
        })
    };
    PINS.into_iter().flat_map(|pin| cold(pin).into_iter().chain(cached(pin))).collect()
}

fn neighbour(subject: &Subject<'_>) -> Vec<Promise> {
    let alone = format!("{}, alone", subject.lane);
    let on = |pin| Promise {
        criterion: "C8",
        what: "neighbour: p99 beside references to 127 MiB, compared with p99 alone".to_owned(),
        pin,
        limit: Limit::AtMost(2.0),
        measured: subject.times("neighbour", pin, &alone, Figure::TotalP99Us),
    };
    PINS.map(on).into()
}

fn scan(subject: &Subject<'_>) -> Vec<Promise> {
    let speed = |text: &str, lane: &str| subject.report.figure(&format!("scan/{text}"), Pin::One, lane, Figure::GbPerS);
    let promise = |what, limit, measured| Promise { criterion: "C4", what, pin: Pin::One, limit, measured };
    let responses = [("long", 3.0), ("small", 1.5), ("escapes", 1.0), ("nested", 1.0), ("html", 1.0)];
    let responses = responses.into_iter().flat_map(|(text, limit)| {
        ["ResponseScreen", "offload::plan"]
            .map(|lane| promise(format!("scan/{text}: {lane} (GB/s)"), Limit::AtLeast(limit), speed(text, lane)))
    });
    let events = ["long", "small", "escapes", "nested", "html"].into_iter().flat_map(|text| {
        ["EventScreen", "hydrate::plan"].map(|lane| {
            let times = ratio(speed(text, "memmem"), speed(text, lane));
            promise(format!("scan/{text}: time of {lane}, compared with memmem"), Limit::AtMost(1.2), times)
        })
    });
    let short = ["ResponseScreen", "offload::plan"].map(|lane| {
        let times = ratio(speed("short", "memmem"), speed("short", lane));
        promise(format!("scan/short: time of {lane}, compared with memmem"), Limit::AtMost(1.2), times)
    });
    responses.chain(events).chain(short).collect()
}

fn start(subject: &Subject<'_>) -> Vec<Promise> {
    let on = |pin| {
        let promise = |what: &str, limit, measured| Promise {
            criterion: "C5",
            what: what.to_owned(),
            pin,
            limit: Limit::AtMost(limit),
            measured,
        };
        let get = |scenario: &str, figure| subject.get(scenario, pin, figure);
        let first = |scenario: &str, what: &str, later| {
            let times = ratio(get(scenario, Figure::FirstOffloadP50Us), get(scenario, later));
            promise(&format!("{scenario}: first offload, compared with {what}"), 1.2, times)
        };
        let [at_once, paused] = [Figure::LaterOffloadP50Us, Figure::PausedOffloadP50Us];
        let millis = get("start/0ms", Figure::PolledP50Us).map(|micros| micros / 1e3);
        let hellos = subject.times("start/0ms", pin, "hello", Figure::PolledP50Us);
        [
            promise("start/0ms: to the first poll, p50 (ms)", 5.0, millis),
            promise("start/0ms: to the first poll, compared with the smallest extension", 1.5, hellos),
            first("start/0ms", "those that follow at once", at_once),
            first("start/0ms", "one after a pause as long as before the first", paused),
            first("start/5ms", "those that follow at once", at_once),
            first("start/5ms", "one after a pause as long as before the first", paused),
        ]
    };
    PINS.into_iter().flat_map(on).collect()
}

fn size(subject: &Subject<'_>) -> Vec<Promise> {
    let promise = |what: &str, pin, limit, bytes: Option<f64>| {
        let measured = bytes.map(|bytes| bytes / 1e6);
        Promise { criterion: "C6", what: what.to_owned(), pin, limit: Limit::AtMost(limit), measured }
    };
    let memory = |scenario, pin, figure| subject.get(scenario, pin, figure).map(|kib| kib * 1024.0);
    let alone = [
        promise("idle: binary (MB)", Pin::One, 6.2, subject.get("idle", Pin::One, Figure::BinaryBytes)),
        promise("idle: memory (MB)", Pin::One, 7.3, memory("idle", Pin::One, Figure::IdleRssKib)),
    ];
    let passing = PINS.into_iter().flat_map(|pin| {
        ["passthrough/5.5MiB/length", "passthrough/5.5MiB/chunks"].map(|scenario| {
            promise(&format!("{scenario}: peak memory (MB)"), pin, 16.0, memory(scenario, pin, Figure::PeakRssKib))
        })
    });
    alone.into_iter().chain(passing).collect()
}

/// Bounds that a user of the platform may count on; the size is what Lambda loads at every cold start.
fn functions(subject: &Subject<'_>) -> Vec<Promise> {
    let of = |name: &'static str| {
        let get = |figure| subject.report.figure(&format!("function/{name}"), Pin::One, function::LANE, figure);
        let promise = |what: &str, limit, measured: Option<f64>, unit| Promise {
            criterion: "C9",
            what: format!("function/{name}: {what}"),
            pin: Pin::One,
            limit: Limit::AtMost(limit),
            measured: measured.map(|value| value / unit),
        };
        let cold = get(Figure::PolledP50Us).zip(get(Figure::FirstInvocationP50Us)).map(|(start, first)| start + first);
        [
            promise("zip (MB)", 10.0, get(Figure::ZipBytes), 1e6),
            promise("cold start and first invocation, p50 (ms)", 1000.0, cold, 1e3),
            promise("a warm invocation, p50 (ms)", 10.0, get(Figure::WarmP50Us), 1e3),
        ]
    };
    ["llm", "tool"].into_iter().flat_map(of).collect()
}

fn idleness(subject: &Subject<'_>) -> Vec<Promise> {
    let (pin, limit) = (Pin::One, Limit::AtMost(0.0));
    let measured = subject.get("idle", pin, Figure::WakeUpsPerSecond);
    vec![Promise { criterion: "C7", what: "idle: wake-ups per second".to_owned(), pin, limit, measured }]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::figures::Figures;
    use crate::scenario::Scenario;

    const LANES: [&str; 17] = [
        "direct",
        "relay",
        "gather",
        "lrap",
        "lrap, inline",
        bare::NAME,
        "hello",
        "memchr",
        "memmem",
        "hydrate::plan",
        "offload::plan",
        "EventScreen",
        "ResponseScreen",
        "direct, inline",
        "splice",
        "lrap, alone",
        function::LANE,
    ];

    /// A report of every scenario in which all figures of the first lane are 1, of the second 2, and so on.
    pub(crate) fn report() -> Report {
        let measured = |scenario: Scenario| {
            let of = move |(nth, lane)| PINS.map(|pin| measurement(&scenario.to_string(), pin, lane, nth as f64 + 1.0));
            LANES.into_iter().enumerate().flat_map(of)
        };
        let binary = Binary { lane: "lrap".to_owned(), size: 1 };
        let measurements = Scenario::all().into_iter().flat_map(measured).collect();
        judged(Machine::this().unwrap(), 1, vec![binary], measurements)
    }

    fn measurement(scenario: &str, pin: Pin, lane: &str, value: f64) -> Measurement {
        let mut figures = Figures::default();
        for figure in Figure::ALL {
            figures.set(figure, value);
        }
        Measurement { scenario: scenario.to_owned(), pin, lane: lane.to_owned(), figures }
    }

    fn row(what: &str, pin: Pin) -> Row {
        let rows = report().acceptance;
        rows.into_iter().find(|row| row.what == what && row.pin == pin).unwrap()
    }

    #[test]
    fn every_promise_is_about_something_that_is_measured() {
        let report = report();
        let promises = all(&Subject { report: &report, lane: "lrap" });
        let unmeasured: Vec<_> = promises.iter().filter(|one| one.measured.is_none()).map(|one| &one.what).collect();
        assert!(unmeasured.is_empty(), "{unmeasured:?}");
        assert_eq!(report.acceptance.len(), promises.len());
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let binary = Binary { lane: "lrap".to_owned(), size: 1 };
        assert_eq!(judged(Machine::this().unwrap(), 1, vec![binary], vec![]).acceptance, []);
    }

    #[test]
    fn added_latency_is_compared_with_the_relays() {
        let row = row("passthrough/1KiB/length: added p50, compared with the relay", Pin::One);
        assert_eq!((row.limit, row.measured, row.met), (Limit::AtMost(1.3), 3.0, false));
    }

    #[test]
    fn what_a_size_may_add_and_use_on_one_processor_is_its_own() {
        let limits = |what: &str| {
            ["1KiB", "32KiB", "256KiB", "1MiB", "5.5MiB"].map(|size| {
                let rows = report().acceptance;
                let what = format!("passthrough/{size}/length: {what}");
                rows.iter().find(|row| row.what == what && row.pin == Pin::One).map(|row| row.limit)
            })
        };
        let at_most = |limits: [f64; 5]| limits.map(|limit| (limit > 0.0).then_some(Limit::AtMost(limit)));
        assert_eq!(limits("added p50, compared with the relay"), at_most([1.3, 1.6, 1.8, 1.25, 1.25]));
        assert_eq!(limits("CPU, compared with the relay"), at_most([1.5, 1.5, 2.0, 2.0, 2.0]));
        assert_eq!(limits("added p50, compared with a relay that gathers"), at_most([0.0, 0.0, 1.1, 0.0, 0.0]));
    }

    #[test]
    fn large_bodies_on_two_processors_are_compared_with_a_relay_that_gathers() {
        let row = row("passthrough/1MiB/chunks: added p50, compared with a relay that gathers", Pin::Two);
        assert_eq!((row.limit, row.measured, row.met), (Limit::AtMost(1.25), 1.5, false));
    }

    #[test]
    fn round_trips_are_those_of_the_bare_request() {
        let row = row("offload/20x20KiB/5ms: p50, in round trips", Pin::Two);
        assert_eq!((row.limit, row.met), (Limit::AtMost(2.5), true));
        assert!((row.measured - 4.0 / 6.0).abs() < 1e-9);
    }

    #[test]
    fn speeds_must_reach_their_limits() {
        for (value, is_met) in [(2.9, false), (3.0, true), (3.1, true)] {
            assert_eq!(Limit::AtLeast(3.0).is_met_by(value), is_met);
        }
    }

    #[test]
    fn a_report_that_is_read_again_is_held_against_the_promises_of_today() {
        let report = report();
        let mut earlier = serde_json::to_value(&report).unwrap();
        earlier["acceptance"] = serde_json::json!([]);
        assert_eq!(judged_again(earlier.to_string().as_bytes()).unwrap().acceptance, report.acceptance);
    }
}
