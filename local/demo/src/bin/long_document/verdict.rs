//! Whether it worked: everything that must be so, and was not.

use crate::figures::{Figures, Run};

/// What is wrong, in words; nothing if all is well.
pub(crate) fn problems(figures: &Figures) -> Vec<String> {
    let runs = figures.runs.iter().zip(["first", "second"]);
    let problems =
        runs.flat_map(|(run, which)| of_run(figures, run).map(move |problem| format!("{which} run: {problem}")));
    problems.collect()
}

fn of_run<'a>(figures: &'a Figures, run: &'a Run) -> impl Iterator<Item = String> + 'a {
    let (sent, arrived, state) = (&figures.document, &run.analysis, &run.state);
    let checks = [
        (state.sha256 == sent.sha256, "the reader read something else", &state.sha256),
        (arrived.sha256 == sent.sha256, "what arrived is not what was sent", &arrived.sha256),
    ];
    let hashes = checks.into_iter().filter(|(well, ..)| !well);
    let hashes = hashes.map(|(_, what, found)| format!("{what}: SHA-256 is {found}, not {}", sent.sha256));
    let size =
        (arrived.bytes != sent.bytes).then(|| format!("{} bytes arrived, {} were sent", arrived.bytes, sent.bytes));
    hashes.chain(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn step() -> Value {
        json!({ "function": "f", "init_ms": null, "duration_ms": 1.0, "seen_by_caller_ms": 1.0, "max_memory_mb": 1.0 })
    }

    fn usage() -> Value {
        json!({ "items": 0, "requests": 0, "bytes": 0, "write_units": 0.0, "read_units": 0.0, "usd": 0.0, "usd_in_s3": 0.0 })
    }

    fn run(read: &str, arrived: &str, bytes: usize) -> Value {
        json!({
            "reader": step(), "analyser": step(), "written": usage(), "read": usage(),
            "state": { "bytes": 1, "limit": 2, "reference": null, "encoding": "utf-8", "sha256": read },
            "analysis": { "bytes": bytes, "sha256": arrived, "chars": 0, "words": 0, "lines": 0, "terms": [] },
        })
    }

    fn problems_of(runs: &[Value]) -> Vec<String> {
        let figures = json!({
            "document": { "name": "d", "origin": "o", "bytes": 3, "sha256": "abc" },
            "without_layer": { "bytes": 1, "fits_state": true, "refused_by_lambda": null },
            "runs": runs,
        });
        problems(&serde_json::from_value(figures).expect("figures"))
    }

    #[test]
    fn the_same_bytes_are_no_problem() {
        assert_eq!(problems_of(&[run("abc", "abc", 3), run("abc", "abc", 3)]), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_named_with_its_run() {
        let found = problems_of(&[run("abc", "abd", 3), run("abd", "abc", 4)]);
        assert_eq!(
            found,
            [
                "first run: what arrived is not what was sent: SHA-256 is abd, not abc",
                "second run: the reader read something else: SHA-256 is abd, not abc",
                "second run: 4 bytes arrived, 3 were sent",
            ]
        );
    }
}
