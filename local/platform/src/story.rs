//! What a person sees: for each scene what was asked, every call that followed, and what came of it.

use crate::api::Api;
use crate::machine::Machine;
use anyhow::{Result, bail};
use demo::print;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Longer than any step takes on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(50);
/// Checks of a connection, and what this program asks itself.
const ASIDE: [&str; 2] = ["unknown GET /ping", "ntfy GET"];

/// One line of what a person did or found.
pub(crate) fn line(what: &str, came: &str) -> Result<()> {
    print(&format!("  {what:<34}{came}\n"))
}

/// Everything that a scene needs.
pub(crate) struct Story<'a> {
    pub(crate) machine: &'a Machine,
    pub(crate) api: Api,
}

impl<'a> Story<'a> {
    pub(crate) fn new(machine: &'a Machine, url: &str) -> Result<Self> {
        Ok(Self { machine, api: Api::new(&machine.endpoint(), url)? })
    }

    /// Begins a scene: calls are counted from here.
    pub(crate) fn scene(&self, title: &str) -> Result<()> {
        self.machine.outside.record().clear();
        print(&format!("\n{title}\n"))
    }

    /// The calls of this scene, in their order; those that follow each other are counted.
    pub(crate) fn calls(&self) -> Result<()> {
        let calls = self.machine.outside.record().calls();
        let began = calls.first().map_or(0.0, |call| call.at);
        for call in calls.iter().filter(|call| !ASIDE.iter().any(|aside| call.words.starts_with(aside))) {
            let outcome = call.status.map_or("no answer".to_owned(), |status| status.to_string());
            print(&format!("    {:>6.2} s  {:<64}{outcome:>10}\n", call.at - began, call.words))?;
        }
        Ok(())
    }

    /// Waits for a row's status.
    pub(crate) async fn ends(&self, table: &str, id: &str, status: &str) -> Result<()> {
        let reached = async || Ok((self.api.status(table, id).await? == status).then_some(()));
        self.until(&format!("{id} to be {status}"), reached).await
    }

    /// Waits until the phone shows a text.
    pub(crate) async fn shows(&self, text: &str) -> Result<String> {
        let shown = async || Ok(self.machine.shown().into_iter().find(|shown| shown.contains(text)));
        self.until(&format!("the phone to show {text}"), shown).await
    }

    /// The first value that `look` finds.
    pub(crate) async fn until<T>(&self, what: &str, look: impl AsyncFn() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + TIMEOUT;
        while Instant::now() < end {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(PAUSE).await;
        }
        bail!("timed out waiting for {what}")
    }
}
