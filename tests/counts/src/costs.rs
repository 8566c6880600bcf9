//! What one invocation costs the real binary, whole.
//!
//! No counter is in the product: tools count over the life of a process, and the difference between a long life and a
//! short one is what the invocations cost that only the long one had. Init, the first connections and warm buffers fall out.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::limits::{Cost, Counts};
use crate::sandbox::Sandbox;

/// Invocations of a short life and of a long one.
const LIVES: [u64; 2] = [20, 120];

/// What passes, by its name and the bytes of its payload. The loopback device takes up to 64 KiB as one packet, so that
/// these arrive whole; the pieces of longer ones are cut by the clock.
const PAYLOADS: [(&str, usize); 2] = [("passing_1_kib", 1 << 10), ("passing_32_kib", 32 << 10)];

/// What is offloaded, by its name and the bytes of its one text, which is another one each time.
const CONTENTS: [(&str, usize); 1] = [("offloading_20_kib", 20 << 10)];

/// Finds a number in a tool's report.
type Number = fn(&str) -> Option<u64>;

/// A way to count.
struct Tool {
    name: &'static str,
    /// How it runs a program; the last word goes before the path of its report.
    command: &'static [&'static str],
    /// What it counts, and where its report says so.
    costs: &'static [(Cost, Number)],
}

const TOOLS: [Tool; 4] = [
    Tool {
        name: "cachegrind",
        command: &["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", "--log-file="],
        costs: &[(Cost::Instructions, |report| number(report, "refs:", 0))],
    },
    Tool {
        name: "dhat-heap",
        command: &["valgrind", "--tool=dhat", "--mode=heap", "--dhat-out-file=/dev/null", "--log-file="],
        costs: &[
            (Cost::AllocatedBytes, |report| number(report, "Total:", 0)),
            (Cost::Allocations, |report| number(report, "Total:", 3)),
        ],
    },
    Tool {
        name: "dhat-copy",
        command: &["valgrind", "--tool=dhat", "--mode=copy", "--dhat-out-file=/dev/null", "--log-file="],
        costs: &[(Cost::CopiedBytes, |report| number(report, "Total:", 0))],
    },
    Tool { name: "strace", command: &["strace", "-f", "-c", "-o"], costs: &[(Cost::SystemCalls, system_calls)] },
];

/// Adds what an invocation of `extension` costs. What the tools say stays in the folder `reports`.
pub(crate) async fn count(extension: &Path, reports: &Path, counts: &mut Counts) -> anyhow::Result<()> {
    fs::create_dir_all(reports)?;
    for (name, len) in PAYLOADS {
        let payload = payload(len);
        let pass = async |sandbox: &mut Sandbox, _| sandbox.pass(&payload).await;
        count_lives(extension, reports, name, pass, counts).await?;
    }
    for (name, len) in CONTENTS {
        let offload = async |sandbox: &mut Sandbox, nth| sandbox.offload(&content(len, nth)).await;
        count_lives(extension, reports, name, offload, counts).await?;
    }
    Ok(())
}

/// Adds what the invocation with a number costs, by every tool.
async fn count_lives(
    extension: &Path,
    reports: &Path,
    name: &str,
    invoke: impl AsyncFn(&mut Sandbox, u64) -> anyhow::Result<()>,
    counts: &mut Counts,
) -> anyhow::Result<()> {
    for tool in &TOOLS {
        let path = |invocations| reports.join(format!("{name}-{}-{invocations}.txt", tool.name));
        let life = async |invocations| tool.report(extension, &invoke, invocations, &path(invocations)).await;
        let (short, long) = (life(LIVES[0]).await?, life(LIVES[1]).await?);
        for (cost, number) in tool.costs {
            let total =
                |report: &str| number(report).with_context(|| format!("{} counts nothing: {report}", tool.name));
            counts.add(*cost, name, spent(total(&short)?, total(&long)?, cost.invocations()));
        }
    }
    Ok(())
}

