//! `docs/performance.md`: the figures that people need go between marks of the page, all of them as JSON and plots beside it. What
//! people wrote around them stays.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use serde_json::Value;

use crate::bare;
use crate::figures::{Figure, Measurement};
use crate::machine::Machine;
use crate::number::{number, ratio};
use crate::pin::Pin;
use crate::plot::Chart;
use crate::promise::Row;
use crate::report::Report;
use crate::scenario::function;

/// Families of scenarios: the first words of their names.
const FAMILIES: [&str; 9] =
    ["passthrough", "offload", "hydrate", "neighbour", "conversation", "start", "idle", "function", "scan"];

/// Kinds of promises, and what they are about.
const CRITERIA: [(&str, &str); 9] = [
    ("C1", "passing through, compared with relays"),
    ("C2", "offloading, compared with bare requests"),
    ("C3", "hydrating, compared with bare requests and with contents inline"),
    ("C4", "searching for what to replace"),
    ("C5", "cold starts, and the first offload after one"),
    ("C6", "size of the binary, memory"),
    ("C7", "wake-ups while idle"),
    ("C8", "small events, while events with references to large contents are processed"),
    ("C9", "the functions of an agent"),
];

/// Puts a report into `performance.md` and, with all of its figures as JSON and the plots, into `performance/`, both in the folder
/// `docs`. A report that some family of scenarios is missing from changes nothing.
pub(crate) fn write(report: &Report, docs: &Path) -> anyhow::Result<()> {
    let (page, beside) = (docs.join("performance.md"), docs.join("performance"));
    let text = fs::read_to_string(&page).with_context(|| format!("{} cannot be read", page.display()))?;
    let text = filled(report, &text)?;
    fs::create_dir_all(&beside)?;
    for (name, chart) in charts(report) {
        let svg = chart.svg().with_context(|| format!("nothing was measured of {name}"))?;
        fs::write(beside.join(format!("{name}.svg")), svg)?;
    }
    fs::write(beside.join("report.json"), json(report)?)?;
    Ok(fs::write(&page, text)?)
}

/// The report with a line for each measurement and promise, so that two of them can be compared line by line.
fn json(report: &Report) -> anyhow::Result<String> {
    let lines = |values: &Value| {
        values.as_array().into_iter().flatten().map(|value| format!("\n    {value}")).collect::<Vec<_>>()
    };
    let report = serde_json::to_value(report)?;
    let members = report.as_object().context("BUG: a report is an object")?.iter();
    let members = members.map(|(name, value)| match name.as_str() {
        "measurements" | "acceptance" => format!("  \"{name}\": [{}\n  ]", lines(value).join(",")),
        _ => format!("  \"{name}\": {value}"),
    });
    Ok(format!("{{\n{}\n}}\n", members.collect::<Vec<_>>().join(",\n")))
}

fn filled(report: &Report, page: &str) -> anyhow::Result<String> {
    for family in FAMILIES {
        let of_family = |one: &Measurement| one.scenario.split('/').next() == Some(family);
        ensure!(report.measurements.iter().any(of_family), "nothing was measured of {family}");
    }
    let lane = subject(report).next().context("no extension was measured")?;
    let parts = [
        ("machine", machine(report)),
        ("promises", promises(report)),
        ("passing", passing(report, lane)),
        ("contents", contents(report, lane)),
        ("sandbox", sandbox(report, lane)),
        ("functions", functions(report)),
    ];
    parts.iter().try_fold(page.to_owned(), |page, (name, text)| between_marks(&page, name, text))
}

/// The page with another text between `<!-- name -->` and `<!-- /name -->`.
fn between_marks(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("the page has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the page has no {end}"))?;
    Ok([before, &begin, text, &end, after].concat())
}

fn machine(report: &Report) -> String {
    let Machine { processor, processors, kernel, compiler, commit } = &report.machine;
    let runs = report.runs;
    format!(
        "{processor}, {processors} processors; Linux {kernel}; {compiler}; commit {commit}; medians of {runs} runs.\n"
    )
}

