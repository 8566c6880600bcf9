//! What a person sees: a line for each step while the run goes on, and a summary.

use crate::figures::{Figures, STATE_LIMIT};
use crate::steps::{Kind, Step};
use demo::grouped;
use std::fmt::Write;

/// The heading over the steps.
pub(crate) fn heading() -> String {
    format!(
        "{:>9}  {:<16}{:<34}{:>14}{:>16}{:>16}{:>12}\n",
        "time", "state", "", "bytes in state", "by reference", "tokens", "cost"
    )
}

/// One step as a line.
pub(crate) fn line(step: &Step) -> String {
    let (what, tokens, cost) = described(&step.kind);
    let at = format!("{:.2} s", step.at.as_secs_f64());
    let (bytes, by_reference) = (grouped(step.bytes as u64), grouped(step.by_reference));
    format!("{at:>9}  {:<16}{what:<34}{bytes:>14}{by_reference:>16}{tokens:>16}{cost:>12}\n", step.state)
}

fn described(kind: &Kind) -> (String, String, String) {
    match kind {
        Kind::Loaded => Default::default(),
        Kind::Tool { name, failed } => {
            (format!("{name}{}", if *failed { " failed" } else { "" }), String::new(), String::new())
        }
        Kind::Turn { calls, input_tokens, output_tokens, cost_micro_usd } => {
            let what = if calls.is_empty() { "answers".to_owned() } else { format!("calls {}", calls.join(", ")) };
            (what, format!("{} / {}", grouped(*input_tokens), grouped(*output_tokens)), dollars(*cost_micro_usd))
        }
    }
}

/// The end of it.
pub(crate) fn summary(figures: &Figures) -> String {
    let mut page = String::from("\n");
    match &figures.output {
        Some(output) => answered(&mut page, output),
        None => row(&mut page, "failed", &figures.why()),
    }
    if figures.too_long {
        explain(&mut page, figures);
    }
    states(&mut page, figures);
    row(&mut page, "time", &format!("{:.1} s", figures.seconds));
    page
}

fn answered(page: &mut String, output: &serde_json::Value) {
    let answer = &output["answer"];
    row(page, "answer", &answer.as_str().map_or_else(|| answer.to_string(), str::to_owned));
    row(page, "status", output["status"].as_str().unwrap_or_default());
    let number = |name: &str| output.pointer(name).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let tokens = format!("{} read, {} written", grouped(number("/tokens/input")), grouped(number("/tokens/output")));
    row(page, "model", &format!("{} turns, {tokens}, {}", number("/iterations"), dollars(number("/cost_micro_usd"))));
}

fn explain(page: &mut String, figures: &Figures) {
    let (document, limit) = (grouped(figures.document.bytes as u64), grouped(STATE_LIMIT as u64));
    row(page, "why", &format!("The tool returned the document, {document} bytes; a state holds {limit}."));
    row(page, "", "That is States.DataLimitExceeded, so the model was told that the result is too long.");
    row(page, "", "With the layer (without DETACH=1) a reference travels in its place.");
}

fn states(page: &mut String, figures: &Figures) {
    let states = &figures.states;
    let (largest, limit) = (grouped(states.largest as u64), grouped(STATE_LIMIT as u64));
    row(page, "largest state", &format!("{largest} of {limit} bytes, in {} states", states.entered));
    let (contents, bytes) = (states.contents, grouped(states.bytes_by_reference));
    row(page, "by reference", &format!("{contents} contents, {bytes} bytes"));
    let table = &figures.table;
    let (written, read) = (grouped(table.bytes_written), grouped(table.bytes_read));
    let items =
        format!("{} items ({written} bytes) written, {} ({read} bytes) read", table.items_written, table.items_read);
    row(page, "content table", &format!("{items}, ${:.6}", table.usd));
}

fn row(page: &mut String, label: &str, text: &str) {
    writeln!(page, "  {label:<16}{text}").expect("BUG: a String takes everything");
}

/// Six places: a micro-dollar is the unit that is counted.
fn dollars(micro: u64) -> String {
    format!("${}.{:06}", micro / 1_000_000, micro % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_turn_shows_its_calls_its_tokens_and_its_cost() {
        let calls = vec!["http_get".to_owned(), "t".to_owned()];
        let kind = Kind::Turn { calls, input_tokens: 1234, output_tokens: 5, cost_micro_usd: 1_000_042 };
        let text = ["calls http_get, t", "1,234 / 5", "$1.000042"].map(str::to_owned);
        assert_eq!(<[String; 3]>::from(described(&kind)), text);
    }

    #[test]
    fn a_run_without_the_layer_is_explained() {
        let figures = Figures { detached: true, too_long: true, ..Figures::default() };
        let page = summary(&figures);
        assert!(page.contains("States.DataLimitExceeded") && page.contains("a state holds 262,144"), "{page}");
    }

    #[test]
    fn an_answer_is_shown_whole() {
        let output = json!({ "status": "completed", "answer": "By waiting.", "iterations": 4, "cost_micro_usd": 7 });
        let page = summary(&Figures { output: Some(output), ..Figures::default() });
        assert!(page.contains("answer          By waiting.") && page.contains("4 turns"), "{page}");
    }
}
