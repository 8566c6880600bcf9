//! When a stored content expires, and whether storing it again would be wasted.

use crate::reference::Ttl;

/// The second of Unix time at which a content expires, as in the TTL attribute; or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expiry(Option<u64>);

impl Expiry {
    /// The content never expires.
    pub const NEVER: Self = Self(None);

    /// The content expires at this second.
    pub const fn at(second: u64) -> Self {
        Self(Some(second))
    }

    /// When a content that is stored `now` expires.
    pub fn of(ttl: Ttl, now: u64) -> Self {
        Self(ttl.as_seconds().map(|seconds| now.saturating_add(u64::from(seconds))))
    }

    /// The second, `None` for never.
    pub const fn second(self) -> Option<u64> {
        self.0
    }

    /// Whether the content has expired.
    pub fn has_come(self, now: u64) -> bool {
        self.0.is_some_and(|end| end <= now)
    }

    /// The expiry of a content that has half of its life left `now`. A new reference is valid for at least that long, no
    /// matter who stored the content.
    pub fn half_of(ttl: Ttl, now: u64) -> Self {
        Self(ttl.as_seconds().map(|seconds| now.saturating_add(u64::from(seconds.div_ceil(2)))))
    }

    /// Whether at least half of the life is left that a writer with `ttl` gives. If so, a new reference is valid for that
    /// long, and storing the content again would be wasted.
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
