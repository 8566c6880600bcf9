//! Trying again: how often, and after how long.

use std::time::Duration;

/// How often a provider is asked again that did not answer, and how long is waited before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// After the first attempt.
    pub most: u32,
    /// Before the first of them, at most; twice as long before each further one.
    pub first_pause: Duration,
    /// Before any of them. A provider that wants to be left alone for longer is: the caller has more time.
    pub longest_pause: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        Self { most: 2, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(20) }
    }
}

impl Retries {
    /// No attempt but the first.
    pub const NONE: Self = Self { most: 0, first_pause: Duration::ZERO, longest_pause: Duration::ZERO };

    /// How long to wait before retry number `retry`, from 1, if there is one. `chance` is from 0 to 1: calls that failed together
    /// must not come back together.
    pub(crate) fn pause(&self, retry: u32, retry_after: Option<Duration>, chance: f64) -> Option<Duration> {
        if retry > self.most {
            return None;
        }
        let pause = match retry_after {
            // Never sooner than was asked for, and not everybody at that moment.
            Some(least) => least + self.first_pause.mul_f64(chance),
            None => self.first_pause.saturating_mul(1 << (retry - 1).min(16)).min(self.longest_pause).mul_f64(chance),
        };
        (retry_after.unwrap_or_default() <= self.longest_pause).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRIES: Retries =
        Retries { most: 3, first_pause: Duration::from_secs(1), longest_pause: Duration::from_secs(3) };

    fn pause(retry: u32, retry_after: Option<u64>, chance: f64) -> Option<f64> {
        RETRIES.pause(retry, retry_after.map(Duration::from_secs), chance).map(|pause| pause.as_secs_f64())
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_cut_by_chance() {
        assert_eq!([1, 2, 3].map(|retry| pause(retry, None, 1.0)), [Some(1.0), Some(2.0), Some(3.0)]);
        assert_eq!((pause(2, None, 0.0), pause(2, None, 0.5)), (Some(0.0), Some(1.0)));
        assert_eq!(pause(4, None, 1.0), None, "no more than three");
    }

    #[test]
    fn a_provider_is_not_asked_sooner_than_it_says() {
        assert_eq!((pause(1, Some(3), 0.0), pause(1, Some(3), 0.5)), (Some(3.0), Some(3.5)));
        assert_eq!(pause(1, Some(4), 0.0), None, "longer than anybody waits here");
        assert_eq!(pause(1, Some(0), 0.0), Some(0.0));
    }
}
