//! How long AgentCore may take: as long as the invocation, less what answering takes.

use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until, timeout_at};

/// A reply is written in this time.
const MARGIN: Duration = Duration::from_millis(1500);
/// How long AgentCore may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(25);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// When a reply must be on its way, and how long to wait before the next look.
#[derive(Clone, Debug)]
pub(crate) struct Deadline {
    until: Instant,
    pause: Duration,
}

impl Deadline {
    /// That of an invocation. One that has passed already says nothing: stand-ins for the Runtime API make one up.
    pub(crate) fn of(invocation: SystemTime) -> Self {
        let left = invocation.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
        Self { until: Instant::now() + left.saturating_sub(MARGIN), pause: FIRST_PAUSE }
    }

    /// Waits before the next look, each time longer. `false` once there is no time for one.
    pub(crate) async fn pause(&mut self) -> bool {
        let next = Instant::now() + self.pause;
        if next >= self.until {
            return false;
        }
        sleep_until(next).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        true
    }

    /// What comes of `work`, if it ends in time.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        timeout_at(self.until, work).await.ok()
    }

    /// Whether there is time for another step.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_waited_for_that_ends_after_the_invocation() {
        let mut deadline = Deadline::of(SystemTime::now() + MARGIN + FIRST_PAUSE / 2);
        assert!(deadline.has_time());
        assert!(!deadline.pause().await);
    }
}
