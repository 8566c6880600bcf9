//! Notifications of progress while a call lasts, for a client that has asked for them: they show that the call is still running.

use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use tokio::time::{Instant, interval};

/// Most calls are shorter, and get none.
const EVERY: Duration = Duration::from_secs(1);

/// Who waits, and what the notifications are addressed to.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) client: Peer<RoleServer>,
    pub(crate) token: ProgressToken,
}

impl Waiting {
    /// Does the work, and says every second that it goes on: `progress` is the seconds so far, which nobody knows the total of.
    pub(crate) async fn told<T>(&self, tool: &str, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let mut seconds = interval(EVERY);
        seconds.tick().await; // The first one is at once.
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                outcome = &mut work => return outcome,
                _ = seconds.tick() => self.tell(tool, begun.elapsed()).await,
            }
        }
    }

    /// A client that has left does not hear it, which changes nothing for the call.
    async fn tell(&self, tool: &str, elapsed: Duration) {
        let progress = ProgressNotificationParam::new(self.token.clone(), elapsed.as_secs_f64().floor());
        let _ = self.client.notify_progress(progress.with_message(format!("`{tool}` is still running"))).await;
    }
}