/// How many promises of each kind are kept, and which are not.
fn promises(report: &Report) -> String {
    let count = |criterion: &str, is: fn(&Row) -> bool| {
        report.acceptance.iter().filter(|row| row.criterion == criterion && is(row)).count().to_string()
    };
    let counts = CRITERIA.map(|(criterion, about)| {
        vec![criterion.to_owned(), about.to_owned(), count(criterion, |_| true), count(criterion, |row| row.met)]
    });
    let missed = report.acceptance.iter().filter(|row| !row.met).map(|row| {
        let measured = number(Some(row.measured));
        [&row.criterion, &row.what, &row.pin.to_string(), &row.limit.to_string(), &measured].map(Clone::clone).to_vec()
    });
    let missed: Vec<_> = missed.collect();
    let counts = markdown(&["", "About", "Promises", "Met"], counts);
    if missed.is_empty() {
        return counts;
    }
    format!("{counts}\nNot met:\n\n{}", markdown(&["", "What", "On", "Limit", "Measured"], missed))
}

/// What an invocation takes without any lane and what each adds, in microseconds.
fn passing(report: &Report, lane: &str) -> String {
    let sizes = ["1KiB", "32KiB", "256KiB", "1MiB", "5.5MiB"];
    let rows = [Pin::One, Pin::Two].into_iter().flat_map(|pin| sizes.map(|size| (size, pin)));
    let row = |(size, pin): (&str, Pin)| {
        let scenario = format!("passthrough/{size}/length");
        let of = |lane: &str, figure| report.figure(&scenario, pin, lane, figure);
        let direct = of("direct", Figure::TotalP50Us);
        let added = |lane: &str| of(lane, Figure::TotalP50Us).zip(direct).map(|(took, direct)| took - direct);
        let limit = report.acceptance.iter().find(|row| {
            row.pin == pin
                && row.what.strip_prefix(&scenario).is_some_and(|what| what == ": added p50, compared with the relay")
        });
        let figures = [
            direct,
            added("splice"),
            added("gather"),
            added("relay"),
            added(lane),
            ratio(added(lane), added("relay")),
            of("relay", Figure::CpuUs),
            of(lane, Figure::CpuUs),
        ];
        let limit = limit.map_or_else(|| "-".to_owned(), |row| row.limit.to_string());
        let cells = figures.map(number);
        let (before, behind) = cells.split_at(6);
        [&[size.to_owned(), pin.to_string()][..], before, &[limit][..], behind].concat()
    };
    let headings = [
        "Size",
        "On",
        "direct",
        "splice",
        "gather",
        "relay",
        "lrap",
        "compared with the relay",
        "Limit",
        "CPU, relay",
        "CPU, lrap",
    ];
    markdown(&headings, rows.map(row))
}

/// What storing and reading take on one processor, in milliseconds, beside a bare request.
fn contents(report: &Report, lane: &str) -> String {
    let kinds = [
        ("offload", "5ms", Figure::ResponseP50Us, &["1x20KiB", "20x20KiB", "1x300KiB", "1x2MiB", "1x5MiB"][..]),
        ("hydrate", "cold/5ms", Figure::NextP50Us, &["1x20KiB", "20x20KiB", "100x20KiB"][..]),
        ("hydrate", "cached", Figure::NextP50Us, &["1x20KiB", "20x20KiB", "100x20KiB"][..]),
    ];
    let scenarios = kinds.into_iter().flat_map(|(family, case, figure, contents)| {
        contents.iter().map(move |content| (format!("{family}/{content}/{case}"), figure))
    });
    let row = |(scenario, figure): (String, Figure)| {
        let of = |lane: &str, figure| report.figure(&scenario, Pin::One, lane, figure);
        let millis = |lane: &str| of(lane, figure).map(|micros| micros / 1e3);
        let figures = [
            millis(bare::NAME),
            millis(lane),
            of(lane, Figure::CpuUs).map(|micros| micros / 1e3),
            of(lane, Figure::TableRequests),
        ];
        [scenario.clone()].into_iter().chain(figures.map(number)).collect()
    };
    markdown(&["Scenario", "bare request", "lrap", "CPU", "Requests"], scenarios.map(row))
}

