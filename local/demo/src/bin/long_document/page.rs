//! The figures as a page that a person understands at once.

use crate::figures::{Figures, Run, Step, TableUse};
use crate::verdict;
use demo::grouped;
use std::fmt;

/// Characters of a line.
const WIDTH: usize = 106;
/// Characters of the column of labels.
const LABEL: usize = 22;
/// Characters of a column of figures, the space before it included.
const COLUMN: usize = 11;

/// What the runs are called.
const RUNS: [&str; 2] = ["first run", "second run"];

/// The page, as it is written: section by section.
struct Page(String);

/// The page.
pub(crate) fn of(figures: &Figures) -> String {
    let mut page = Page(String::new());
    page.document(figures);
    if let Some(first) = figures.runs.first() {
        page.workflow(first, figures);
    }
    page.table(&figures.runs);
    page.time(&figures.runs);
    if let Some(last) = figures.runs.last() {
        page.analysis(last);
    }
    page.verdict(figures);
    page.0
}

impl Page {
    fn document(&mut self, figures: &Figures) {
        let document = &figures.document;
        self.title("Document");
        self.row("name", &document.name);
        self.row("origin", &document.origin);
        self.row("size", bytes(document.bytes as u64));
    }

    fn workflow(&mut self, run: &Run, figures: &Figures) {
        let state = &run.state;
        let share = state.bytes as f64 / state.limit as f64 * 100.0;
        let limit = grouped(state.limit as u64);
        self.title("Workflow state between document-reader and document-analyser");
        self.row(
            "size",
            format_args!("{}, {share:.2} % of the {limit} that a state may have", bytes(state.bytes as u64)),
        );
        self.row("in place of the text", in_place_of_text(run));
        self.row("without the layer", without_layer(figures));
    }

    fn table(&mut self, runs: &[Run]) {
        self.title("Content table (DynamoDB on demand; USD at list price in us-east-1, and for the same bytes in S3)");
        self.columns("", ["items", "requests", "bytes", "WRU", "RRU", "USD", "in S3"]);
        for (run, which) in runs.iter().zip(RUNS) {
            self.usage(&format!("{which}: written"), &run.written);
            self.usage(&format!("{which}: read"), &run.read);
        }
    }

    fn usage(&mut self, label: &str, usage: &TableUse) {
        let counts = [usage.items, usage.requests, usage.bytes].map(grouped);
        let units = [usage.write_units, usage.read_units].map(|units| units.to_string());
        let usd = [usage.usd, usage.usd_in_s3].map(|usd| format!("{usd:.7}"));
        self.columns(label, counts.iter().chain(&units).chain(&usd));
    }

    fn time(&mut self, runs: &[Run]) {
        self.title("Time (init and function as Lambda reports them, caller as the workflow measures it)");
        self.columns("", ["start", "init", "function", "caller", "memory"]);
        for step in runs.iter().flat_map(|run| [&run.reader, &run.analyser]) {
            self.timing(step);
        }
    }

    fn timing(&mut self, step: &Step) {
        let start = if step.init_ms.is_some() { "cold" } else { "warm" };
        let init = step.init_ms.map_or_else(|| "-".to_owned(), milliseconds);
        let (duration, caller) = (milliseconds(step.duration_ms), milliseconds(step.seen_by_caller_ms));
        let memory = format!("{} MB", step.max_memory_mb);
        self.columns(&step.function, [start, &init, &duration, &caller, &memory]);
    }

    fn analysis(&mut self, run: &Run) {
        let analysis = &run.analysis;
        let (words, lines) = (grouped(analysis.words), grouped(analysis.lines as u64));
        let terms = analysis.terms.iter().take(5).map(|term| format!("{} {}", term.term, grouped(term.count)));
        let terms: Vec<_> = terms.collect();
        self.title("Analysis of what arrived");
        self.row("counts", format_args!("{words} words, {} characters, {lines} lines", grouped(analysis.chars as u64)));
        self.row("most frequent terms", if terms.is_empty() { "none".to_owned() } else { terms.join(" · ") });
    }

    fn verdict(&mut self, figures: &Figures) {
        self.title("Verdict");
        self.row("SHA-256 sent", &figures.document.sha256);
        for (run, which) in figures.runs.iter().zip(RUNS) {
            self.row(&format!("{which}: received"), &run.analysis.sha256);
        }
        let verdict = if verdict::problems(figures).is_empty() {
            "✔ What arrived is byte for byte what was sent."
        } else {
            "✘ What arrived is not what was sent."
        };
        self.line(format_args!("\n{verdict}"));
    }

    fn title(&mut self, title: &str) {
        let rule = "─".repeat(WIDTH.saturating_sub(title.chars().count() + 4));
        self.line(format_args!("\n── {title} {rule}"));
    }

    fn row(&mut self, label: &str, value: impl fmt::Display) {
        self.line(format_args!("   {label:<LABEL$}{value}"));
    }

    fn columns(&mut self, label: &str, cells: impl IntoIterator<Item = impl fmt::Display>) {
        let cells: Vec<_> = cells.into_iter().map(|cell| format!("{cell:>COLUMN$}")).collect();
        self.row(label, cells.concat());
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        self.0.push_str(&line.to_string());
        self.0.push('\n');
    }
}

fn in_place_of_text(run: &Run) -> String {
    match &run.state.reference {
        Some(reference) => shortened(reference, WIDTH - LABEL - 3),
        None => "nothing: the text is short enough to travel itself".to_owned(),
    }
}

fn without_layer(figures: &Figures) -> String {
    let bare = &figures.without_layer;
    let verdict = match (&bare.refused_by_lambda, bare.fits_state) {
        (Some(_), _) => "which Lambda refuses",
        (None, false) => "which the workflow refuses",
        (None, true) => "which fits",
    };
    format!("{}, {verdict}", bytes(bare.bytes as u64))
}

fn milliseconds(milliseconds: f64) -> String {
    format!("{milliseconds:.1} ms")
}

fn bytes(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = 1024 * KIB;
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} bytes ({:.1} KiB)", grouped(bytes), bytes as f64 / KIB as f64),
        _ => format!("{} bytes ({:.1} MiB)", grouped(bytes), bytes as f64 / MIB as f64),
    }
}

/// The beginning and the end, when it does not fit.
fn shortened(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let (head, tail) = (width / 2, width - width / 2 - 1);
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit_that_suits_them() {
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1024), "1,024 bytes (1.0 KiB)");
        assert_eq!(bytes(5 << 20), "5,242,880 bytes (5.0 MiB)");
    }

    #[test]
    fn what_is_too_long_keeps_both_ends() {
        assert_eq!(shortened("123456789", 9), "123456789");
        assert_eq!(shortened("0123456789", 9), "0123…6789");
        assert_eq!(shortened("äöüäöüäöüä", 9), "äöüä…äöüä");
    }
}
