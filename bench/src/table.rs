//! The content table: DynamoDB's stand-in in a separate process, so that its processor time is not counted as the extension's.
//!
//! It answers as fast as it can, or as late as it is told. A line on its standard input asks for something, a line on its
//! standard output answers.

use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use lambda_local::table::{ContentTable, Fault, Faults, TableConfig};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// The table's name, the same for all who use it.
pub(crate) const NAME: &str = "content";

/// What is asked of the table's process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Order {
    /// Answer every request this much later.
    Delay(Duration),
    /// Tell what was used.
    Usage,
    /// Tell every item.
    Items,
}

/// What was asked of the table since it was started.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Requests, warming up connections left out.
    pub(crate) requests: u64,
    /// Bytes of the items written and read, as DynamoDB sizes them.
    pub(crate) bytes: u64,
}

impl Usage {
    /// What was used since `earlier`.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { requests: self.requests - earlier.requests, bytes: self.bytes - earlier.bytes }
    }
}

/// Serves a table until standard input ends. The first line on standard output is its endpoint.
pub(crate) async fn serve() -> anyhow::Result<()> {
    let config = TableConfig { name: NAME.to_owned(), sweep_interval: 0, ..TableConfig::default() };
    let table = ContentTable::start(config).await?;
    say(&table.endpoint())?;
    let mut orders = BufReader::new(tokio::io::stdin()).lines();
    while let Some(order) = orders.next_line().await? {
        match serde_json::from_str(&order)? {
            Order::Delay(delay) => {
                let fault = if delay.is_zero() { Fault::Pass } else { Fault::Delay(delay) };
                table.faults().set(Faults::always(fault));
                say(&Value::Null)?;
            }
            Order::Usage => say(&usage(&table))?,
            Order::Items => say(&table.items().await?)?,
        }
    }
    Ok(())
}

fn usage(table: &ContentTable) -> Usage {
    let meter = table.meter();
    Usage { requests: meter.total_requests(), bytes: meter.bytes_written + meter.bytes_read }
}

fn say(answer: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    Ok(out.flush()?)
}

/// A table's process; ended when dropped.
#[derive(Debug)]
pub(crate) struct Table {
    /// `http://127.0.0.1:port`.
    pub(crate) endpoint: String,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Table {
    /// Starts one that answers `delay` late, on the processors of this thread.
    pub(crate) async fn start(delay: Duration) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("table").env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn()?;
        let orders = process.stdin.take().expect("BUG: it is piped");
        let answers = BufReader::new(process.stdout.take().expect("BUG: it is piped")).lines();
        let mut table = Self { endpoint: String::new(), orders, answers, _process: process };
        table.endpoint = table.answer().await?;
        table.delay(delay).await?;
        Ok(table)
    }

    /// Every request is answered this much later from now on.
    async fn delay(&mut self, delay: Duration) -> anyhow::Result<()> {
        let answer: Value = self.ask(Order::Delay(delay)).await?;
        ensure!(answer.is_null(), "the table answered a delay by {answer}");
        Ok(())
    }

    /// What was used so far.
    pub(crate) async fn usage(&mut self) -> anyhow::Result<Usage> {
        self.ask(Order::Usage).await
    }

    /// Every item, as DynamoDB spells it in JSON.
    pub(crate) async fn items(&mut self) -> anyhow::Result<Vec<Value>> {
        self.ask(Order::Items).await
    }

    async fn ask<T: for<'a> Deserialize<'a>>(&mut self, order: Order) -> anyhow::Result<T> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        self.orders.write_all(&line).await?;
        self.answer().await
    }

    async fn answer<T: for<'a> Deserialize<'a>>(&mut self) -> anyhow::Result<T> {
        let line = self.answers.next_line().await?.context("the content table ended")?;
        Ok(serde_json::from_str(&line)?)
    }
}
