//! The way of an event: what it refers to is admitted, read, and put in its place, or its invocation fails.

use std::time::Instant;

use bytes::Bytes;
use long_content::envelope::Envelope;
use long_content::hydrate::{self, HydratePlan, Hydration, TooLarge};
use long_content::reference::{ContentRef, Refusal, Scope};
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, GetError, MAX_CONTENT_LEN, Stored};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Proxy;
use super::compute::compute;
use crate::error::{Failure, FailureKind, quoted};
use crate::invocations::Invocation;
use crate::metrics::{Amount, Sizes, Work};

/// How deep contents may refer to contents. Two is what responses that were made to fit hold; functions that pass
/// references on unread may wrap them again.
pub const MAX_ROUNDS: usize = 32;

/// Memory for hydrated events is counted in pages of this many bytes: permits are 32 bits.
const PAGE: u64 = 4096;

/// A reference that is refused, with the failure of its invocation if it may not stay.
type Refused = (ContentRef, Failure);

/// Room for `bytes` of events that are being hydrated together.
pub(super) fn room(bytes: u64) -> Semaphore {
    Semaphore::new(pages(bytes) as usize)
}

impl<S: ContentStore> Proxy<S> {
    /// What an event's envelope decides of its response.
    pub(super) fn arrive_in(&self, envelope: Envelope, invocation: &mut Invocation) {
        invocation.response_stays = !self.config.offload.applies(envelope == Envelope::Plain);
    }

    /// An event with every content in its place.
    pub(super) async fn hydrate(
        &self,
        event: Bytes,
        client_context: Option<&str>,
        invocation: &mut Invocation,
    ) -> Result<Bytes, Failure> {
        let envelope = Envelope::of(&event, client_context);
        self.arrive_in(envelope, invocation);
        let begun = Instant::now();
        let limit = self.config.max_event_size;
        let plan = hydrate::plan_with(&event, self.config.search());
        invocation.work.planning += begun.elapsed();
        if !self.config.hydrate.applies(envelope != Envelope::Exposed) {
            invocation.kept = plan.references().to_vec();
            return Ok(event);
        }
        if plan.is_empty() {
            return Ok(event);
        }
        if plan.is_too_deep() {
            return Err(Failure::event_too_large(TooLarge::TooDeep, limit));
        }
        let keeps = self.config.on_missing.keeps(|| plan.is_batch());
        check_malformed(&plan, keeps, &mut invocation.work)?;
        let until = invocation.hydrate_until(self.config.store_timeout);
        let keys = self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?;
        let mut scope = self.scope_of(invocation, keys);
        let mut hydration = Hydration::new(plan);
        let (mut memory, mut read) = (None, Amount::default());
        for _ in 0..MAX_ROUNDS {
            let wanted = hydration.wanted();
            if wanted.is_empty() {
                break;
            }
            let (admitted, refused) = self.admit(&mut scope, wanted, until).await;
            for (reference, failure) in refused {
                refuse(failure, keeps, &mut invocation.work)?;
                invocation.kept.push(reference);
                hydration.add(reference, None);
            }
            drop(memory.take());
            memory = Some(self.reserve(hydration.size(), until, &mut invocation.work).await?);
            let contents = self.get(&scope, &admitted, until, &mut invocation.work).await;
            for (reference, content) in admitted.iter().zip(contents) {
                let content = arrived(reference, content, keeps, invocation)?;
                read.extend(&content);
                hydration.add(*reference, content);
            }
        }
        let (size, before, begun) = (hydration.size(), event.len(), Instant::now());
        let hydrated = compute(size, move || hydration.finish(limit)).await;
        invocation.work.applying += begun.elapsed();
        let hydrated = hydrated.map_err(|error| Failure::event_too_large(error, limit))?;
        invocation.work.hydrated = read;
        invocation.work.event = Some(Sizes { before, after: hydrated.len() });
        Ok(hydrated)
    }