impl Tool {
    /// What the tool says of a life of so many invocations.
    async fn report(
        &self,
        extension: &Path,
        invoke: impl AsyncFn(&mut Sandbox, u64) -> anyhow::Result<()>,
        invocations: u64,
        path: &PathBuf,
    ) -> anyhow::Result<String> {
        let (to_report, words) = self.command.split_last().expect("BUG: a tool has a command");
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).arg(format!("{to_report}{}", path.display())).arg(extension);
        let mut sandbox = Sandbox::start(&mut command).await?;
        for nth in 0..invocations {
            invoke(&mut sandbox, nth).await?;
        }
        sandbox.shut_down().await?;
        fs::read_to_string(path).with_context(|| format!("{} wrote no {}", self.name, path.display()))
    }
}

/// A JSON string of `len` bytes of numbers, which compress about as well as prose.
fn content(len: usize, nth: u64) -> Vec<u8> {
    let mut state = nth + 1;
    let mut json = String::from("\"");
    while json.len() <= len {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        write!(json, "{} ", state >> 44).expect("BUG: a string takes all that is written to it");
    }
    json.truncate(len + 1);
    json.push('"');
    json.into_bytes()
}

/// JSON of `len` bytes that no rule applies to: texts of at most 3000 bytes.
fn payload(len: usize) -> Vec<u8> {
    let text = format!("\"{}\"", "x".repeat(3_000.min(len / 2)));
    let texts = vec![text.as_str(); len / (text.len() + 1)];
    let mut json = format!("[{}]", texts.join(",")).into_bytes();
    json.resize(len, b' ');
    json
}

/// What so many of the invocations cost that only the long life had, to the nearest whole number.
fn spent(short: u64, long: u64, invocations: u64) -> u64 {
    let more = LIVES[1] - LIVES[0];
    (long.saturating_sub(short) * invocations + more / 2) / more
}

/// The number so many words after `label`: valgrind writes `Total: 1,234 bytes in 5 blocks`.
fn number(report: &str, label: &str, words: usize) -> Option<u64> {
    let (_, rest) = report.rsplit_once(label)?;
    rest.split_whitespace().nth(words)?.replace(',', "").parse().ok()
}

/// The calls of every line of strace's table: `% time, seconds, usecs/call, calls`, then errors if any, and the name.
fn system_calls(report: &str) -> Option<u64> {
    let calls = |line: &str| {
        let words: Vec<_> = line.split_whitespace().collect();
        if words.last() == Some(&"total") { None } else { words.get(3)?.parse::<u64>().ok() }
    };
    Some(report.lines().filter_map(calls).sum()).filter(|sum| *sum > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valgrind_is_read() {
        let report = "==7== Command: lrap\n==7== \n==7== Total:     1,015,202 bytes in 1,234 blocks\n==7== ";
        assert_eq!((number(report, "Total:", 0), number(report, "Total:", 3)), (Some(1_015_202), Some(1_234)));
        assert_eq!(number("==7== I   refs:      9,876\n", "refs:", 0), Some(9_876));
        assert_eq!(number("==7== valgrind: no such tool", "refs:", 0), None);
    }

    #[test]
    fn strace_is_read() {
        let report = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000600           6       100           epoll_wait
 40.00    0.000400           4       120        20 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    0.001000           4       220        20 total
";
        assert_eq!(system_calls(report), Some(220));
        assert_eq!(system_calls(""), None);
    }

    #[test]
    fn what_both_lives_cost_falls_out() {
        assert_eq!(spent(5_000 + 20 * 7, 5_000 + 120 * 7, 1), 7);
        assert_eq!(spent(5_000 + 20 * 7, 5_000 + 120 * 7 + 51, 100), 751);
    }

    #[test]
    fn payloads_are_json_of_their_length_with_nothing_to_offload() {
        for (name, len) in PAYLOADS {
            let payload = payload(len);
            let texts: Vec<String> = serde_json::from_slice(&payload).unwrap();
            assert_eq!(payload.len(), len, "{name}");
            assert!(!texts.is_empty() && texts.iter().all(|text| text.len() <= 3_000), "{name}");
        }
    }

    #[test]
    fn contents_are_texts_of_their_length_and_differ() {
        let text = |nth| serde_json::from_slice::<String>(&content(20 << 10, nth)).unwrap();
        assert_eq!((text(0).len(), text(1).len()), (20 << 10, 20 << 10));
        assert_ne!(text(0), text(1));
    }
}
