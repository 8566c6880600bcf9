//! `docs/performance.md`: figures go between marks of the page, plots beside it. What people wrote around them stays.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::bare;
use crate::figures::{Figure, Measurement};
use crate::pin::Pin;
use crate::plot::Chart;
use crate::report::{COLUMNS, Report, number};

/// Families of scenarios, each with a table on the page: the first words of their names.
const FAMILIES: [&str; 7] = ["passthrough", "offload", "hydrate", "conversation", "start", "idle", "scan"];

/// Puts a report into `performance.md` and the plots into `performance/`, both in the folder `docs`. A report that some family of
/// scenarios is missing from changes nothing.
pub(crate) fn write(report: &Report, docs: &Path) -> anyhow::Result<()> {
    let (page, plots) = (docs.join("performance.md"), docs.join("performance"));
    let text = fs::read_to_string(&page).with_context(|| format!("{} cannot be read", page.display()))?;
    let text = filled(report, &text)?;
    fs::create_dir_all(&plots)?;
    for (name, chart) in charts(report) {
        let svg = chart.svg().with_context(|| format!("nothing was measured of {name}"))?;
        fs::write(plots.join(format!("{name}.svg")), svg)?;
    }
    Ok(fs::write(&page, text)?)
}

fn filled(report: &Report, page: &str) -> anyhow::Result<String> {
    let mut page = between_marks(page, "machine", &machine(report))?;
    page = between_marks(&page, "promises", &promises(report))?;
    for family in FAMILIES {
        page = between_marks(&page, family, &table(report, family)?)?;
    }
    Ok(page)
}

/// The page with another text between `<!-- name -->` and `<!-- /name -->`.
fn between_marks(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = page.split_once(&begin).with_context(|| format!("the page has no {begin}"))?;
    let (_, after) = rest.split_once(&end).with_context(|| format!("the page has no {end}"))?;
    Ok([before, &begin, text, &end, after].concat())
}

fn machine(report: &Report) -> String {
    let machine = &report.machine;
    let rows = [
        ("Processor", format!("{}, {} of it", machine.processor, machine.processors)),
        ("Kernel", machine.kernel.clone()),
        ("Compiler", machine.compiler.clone()),
        ("Commit", machine.commit.clone()),
        ("Runs", format!("{}, of which the medians are shown", report.runs)),
    ];
    markdown(&["", ""], rows.map(|(name, value)| vec![name.to_owned(), value]))
}

fn promises(report: &Report) -> String {
    let rows = report.acceptance.iter().map(|row| {
        let met = if row.met { "yes" } else { "**no**" };
        let measured = number(Some(row.measured));
        [&row.criterion, &row.what, &row.pin.to_string(), &row.limit.to_string(), &measured, met]
            .map(str::to_owned)
            .to_vec()
    });
    markdown(&["", "What", "On", "Limit", "Measured", "Met"], rows)
}

/// All that was measured of one family, with the columns that it has.
fn table(report: &Report, family: &str) -> anyhow::Result<String> {
    let of_family = |one: &&Measurement| one.scenario.split('/').next() == Some(family);
    let measured: Vec<_> = report.measurements.iter().filter(of_family).collect();
    ensure!(!measured.is_empty(), "nothing was measured of {family}");
    let columns: Vec<_> =
        COLUMNS.iter().filter(|(_, cell)| measured.iter().any(|one| cell(report, one).is_some())).collect();
    let headings: Vec<_> =
        ["Scenario", "On", "Lane"].into_iter().chain(columns.iter().map(|(name, _)| *name)).collect();
    let rows = measured.iter().map(|one| {
        let names = [one.scenario.clone(), one.pin.to_string(), one.lane.clone()];
        names.into_iter().chain(columns.iter().map(|(_, cell)| number(cell(report, one)))).collect()
    });
    Ok(markdown(&headings, rows))
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
        let marks = ["machine", "promises"].into_iter().chain(FAMILIES);
        let empty = |name: &&str| PAGE.contains(&format!("<!-- {name} -->\n<!-- /{name} -->"));
        assert_eq!(marks.filter(empty).collect::<Vec<_>>(), Vec::<&str>::new());
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
        let some = Report::new(whole.machine, 1, whole.binaries, some);
        assert!(filled(&some, PAGE).unwrap_err().to_string().contains("idle"));
    }
}
