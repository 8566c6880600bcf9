//! The way of an event: what it refers to is admitted, read, and put in its place, or its invocation fails.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use long_content::batch::Batch;
use long_content::encoded;
use long_content::envelope::{Envelope, Shape};
use long_content::hydrate::{self, HydratePlan, Hydration, TooLarge};
use long_content::keys::KeyId;
use long_content::reference::{ContentRef, Refusal, Scope};
use long_content::store::dynamodb::{Refetched, UnknownKey};
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, GetError, MAX_CONTENT_LEN, Stored};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::Proxy;
use super::compute::compute;
use super::notices;
use crate::config::{Mode, OnMissing};
use crate::error::{Failure, FailureKind, quoted};
use crate::invocations::Invocation;
use crate::metrics::{Amount, Sizes, Work};

/// How deep contents may refer to contents. Two is what responses that were made to fit hold; functions that pass
/// references on unread may wrap them again.
pub const MAX_ROUNDS: usize = 32;

/// Memory for hydrated events is counted in pages of this many bytes: permits are 32 bits.
const PAGE: u64 = 4096;

/// References of too large records that are logged one by one.
const MAX_LOGGED: usize = 10;

/// References of one round, by what becomes of them.
#[derive(Default)]
struct Admission {
    /// They may be read.
    admitted: Vec<ContentRef>,
    /// They never may, each with the failure of its invocation if it may not stay.
    refused: Vec<(ContentRef, Failure)>,
    /// One that may be admitted later: the key that it names may be in the secret by now, or could not be read.
    may_pass: Option<Failure>,
}

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
        client_context: Option<&[u8]>,
        invocation: &mut Invocation,
    ) -> Result<Bytes, Failure> {
        let shape = Shape::of(&event);
        let envelope = Envelope::of_shape(shape, client_context);
        self.arrive_in(envelope, invocation);
        let begun = Instant::now();
        let limit = self.config.max_event_size;
        let plan = hydrate::plan_with(&event, self.config.search());
        invocation.work.planning += begun.elapsed();
        note_unseen(&plan, shape, &event, &mut invocation.work);
        if !self.config.hydrate.applies(envelope != Envelope::Exposed) {
            note_exposed(&plan, envelope, &mut invocation.work);
            // An outsider's references are text (H6), and leave as text does (O4).
            if self.config.hydrate == Mode::Never {
                invocation.kept = plan.references().to_vec();
            }
            return Ok(event);
        }
        if plan.is_empty() {
            return Ok(event);
        }
        let batch = if self.config.on_missing == OnMissing::Fail { None } else { Batch::of(&event) };
        let keeps = self.config.on_missing.keeps(|| batch.is_some());
        let plan = searched(plan, batch.as_ref(), limit, &mut invocation.work)?;
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
            let Admission { admitted, refused, may_pass } = self.admit(&mut scope, wanted, until).await;
            // What fails for ever decides, unless it may stay: then what may pass does.
            if let Some(failure) = may_pass.filter(|_| keeps || refused.is_empty()) {
                return Err(failure);
            }
            for (reference, failure) in refused {
                refuse(failure, keeps, &mut invocation.work)?;
                invocation.kept.push(reference);
                hydration.add(reference, None);
            }
            let admitted = make_fit(&mut hydration, admitted, batch.as_ref(), limit, invocation);
            drop(memory.take());
            // What is left of a batch fits, or is the event as it came.
            let size = if batch.is_some() { hydration.size().min(limit) } else { hydration.size() };
            memory = Some(self.reserve(size, until, &mut invocation.work).await?);
            let contents = self.get(&scope, &admitted, until, &mut invocation.work).await;
            for (reference, content) in admitted.iter().zip(contents) {
                let content = arrived(reference, content, keeps, invocation)?;
                read.extend(&content);
                hydration.add(*reference, content);
            }
        }
        let (size, before, begun) = (hydration.size(), event.len(), Instant::now());
        let (left, hydrated) = compute(size, move || finish(hydration, batch.as_ref(), limit)).await;
        leave(left, invocation);
        invocation.work.applying += begun.elapsed();
        let hydrated = hydrated.map_err(|error| Failure::event_too_large(error, limit))?;
        invocation.work.hydrated = read;
        invocation.work.event = Some(Sizes { before, after: hydrated.len() });
        Ok(hydrated)
    }

    /// Which of `wanted` may be read. A reference by an unknown key may be by a new one.
    async fn admit(&self, scope: &mut Scope, wanted: Vec<ContentRef>, until: Instant) -> Admission {
        let unknown: BTreeSet<_> = wanted.iter().filter_map(|reference| unknown_key(scope, reference)).collect();
        let mut refetched = None;
        if !unknown.is_empty() {
            let unknown: Vec<_> = unknown.into_iter().collect();
            let keys = self.keys.refetched(&unknown, until).await;
            *scope = scope.signed_by(keys.keys.clone());
            refetched = Some(keys);
        }
        let mut admission = Admission::default();
        for reference in wanted {
            match scope.admits(&reference) {
                Ok(()) if reference.size <= MAX_CONTENT_LEN => admission.admitted.push(reference),
                Ok(()) => admission.refused.push((reference, Failure::get(&reference, &GetError::Refused))),
                Err(refusal) => match may_pass(refetched.as_ref(), refusal) {
                    Some(why) => {
                        let failure = || Failure::unknown_key(&reference, refusal, &why);
                        admission.may_pass.get_or_insert_with(failure);
                    }
                    None => admission.refused.push((reference, Failure::refused(&reference, refusal))),
                },
            }
        }
        admission
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

/// The key that a reference names, if the scope does not have it.
fn unknown_key(scope: &Scope, reference: &ContentRef) -> Option<KeyId> {
    match scope.admits(reference) {
        Err(Refusal::UnknownKey(id)) => Some(id),
        _ => None,
    }
}

/// Why a refusal may not be the last word, if it may not.
fn may_pass(refetched: Option<&Refetched>, refusal: Refusal) -> Option<String> {
    match (refetched?, refusal) {
        (keys, Refusal::UnknownKey(id)) => match keys.judge(id) {
            UnknownKey::MayPass(why) => Some(why),
            UnknownKey::Permanent => None,
        },
        _ => None,
    }
}

/// Counts references that stay in the event of a caller that is not trusted with them.
fn note_exposed(plan: &HydratePlan, envelope: Envelope, work: &mut Work) {
    if envelope == Envelope::Exposed && !plan.references().is_empty() {
        work.left_exposed += plan.references().len() as u32;
        notices::exposed_references();
    }
}

/// Counts what is not found by design.
fn note_unseen(plan: &HydratePlan, shape: Option<&Shape>, event: &[u8], work: &mut Work) {
    if shape.is_some_and(|shape| shape.is_encoded) && encoded::holds_reference(std::iter::once(event)) {
        work.left_encoded += 1;
        notices::encoded_references();
    }
    if plan.is_invalid() {
        work.left_invalid += 1;
        notices::invalid_json();
    }
}

/// The plan of an event. Records of a batch that are too deep stay as they are; any other event that is cannot be hydrated.
fn searched(plan: HydratePlan, batch: Option<&Batch>, limit: u64, work: &mut Work) -> Result<HydratePlan, Failure> {
    if !plan.is_too_deep() {
        return Ok(plan);
    }
    let failure = Failure::event_too_large(TooLarge::TooDeep, limit);
    let (plan, records) = plan.by_record(batch.ok_or_else(|| failure.clone())?);
    tracing::warn!(records, error = %failure, "records kept");
    work.kept_too_large(records);
    Ok(plan)
}

/// Leaves the last records of a batch as they are while the event would be too large. Gives what still is to be read.
fn make_fit(
    hydration: &mut Hydration,
    wanted: Vec<ContentRef>,
    batch: Option<&Batch>,
    limit: u64,
    invocation: &mut Invocation,
) -> Vec<ContentRef> {
    let Some(batch) = batch.filter(|_| hydration.size() > limit) else { return wanted };
    leave(hydration.leave_too_large(batch, limit), invocation);
    wanted.into_iter().filter(|reference| hydration.needs(reference)).collect()
}

/// The hydrated event, and the references in records of a batch that could not be.
fn finish(mut hydration: Hydration, batch: Option<&Batch>, limit: u64) -> (Vec<ContentRef>, Result<Bytes, TooLarge>) {
    let mut left = vec![];
    if let Some(batch) = batch {
        left = hydration.leave_too_deep(batch);
        if hydration.is_too_large(limit) {
            left.extend(hydration.leave_too_large(batch, limit));
        }
    }
    (left, hydration.finish(limit))
}

/// Notes references that stay because the record around them is too large or too deep.
fn leave(references: Vec<ContentRef>, invocation: &mut Invocation) {
    for reference in references.iter().take(MAX_LOGGED) {
        tracing::warn!(%reference, error = "its record is too large or nested too deep", "reference kept");
    }
    invocation.work.kept_too_large(references.len());
    invocation.kept.extend(references);
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