    /// Those of `wanted` that may be read, and those that may not. A reference by an unknown key may be by a new one.
    async fn admit(
        &self,
        scope: &mut Scope,
        wanted: Vec<ContentRef>,
        until: Instant,
    ) -> (Vec<ContentRef>, Vec<Refused>) {
        if wanted.iter().any(|reference| matches!(scope.admits(reference), Err(Refusal::UnknownKey(_)))) {
            *scope = scope.signed_by(self.keys.refetched(until).await);
        }
        let mut refused = vec![];
        let admits = |reference: &ContentRef| match scope.admits(reference) {
            Ok(()) if reference.size <= MAX_CONTENT_LEN => true,
            Ok(()) => {
                refused.push((*reference, Failure::get(reference, &GetError::Refused)));
                false
            }
            Err(refusal) => {
                refused.push((*reference, Failure::refused(reference, refusal)));
                false
            }
        };
        (wanted.into_iter().filter(admits).collect(), refused)
    }

    /// Waits until the events being hydrated leave room for `bytes` more.
    async fn reserve(&self, bytes: u64, until: Instant, work: &mut Work) -> Result<SemaphorePermit<'_>, Failure> {
        let limit = self.config.max_event_size;
        if bytes > limit {
            return Err(Failure::event_too_large(TooLarge::Bytes(bytes), limit));
        }
        let begun = Instant::now();
        let room = tokio::time::timeout_at(until.into(), self.memory.acquire_many(pages(bytes))).await;
        work.waiting += begun.elapsed();
        let room = room.map_err(|_| Failure::no_room(limit))?;
        Ok(room.expect("BUG: never closed"))
    }

    /// Reads contents on an invocation's account.
    async fn get(
        &self,
        scope: &Scope,
        references: &[ContentRef],
        until: Instant,
        work: &mut Work,
    ) -> Vec<Result<Stored, GetError>> {
        let (tally, begun) = (Tally::default(), Instant::now());
        let contents = self.store.charging(&tally).get(scope, references, until).await;
        work.used(tally.usage(), begun.elapsed());
        contents
    }
}

/// A content as it arrived, or nothing where its reference may stay in its place.
fn arrived(
    reference: &ContentRef,
    content: Result<Stored, GetError>,
    keeps: bool,
    invocation: &mut Invocation,
) -> Result<Option<Bytes>, Failure> {
    match content {
        Ok(content) => Ok(Some(content.bytes)),
        Err(error @ GetError::Refused) => {
            refuse(Failure::get(reference, &error), keeps, &mut invocation.work)?;
            invocation.kept.push(*reference);
            Ok(None)
        }
        Err(error) if keeps && is_permanent(&error) => {
            tracing::warn!(%reference, %error, "reference kept");
            invocation.kept.push(*reference);
            invocation.work.kept(&error);
            Ok(None)
        }
        Err(error) => Err(Failure::get(reference, &error)),
    }
}

/// Whether reading again later could not help.
fn is_permanent(error: &GetError) -> bool {
    !matches!(error, GetError::Unavailable(_))
}

fn check_malformed(plan: &HydratePlan, keeps: bool, work: &mut Work) -> Result<(), Failure> {
    plan.malformed().iter().try_for_each(|(text, error)| {
        refuse(Failure::new(FailureKind::Refused, format!("{}: {error}", quoted(text))), keeps, work)
    })
}

/// Every reference that is refused comes by here, once: it may stay where it stands, or fails its invocation.
fn refuse(failure: Failure, keeps: bool, work: &mut Work) -> Result<(), Failure> {
    tracing::warn!(error = %failure, kept = keeps, "reference refused");
    if !keeps {
        return Err(failure);
    }
    work.kept_refused();
    Ok(())
}

fn pages(bytes: u64) -> u32 {
    let pages = bytes.div_ceil(PAGE).min(Semaphore::MAX_PERMITS as u64);
    u32::try_from(pages).unwrap_or(u32::MAX)
}
