//! When a stored content is over, and whether storing it again would be wasted.

use crate::reference::Ttl;

/// The second of Unix time at which a content is over, as the TTL attribute counts it; or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(Option<u64>);

impl Expiry {
    /// The content stays.
    pub const NEVER: Self = Self(None);

    /// Over at this second.
    pub const fn at(second: u64) -> Self {
        Self(Some(second))
    }

    /// When a content stored `now` is over.
    pub fn of(ttl: Ttl, now: u64) -> Self {
        Self(ttl.as_seconds().map(|seconds| now.saturating_add(u64::from(seconds))))
    }

    /// The second, `None` for never.
    pub const fn second(self) -> Option<u64> {
        self.0
    }

    /// Whether the content is over.
    pub fn has_come(self, now: u64) -> bool {
        self.0.is_some_and(|end| end <= now)
    }

    /// When a content of which `now` half of its life is left is over: no matter who stored it, a reference handed out is good
    /// for that long.
    pub fn half_of(ttl: Ttl, now: u64) -> Self {
        Self(ttl.as_seconds().map(|seconds| now.saturating_add(u64::from(seconds.div_ceil(2)))))
    }

    /// Whether at least half of the life that a writer with `ttl` gives is left: a reference handed out now is then good
    /// for that long, and storing the content again would be wasted.
    pub fn leaves_half(self, ttl: Ttl, now: u64) -> bool {
        match (Self::half_of(ttl, now).0, self.0) {
            (None, None) => true,
            (Some(enough), Some(end)) => end >= enough,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_exact_to_the_second() {
        let (ttl, expiry) = (Ttl::seconds(61), Expiry::of(Ttl::seconds(61), 1000));
        assert_eq!(expiry, Expiry::at(1061));
        assert!(!expiry.has_come(1060) && expiry.has_come(1061));
        assert!(expiry.leaves_half(ttl, 1030) && !expiry.leaves_half(ttl, 1031));
    }

    #[test]
    fn what_never_expires_always_leaves_half() {
        assert_eq!(Expiry::of(Ttl::NONE, 1000), Expiry::NEVER);
        assert!(!Expiry::NEVER.has_come(u64::MAX) && Expiry::NEVER.leaves_half(Ttl::NONE, u64::MAX));
    }

    #[test]
    fn another_class_never_leaves_half() {
        assert!(!Expiry::NEVER.leaves_half(Ttl::seconds(60), 0));
        assert!(!Expiry::at(u64::MAX).leaves_half(Ttl::NONE, 0));
    }
}