/// What a sandbox pays once, beside the least extension.
fn sandbox(report: &Report, lane: &str) -> String {
    type Unit = fn(f64) -> f64;
    let (millis, megabytes): (Unit, Unit) = (|micros| micros / 1e3, |kib| kib * 1024.0 / 1e6);
    let rows: [(&str, &str, Figure, Unit); 7] = [
        ("start to the open port, ms", "start/0ms", Figure::PortOpenP50Us, millis),
        ("start to the first poll, ms", "start/0ms", Figure::PolledP50Us, millis),
        ("first response that offloads, ms", "start/0ms", Figure::FirstOffloadP50Us, millis),
        (
            "later response that offloads, after a pause of 20 ms (the first one comes after the same pause), ms",
            "start/0ms",
            Figure::PausedOffloadP50Us,
            millis,
        ),
        ("memory while idle, MB", "idle", Figure::IdleRssKib, megabytes),
        ("peak memory for 5.5 MiB that passes, MB", "passthrough/5.5MiB/length", Figure::PeakRssKib, megabytes),
        ("binary, MB", "idle", Figure::BinaryBytes, |bytes| bytes / 1e6),
    ];
    let row = |(what, scenario, figure, unit): (&str, &str, Figure, Unit)| {
        let of = |lane: &str| number(report.figure(scenario, Pin::One, lane, figure).map(unit));
        vec![what.to_owned(), of(lane), of("hello")]
    };
    markdown(&["On one processor", "lrap", "hello"], rows.map(row))
}

/// What the functions of an agent take on one processor.
fn functions(report: &Report) -> String {
    let row = |name: &str| {
        let of = |figure| report.figure(&format!("function/{name}"), Pin::One, function::LANE, figure);
        let millis = |figure| of(figure).map(|micros| micros / 1e3);
        let figures = [
            of(Figure::ZipBytes).map(|bytes| bytes / 1e6),
            millis(Figure::PolledP50Us),
            millis(Figure::FirstInvocationP50Us),
            millis(Figure::WarmP50Us),
            millis(Figure::WarmP99Us),
            of(Figure::IdleRssKib).map(|kib| kib * 1024.0 / 1e6),
        ];
        [format!("`{name}`")].into_iter().chain(figures.map(number)).collect()
    };
    let headings = [
        "Function",
        "zip, MB",
        "start to the first poll, ms",
        "first event, ms",
        "warm, ms",
        "warm p99, ms",
        "idle, MB",
    ];
    markdown(&headings, ["llm", "tool"].map(row))
}

fn markdown(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let heading = format!("| {} |\n|{}\n", headings.join(" | "), " --- |".repeat(headings.len()));
    let rows: Vec<_> = rows.into_iter().map(|row| line(&row)).collect();
    heading + &rows.concat()
}

/// The plots by their files' names.
fn charts(report: &Report) -> Vec<(&'static str, Chart)> {
    vec![
        ("passthrough-one", pass_through(report, Pin::One)),
        ("passthrough-two", pass_through(report, Pin::Two)),
        ("offload", offload(report)),
        ("hydrate", hydrate(report)),
        ("start", start(report)),
        ("scan", scan(report)),
    ]
}

fn pass_through(report: &Report, pin: Pin) -> Chart {
    let lanes: Vec<_> = ["relay", "splice", "gather"].into_iter().chain(subject(report)).collect();
    let direct = |scenario: &str| report.figure(scenario, pin, "direct", Figure::TotalP50Us);
    let groups = ["1KiB", "32KiB", "256KiB", "1MiB", "5.5MiB"].map(|size| {
        let scenario = format!("passthrough/{size}/length");
        let added = |lane: &&str| Some(report.figure(&scenario, pin, lane, Figure::TotalP50Us)? - direct(&scenario)?);
        (size.to_owned(), lanes.iter().map(added).collect())
    });
    chart(&format!("What an invocation that passes takes longer, p50 in µs, {pin}"), &lanes, groups)
}

fn offload(report: &Report) -> Chart {
    let lanes: Vec<_> = ["direct", bare::NAME].into_iter().chain(subject(report)).collect();
    let groups = ["1x20KiB", "20x20KiB", "1x300KiB", "1x2MiB", "1x5MiB"].map(|contents| {
        let scenario = format!("offload/{contents}/5ms");
        let took = |lane: &&str| report.figure(&scenario, Pin::One, lane, Figure::ResponseP50Us);
        (contents.to_owned(), lanes.iter().map(took).collect())
    });
    chart("A response that offloads, table at 5 ms, p50 in µs, one processor", &lanes, groups)
}

fn hydrate(report: &Report) -> Chart {
    let lanes: Vec<_> = ["direct, inline", bare::NAME].into_iter().chain(subject(report)).collect();
    let groups = [1, 20, 100].into_iter().flat_map(|count| {
        ["cold/5ms", "cached"].map(|case| {
            let scenario = format!("hydrate/{count}x20KiB/{case}");
            let took = |lane: &&str| report.figure(&scenario, Pin::One, lane, Figure::NextP50Us);
            (format!("{count}x20KiB {case}"), lanes.iter().map(took).collect())
        })
    });
    chart("An event with references, p50 in µs, one processor", &lanes, groups)
}

