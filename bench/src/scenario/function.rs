//! The functions of an agent as they are shipped: their zips, their cold starts, and what a warm invocation takes.
//!
//! They run without the layer, at a Lambda and a provider that answer at once: what is left is what the function itself takes.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use test_kit::{Exchange, Peer, Reply};
use tokio::process::{Child, Command};

use super::bench::Bench;
use crate::figures::{Figure, Figures, Measurement};
use crate::lambda::Sandbox;
use crate::pin::Pin;
use crate::process::rss;
use crate::statistics::Percentiles;

/// Processes of each function.
const STARTS: usize = 20;
/// Invocations of each process after its first.
const WARM: usize = 50;

/// A function whose processes begin and are invoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    /// One call of a model by the Messages API.
    Llm,
    /// One search in a text of 64 KiB.
    Tool,
}

impl Function {
    pub(super) const ALL: [Self; 2] = [Self::Llm, Self::Tool];

    fn event(self, provider: &str) -> Vec<u8> {
        let event = match self {
            Self::Llm => json!({
                "provider_config": {
                    "provider_id": "anthropic", "model_id": "model", "endpoint": format!("{provider}/v1/messages"),
                    "request_transformer": "anthropic_v1", "response_transformer": "anthropic_v1",
                },
                "messages": [{ "role": "user", "content": "What does it say?" }],
            }),
            Self::Tool => json!({
                "type": "tool_use", "id": "call_1", "name": "document_search",
                "input": { "document": text(), "query": "which line has the number 731" },
            }),
        };
        event.to_string().into_bytes()
    }

    /// What only a right answer holds.
    fn proof(self) -> &'static [u8] {
        match self {
            Self::Llm => b"It says nothing.",
            Self::Tool => b"Line 731 of a text",
        }
    }

    /// Measured on one processor: a function of less than 1769 MB has no more.
    pub(super) async fn run(self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        if bench.pin != Pin::One {
            return Ok(vec![]);
        }
        let provider = Peer::start(|_: &Exchange| Some(answer())).await;
        let event = self.event(&provider.url());
        let mut lives = Vec::new();
        // The first one reads the program from the disk.
        for _ in 0..=if bench.quick { STARTS / 5 } else { STARTS } {
            lives.push(Life::of(self, bench, &event).await?);
        }
        let mut figures = figures(&lives[1..]);
        let size = |path: PathBuf| {
            let size = fs::metadata(&path).with_context(|| missing(&path)).map(|metadata| metadata.len());
            size.map(|bytes| bytes as f64)
        };
        figures.set(Figure::BinaryBytes, size(self.program(bench))?);
        figures.set(Figure::ZipBytes, size(bench.shipped.zips.join(format!("{self}.zip")))?);
        Ok(vec![bench.measurement(name, LANE, figures)])
    }

    fn program(self, bench: &Bench<'_>) -> PathBuf {
        bench.shipped.programs.join(self.to_string())
    }
}

/// The only lane: nothing is between Lambda and the function.
pub(crate) const LANE: &str = "function";

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Llm => "llm",
            Self::Tool => "tool",
        })
    }
}

fn missing(path: &std::path::Path) -> String {
    format!("{} is not there: `make package-functions` builds it, and `make bench` does so itself", path.display())
}

fn answer() -> Reply {
    let said = json!({
        "type": "message", "content": [{ "type": "text", "text": "It says nothing." }], "stop_reason": "end_turn",
        "usage": { "input_tokens": 10, "output_tokens": 2 },
    });
    Reply::new(200, said.to_string()).header("content-type", "application/json")
}

fn text() -> String {
    let line =
        |number: usize| format!("Line {number} of a text that somebody has written says what the weather was.\n");
    let mut text: String = (0..).map(line).take(1000).collect();
    text.truncate(64 << 10);
    text
}

/// What one process took for what.
#[derive(Debug)]
struct Life {
    /// From its start to its first poll.
    polled: Duration,
    /// Its first invocation, from the event to the response.
    first: Duration,
    later: Vec<Duration>,
    idle_rss_kib: u64,
}

impl Life {
    async fn of(function: Function, bench: &Bench<'_>, event: &[u8]) -> anyhow::Result<Self> {
        let sandbox = bench.lambda.sandbox().await?;
        let begun = Instant::now();
        let mut process = spawn(function, bench, &sandbox)?;
        let polled = sandbox.polled().await.duration_since(begun);
        let idle_rss_kib = rss(process.id().context("the function has ended")?)?;
        let first = sandbox.invoke(0, event).await?;
        let answer = sandbox.last_response()?;
        let is_right = memchr::memmem::find(&answer, function.proof()).is_some();
        ensure!(is_right, "{function} answers {}", String::from_utf8_lossy(&answer));
        let mut later = Vec::new();
        for nth in 1..=WARM {
            later.push(sandbox.invoke(nth, event).await?);
        }
        process.kill().await?;
        Ok(Self { polled, first, later, idle_rss_kib })
    }
}

fn spawn(function: Function, bench: &Bench<'_>, sandbox: &Sandbox) -> anyhow::Result<Child> {
    let program = function.program(bench);
    let mut command = Command::new(&program);
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", sandbox.address().to_string()).envs([
        ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "of-no-use-anywhere"),
        // A program that asks a stand-in for its secrets may ask a provider on this machine.
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1"),
    ]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    command.spawn().with_context(|| missing(&program))
}

fn figures(lives: &[Life]) -> Figures {
    let mut figures = Figures::default();
    let polled = Percentiles::of(lives.iter().map(|life| life.polled));
    figures.set(Figure::PolledP50Us, polled.p50);
    figures.set(Figure::PolledP90Us, polled.p90);
    figures.set(Figure::FirstInvocationP50Us, Percentiles::of(lives.iter().map(|life| life.first)).p50);
    let warm = Percentiles::of(lives.iter().flat_map(|life| life.later.iter().copied()));
    figures.set(Figure::WarmP50Us, warm.p50);
    figures.set(Figure::WarmP99Us, warm.p99);
    let most = lives.iter().map(|life| life.idle_rss_kib).max().unwrap_or_default();
    figures.set(Figure::IdleRssKib, most as f64);
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_invocation_of_a_process_is_told_from_its_warm_ones() {
        let millis = Duration::from_millis;
        let life = |first, idle_rss_kib| Life {
            polled: millis(4),
            first: millis(first),
            later: vec![millis(1); WARM],
            idle_rss_kib,
        };
        let figures = figures(&[life(9, 10), life(9, 30)]);
        assert_eq!(figures.get(Figure::FirstInvocationP50Us), Some(9_000.0));
        assert_eq!((figures.get(Figure::WarmP50Us), figures.get(Figure::WarmP99Us)), (Some(1_000.0), Some(1_000.0)));
        assert_eq!((figures.get(Figure::PolledP50Us), figures.get(Figure::IdleRssKib)), (Some(4_000.0), Some(30.0)));
    }
}
