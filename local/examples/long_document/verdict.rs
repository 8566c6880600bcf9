//! Whether it worked: everything that must be so, and was not.

use crate::figures::{Figures, Run};

/// What is wrong, in words; nothing if all is well.
pub(crate) fn problems(figures: &Figures) -> Vec<String> {
    let runs = figures.runs.iter().zip(["first", "second"]);
    runs.flat_map(|(run, which)| problems_of(figures, run).into_iter().map(move |what| format!("{which} run: {what}")))
        .collect()
}

fn problems_of(figures: &Figures, run: &Run) -> Vec<String> {
    let (sent, arrived) = (&figures.document, &run.analysis);
    let mut problems = Vec::new();
    if run.state.sha256 != sent.sha256 {
        problems.push(format!("the reader read something else: SHA-256 {}, not {}", run.state.sha256, sent.sha256));
    }
    if arrived.bytes != sent.bytes {
        problems.push(format!("{} bytes arrived, {} were sent", arrived.bytes, sent.bytes));
    }
    if arrived.sha256 != sent.sha256 {
        problems.push(format!("what arrived has SHA-256 {}, what was sent {}", arrived.sha256, sent.sha256));
    }
    problems
}