fn start(report: &Report) -> Chart {
    let lanes: Vec<_> = ["hello"].into_iter().chain(subject(report)).collect();
    let milestones = [
        ("port open", Figure::PortOpenP50Us),
        ("registered", Figure::RegisteredP50Us),
        ("first poll", Figure::PolledP50Us),
    ];
    let groups = milestones.map(|(label, figure)| {
        (label.to_owned(), lanes.iter().map(|lane| report.figure("start/0ms", Pin::One, lane, figure)).collect())
    });
    chart("A cold start, p50 in µs, one processor", &lanes, groups)
}

fn scan(report: &Report) -> Chart {
    let passes = ["memchr", "memmem", "hydrate::plan", "offload::plan", "EventScreen", "ResponseScreen"];
    let groups = ["long", "small", "escapes", "nested", "html", "short"].map(|text| {
        let speed = |pass: &&str| report.figure(&format!("scan/{text}"), Pin::One, pass, Figure::GbPerS);
        (text.to_owned(), passes.iter().map(speed).collect())
    });
    chart("Looking at JSON with nothing to replace, GB/s", &passes, groups)
}

/// The extensions.
fn subject(report: &Report) -> impl Iterator<Item = &str> {
    report.binaries.iter().map(|binary| binary.lane.as_str())
}

fn chart(title: &str, series: &[&str], groups: impl IntoIterator<Item = (String, Vec<Option<f64>>)>) -> Chart {
    let series = series.iter().map(|name| (*name).to_owned()).collect();
    Chart { title: title.to_owned(), series, groups: groups.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acceptance::judged;
    use crate::acceptance::tests::report;

    const PAGE: &str = include_str!("../../docs/performance.md");

    #[test]
    fn figures_take_the_place_of_figures_and_nothing_else() {
        let page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n";
        assert_eq!(between_marks(page, "x", "new\n").unwrap(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n");
        assert!(between_marks(page, "y", "new\n").is_err());
    }

    #[test]
    fn the_page_has_a_place_for_all_figures_and_shows_every_plot() {
        let report = report();
        let page = filled(&report, PAGE).unwrap();
        assert_eq!(filled(&report, &page).unwrap(), page);
        for (name, _) in charts(&report) {
            assert!(page.contains(&format!("](performance/{name}.svg)")), "{name}");
            assert!(
                Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/performance"))
                    .join(name)
                    .with_extension("svg")
                    .exists()
            );
        }
    }

    #[test]
    fn the_page_has_figures() {
        let marks = ["machine", "promises", "passing", "contents", "sandbox", "functions"];
        let empty = |name: &&str| PAGE.contains(&format!("<!-- {name} -->\n<!-- /{name} -->"));
        assert_eq!(marks.into_iter().filter(empty).collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn the_page_is_short() {
        assert!(PAGE.lines().count() < 150, "{} lines", PAGE.lines().count());
    }

    #[test]
    fn every_cell_of_the_page_is_measured() {
        let report = report();
        let tables =
            [passing(&report, "lrap"), contents(&report, "lrap"), sandbox(&report, "lrap"), functions(&report)]
                .concat();
        let unmeasured: Vec<_> =
            tables.lines().filter(|row| row.contains("| - |") && !row.contains("two processors")).collect();
        assert_eq!(unmeasured, Vec::<&str>::new());
        assert!(promises(&report).contains("Not met"));
        let criteria =
            report.acceptance.iter().all(|row| CRITERIA.iter().any(|(criterion, _)| *criterion == row.criterion));
        assert!(criteria, "a promise of a kind that the page does not count");
    }

    #[test]
    fn the_report_beside_the_page_is_the_report() {
        let report = report();
        let read: Report = serde_json::from_str(&json(&report).unwrap()).unwrap();
        assert_eq!((read.measurements.len(), read.acceptance), (report.measurements.len(), report.acceptance));
    }

    #[test]
    fn every_bar_of_every_plot_is_measured() {
        for (name, chart) in charts(&report()) {
            let missing = chart.groups.iter().find(|(_, values)| values.contains(&None));
            assert_eq!(missing, None, "{name}");
        }
    }

    #[test]
    fn a_report_of_some_scenarios_is_no_page() {
        let whole = report();
        let some = whole.measurements.into_iter().filter(|one| one.scenario != "idle").collect();
        let some = judged(whole.machine, 1, whole.binaries, some);
        assert!(filled(&some, PAGE).unwrap_err().to_string().contains("idle"));
    }
}
