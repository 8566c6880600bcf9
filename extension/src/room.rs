//! A limit for the memory of payloads. Each payload takes its part before it is read, and waits until others have left
//! enough. A smaller payload may overtake a larger one that waits.

use std::sync::Mutex;
use std::time::Instant;

use tokio::sync::Notify;

/// A limit for the bytes of payloads that are in memory together.
#[derive(Debug)]
pub struct Room {
    size: u64,
    free: Mutex<u64>,
    freed: Notify,
}

/// The bytes of a [`Room`] that one payload takes, until this value is dropped.
#[derive(Debug)]
pub struct Part<'a> {
    room: &'a Room,
    bytes: u64,
}

impl Room {
    /// Room for `size` bytes.
    pub fn new(size: u64) -> Self {
        Self { size, free: Mutex::new(size), freed: Notify::new() }
    }

    /// Bytes that all parts may have together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// A part of no bytes yet.
    pub fn part(&self) -> Part<'_> {
        Part { room: self, bytes: 0 }
    }
}

impl Part<'_> {
    /// Bytes that are taken.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Enlarges the part to `bytes`, if so much is free. Returns whether it was.
    pub fn grow_now(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let mut free = self.room.free.lock().expect("BUG: poisoned");
        let Some(left) = free.checked_sub(more) else { return false };
        *free = left;
        self.bytes += more;
        true
    }

    /// Reduces the part to `bytes`.
    pub fn shrink(&mut self, bytes: u64) {
        let less = self.bytes.saturating_sub(bytes);
        if less > 0 {
            self.bytes -= less;
            *self.room.free.lock().expect("BUG: poisoned") += less;
            self.room.freed.notify_waiters();
        }
    }

    /// Enlarges the part to `bytes`, and waits until so much is free, but not longer than `until`. Returns whether it was
    /// free in time.
    pub async fn grow(&mut self, bytes: u64, until: Instant) -> bool {
        if self.grow_now(bytes) {
            return true;
        }
        tracing::debug!(bytes, "waiting for room");
        let waiting = async {
            loop {
                let freed = self.room.freed.notified();
                if self.grow_now(bytes) {
                    return;
                }
                freed.await;
            }
        };
        tokio::time::timeout_at(until.into(), waiting).await.is_ok()
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        self.shrink(0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn part_of(room: &Room, bytes: u64) -> Part<'_> {
        let mut part = room.part();
        assert!(part.grow_now(bytes), "{bytes} bytes are free");
        part
    }

    #[tokio::test]
    async fn a_part_waits_until_others_leave_room() {
        let room = Room::new(10);
        let (first, mut second) = (part_of(&room, 6), room.part());
        let waiting = second.grow(5, soon());
        tokio::pin!(waiting);
        assert!(is_pending(&mut waiting).await);
        drop(first);
        assert!(waiting.await);
        assert!(!room.part().grow_now(6));
    }

    #[tokio::test]
    async fn a_smaller_part_passes_a_larger_one_that_waits() {
        let room = Room::new(10);
        let (first, mut larger) = (part_of(&room, 6), room.part());
        let waiting = larger.grow(8, soon());
        tokio::pin!(waiting);
        assert!(is_pending(&mut waiting).await);
        drop(part_of(&room, 4));
        drop(first);
        assert!(waiting.await);
    }

    #[tokio::test]
    async fn a_part_that_finds_no_room_in_time_takes_none() {
        let room = Room::new(10);
        let first = part_of(&room, 6);
        assert!(!room.part().grow(5, Instant::now() + Duration::from_millis(1)).await);
        drop(first);
        assert!(room.part().grow_now(10));
    }

    #[test]
    fn a_part_grows_by_what_is_missing() {
        let room = Room::new(10);
        let mut part = part_of(&room, 4);
        assert!(part.grow_now(9) && part.grow_now(2));
        assert_eq!(part.bytes(), 9);
        assert!(room.part().grow_now(1) && !room.part().grow_now(2));
    }

    #[tokio::test]
    async fn a_part_that_shrinks_leaves_room() {
        let room = Room::new(10);
        let (mut first, mut second) = (part_of(&room, 9), room.part());
        let waiting = second.grow(5, soon());
        tokio::pin!(waiting);
        assert!(is_pending(&mut waiting).await);
        first.shrink(5);
        assert!(waiting.await);
        assert_eq!(first.bytes(), 5);
        first.shrink(7);
        assert_eq!(first.bytes(), 5);
    }

    async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
        tokio::select! {
            biased;
            _ = future => false,
            () = std::future::ready(()) => true,
        }
    }
}
