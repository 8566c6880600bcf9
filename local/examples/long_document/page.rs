//! The figures as a page that a person understands at once.

use crate::figures::{Figures, Run, Step, TableUse};
use crate::verdict;

/// Characters of a line.
const WIDTH: usize = 96;
/// Characters of the column of labels.
const LABEL: usize = 22;

/// The page.
pub(crate) fn of(figures: &Figures) -> String {
    let mut page = String::from("\n");
    document(&mut page, figures);
    workflow(&mut page, figures);
    table(&mut page, &figures.runs);
    time(&mut page, &figures.runs);
    analysis(&mut page, &figures.runs);
    outcome(&mut page, figures);
    page
}

fn document(page: &mut String, figures: &Figures) {
    let document = &figures.document;
    title(page, "Document");
    row(page, "name", &document.name);
    row(page, "origin", &document.origin);
    row(page, "size", &bytes(document.bytes as u64));
}

fn workflow(page: &mut String, figures: &Figures) {
    title(page, "What crossed the workflow");
    for (run, which) in figures.runs.iter().take(1).zip(["state"]) {
        let state = &run.state;
        let share = state.bytes as f64 / state.limit as f64 * 100.0;
        row(
            page,
            which,
            &format!("{} of at most {}: {share:.2} %", bytes(state.bytes as u64), grouped(state.limit as u64)),
        );
        row(page, "in place of the text", &in_place_of_text(run));
    }
    row(page, "without the layer", &without_layer(figures));
}

fn in_place_of_text(run: &Run) -> String {
    match &run.state.reference {
        Some(reference) => shortened(reference, WIDTH - LABEL - 2),
        None => "nothing: it is short enough to travel as it is".to_owned(),
    }
}

fn without_layer(figures: &Figures) -> String {
    let bare = &figures.without_layer;
    let verdict = match (&bare.refused_by_lambda, bare.fits_state) {
        (Some(_), _) => "refused: more than Lambda answers (6 MB)",
        (None, false) => "refused: more than a state holds",
        (None, true) => "fits",
    };
    format!("{}: {verdict}", bytes(bare.bytes as u64))
}

fn table(page: &mut String, runs: &[Run]) {
    title(page, "Content table (DynamoDB on demand, list price in us-east-1)");
    columns(page, "", ["items", "requests", "bytes", "units", "USD"]);
    for (run, which) in runs.iter().zip(["first run", "second run"]) {
        usage(page, &format!("{which}, written"), &run.written, "WRU");
        usage(page, &format!("{which}, read"), &run.read, "RRU");
    }
}

fn usage(page: &mut String, label: &str, usage: &TableUse, unit: &str) {
    let units = format!("{} {unit}", usage.units);
    let usd = format!("{:.7}", usage.usd);
    columns(page, label, [&grouped(usage.items), &grouped(usage.requests), &grouped(usage.bytes), &units, &usd]);
}

fn time(page: &mut String, runs: &[Run]) {
    title(page, "Time");
    columns(page, "", ["start", "init ms", "function ms", "caller ms", "memory MB"]);
    for run in runs {
        for step in [&run.reader, &run.analyser] {
            timing(page, step);
        }
    }
}

fn timing(page: &mut String, step: &Step) {
    let start = if step.init_ms.is_some() { "cold" } else { "warm" };
    let init = step.init_ms.map_or_else(|| "-".to_owned(), |init| format!("{init:.1}"));
    let (duration, caller) = (format!("{:.1}", step.duration_ms), format!("{:.1}", step.seen_by_caller_ms));
    columns(page, &step.function, [start, &init, &duration, &caller, &step.max_memory_mb.to_string()]);
}

fn analysis(page: &mut String, runs: &[Run]) {
    let Some(run) = runs.last() else { return };
    let analysis = &run.analysis;
    title(page, "Analysis");
    let (words, lines) = (grouped(analysis.words), grouped(analysis.lines as u64));
    row(page, "counts", &format!("{words} words, {} characters, {lines} lines", grouped(analysis.chars as u64)));
    let terms: Vec<_> =
        analysis.terms.iter().take(5).map(|term| format!("{} {}", term.term, grouped(term.count))).collect();
    row(page, "most frequent terms", &terms.join(" · "));
}

fn outcome(page: &mut String, figures: &Figures) {
    title(page, "Verdict");
    row(page, "SHA-256 sent", &figures.document.sha256);
    for run in &figures.runs {
        row(page, "SHA-256 received", &run.analysis.sha256);
    }
    let verdict = if verdict::problems(figures).is_empty() {
        "what arrived is byte for byte what was sent"
    } else {
        "WHAT ARRIVED IS NOT WHAT WAS SENT"
    };
    page.push('\n');
    page.push_str(&format!("  {verdict}\n\n"));
}

fn title(page: &mut String, title: &str) {
    let rule = "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4));
    page.push_str(&format!("── {title} {rule}\n"));
}

fn row(page: &mut String, label: &str, value: &str) {
    page.push_str(&format!("  {label:<LABEL$}{value}\n"));
}

fn columns(page: &mut String, label: &str, cells: [&str; 5]) {
    let cells: String = cells.iter().map(|cell| format!("{cell:>14}")).collect();
    page.push_str(&format!("  {label:<LABEL$}{cells}\n"));
}

fn bytes(bytes: u64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    let size = bytes as f64;
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} bytes ({:.1} KiB)", grouped(bytes), size / 1024.0),
        _ => format!("{} bytes ({:.1} MiB)", grouped(bytes), size / MIB),
    }
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The beginning and the end, when it does not fit.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let head: String = text.chars().take(width / 2).collect();
    let tail: String = text.chars().skip(length - (width - width / 2 - 1)).collect();
    format!("{head}…{tail}")
}
