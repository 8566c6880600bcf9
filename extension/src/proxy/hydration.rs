//! Hydrates an event: its references are admitted, their contents are read and put in their places, or the invocation fails.
//!
//! Memory (H8): the events of a sandbox share one [`Room`]. Before an event's contents are read, the event takes the part of
//! the room that it will need with them, and keeps it until the runtime has the event. If that much is not free, the event
//! gives back its part and its contents, and waits. So no two events wait for each other. A long event is written while it
//! is sent, so that it is never in memory beside its contents.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use long_content::batch::Batch;
use long_content::encoded;
use long_content::envelope::{Envelope, Shape};
use long_content::hydrate::{self, HydratePlan, Hydrated, Hydration};
use long_content::keys::KeyId;
use long_content::part::Absent;
use long_content::reference::{ContentRef, ParseRefError, Reference, Refusal, Scope};
use long_content::signing::{Refetched, UnknownKey};
use long_content::store::dynamodb::LARGE_IN_FLIGHT;
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, GetError, MAX_CONTENT_LEN, Stored};

use super::compute::compute;
use super::notices;
use super::sandbox::Proxy;
use crate::config::{Mode, OnMissing};
use crate::error::Failure;
use crate::invocations::Invocation;
use crate::metrics::{Amount, Sizes, Work};
use crate::payload::Payload;
use crate::room::Part;

/// How deep contents may refer to contents. Responses that were made to fit are two deep; functions that pass references on
/// without reading them may add more.
pub const MAX_ROUNDS: usize = 32;

/// Log lines about single references of one event; the rest are one line with their number.
const MAX_LOGGED: usize = 10;

/// If the size in a reference is not signed, its content may turn out to have this many bytes, those of an item of the
/// table.
const ITEM: u64 = 400 << 10;

/// A hydrated event of at most this many bytes is written before it is sent.
const AT_ONCE: u64 = 256 << 10;

/// How many times longer the search of an event may take than its length suggests, because text inside of text is searched,
/// too.
const NESTED: u64 = 4;

/// What the runtime gets, with the room that it takes until then.
pub(super) struct Ready<'a> {
    pub(super) body: Body,
    pub(super) room: Option<Part<'a>>,
}

/// An event as it is sent to the runtime.
pub(super) enum Body {
    /// An event that is unchanged or short.
    Whole(Payload),
    /// Written while it is sent.
    InChunks(Box<Hydrated>),
}

impl From<Payload> for Ready<'_> {
    fn from(payload: Payload) -> Self {
        Self { body: Body::Whole(payload), room: None }
    }
}

/// The references of one round, by what happens to them.
#[derive(Default)]
struct Admission {
    /// They may be read.
    admitted: Vec<ContentRef>,
    /// They may not be read, now or later. Each has the failure of the invocation, for the case that the reference may not
    /// stay.
    refused: Vec<(ContentRef, Failure)>,
    /// The failure for a reference that may be admitted later: its key may be in the secret by then, or the secret could not
    /// be read.
    may_pass: Option<Failure>,
}

/// An event whose contents are being read, and what it may cost.
struct Reading<'a, 'b, S> {
    proxy: &'a Proxy<S>,
    invocation: &'b mut Invocation,
    scope: Scope,
    /// The records of the event, if each of them may stay as it is.
    batch: Option<Batch>,
    /// Whether references whose contents cannot be read may stay.
    keeps: bool,
    /// References that stay in a batch, each with the failure of the invocation, for the case that it is also named outside
    /// of all records.
    bad: Vec<(Reference, Failure)>,
    until: Instant,
    room: Part<'a>,
    read: Amount,
    said: Said,
}

/// Log lines about single references of one event.
#[derive(Default)]
struct Said(usize);

impl Said {
    /// Whether one more line is logged.
    fn is_due(&mut self) -> bool {
        self.0 += 1;
        self.0 <= MAX_LOGGED
    }
}

impl Drop for Said {
    fn drop(&mut self) {
        if let Some(references) = self.0.checked_sub(MAX_LOGGED).filter(|more| *more > 0) {
            tracing::warn!(references, "more references were refused or kept");
        }
    }
}

impl<S: ContentStore> Proxy<S> {
    /// Returns the event with every content in its place.
    pub(super) async fn hydrate(
        &self,
        event: Bytes,
        client_context: Option<&[u8]>,
        invocation: &mut Invocation,
    ) -> Result<Ready<'_>, Failure> {
        let shape = Shape::of(&event);
        let envelope = Envelope::of_shape(shape, client_context);
        invocation.is_left_alone = self.leaves_alone(envelope);
        let begun = Instant::now();
        let limit = self.config.max_event_size;
        let (searched_event, search) = (event.clone(), self.config.search());
        let work = move || hydrate::plan_with(&searched_event, search);
        let plan = compute(NESTED * event.len() as u64, work).await;
        invocation.work.planning += begun.elapsed();
        note_unseen(&plan, shape, &event, &mut invocation.work);
        if !self.config.hydrate.applies(envelope != Envelope::Exposed) {
            note_exposed(&plan, envelope, &mut invocation.work);
            // An outsider's references are text (H6), and leave as text does (O4).
            if self.config.hydrate == Mode::Never {
                invocation.kept = plan.references().to_vec();
            }
            return Ok(Payload::from(event).into());
        }
        if plan.is_empty() {
            return Ok(Payload::from(event).into());
        }
        let batch = if self.config.on_missing == OnMissing::Fail { None } else { Batch::of(&event) };
        let keeps = self.config.on_missing.keeps(|| batch.is_some());
        let mut said = Said::default();
        let plan = searched(plan, batch.as_ref(), limit, invocation)?;
        if let Some(batch) = batch.as_ref().filter(|_| self.keeps_in_records_only()) {
            check_malformed(&plan.malformed_outside(batch), false, &mut said, &mut invocation.work)?;
        }
        check_malformed(plan.malformed(), keeps, &mut said, &mut invocation.work)?;
        let until = invocation.hydrate_until(self.config.store_timeout);
        let keys = self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?;
        let scope = self.scope_of(invocation, keys);
        let (room, read) = (self.events.part(), Amount::default());
        let reading = Reading { proxy: self, invocation, scope, batch, keeps, bad: vec![], until, room, read, said };
        reading.run(Hydration::new(plan), event.len()).await
    }

    /// Whether references may stay only in the records of a batch, so that the other records can be processed. References
    /// outside of all records may not.
    fn keeps_in_records_only(&self) -> bool {
        self.config.on_missing == OnMissing::Auto
    }

    /// Decides which of `wanted` may be read. If a reference names an unknown key, the secret is read again, because the key
    /// may be new.
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

    /// Reads contents, and counts that as the invocation's work.
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

/// Why a refused reference may be admitted later; `None` if it may not.
fn may_pass(refetched: Option<&Refetched>, refusal: Refusal) -> Option<String> {
    match (refetched?, refusal) {
        (keys, Refusal::UnknownKey(id)) => match keys.judge(id) {
            UnknownKey::MayPass(why) => Some(why),
            UnknownKey::Permanent => None,
        },
        _ => None,
    }
}

impl<'a, S: ContentStore> Reading<'a, '_, S> {
    /// Reads all contents, and puts them in their places in an event of `before` bytes.
    async fn run(mut self, hydration: Hydration, before: usize) -> Result<Ready<'a>, Failure> {
        let hydration = self.read_all(hydration).await?;
        self.check_outside(&hydration)?;
        let limit = self.limit();
        let (begun, batch) = (Instant::now(), self.batch.take());
        let (left, hydrated) = compute(self.room.bytes(), move || finish(hydration, batch.as_ref(), limit)).await;
        self.leave(left);
        let hydrated = hydrated.map_err(|error| Failure::event_too_large(error, limit))?;
        let after = hydrated.len();
        self.room.shrink(hydrated.memory().min(limit));
        let body = if after > AT_ONCE {
            Body::InChunks(Box::new(hydrated))
        } else {
            Body::Whole(hydrated.into_bytes().into())
        };
        let work = &mut self.invocation.work;
        work.applying += begun.elapsed();
        work.hydrated = self.read;
        work.event = Some(Sizes { before, after: after as usize });
        Ok(Ready { body, room: Some(self.room) })
    }

    /// Adds every content that the event and its contents name, as far as they fit.
    async fn read_all(&mut self, mut hydration: Hydration) -> Result<Hydration, Failure> {
        let (mut rounds, mut waiting) = (0, vec![]);
        loop {
            if waiting.is_empty() {
                let wanted = if rounds < MAX_ROUNDS { hydration.wanted() } else { vec![] };
                rounds += 1;
                waiting = self.admit(&mut hydration, wanted).await?;
            }
            let size = self.fit(&mut hydration, &mut waiting)?;
            if !self.hold(self.room_for(&waiting, size), &mut hydration).await? {
                (rounds, waiting) = (0, vec![]);
                continue;
            }
            if waiting.is_empty() {
                return Ok(hydration);
            }
            hydration = self.read(hydration, std::mem::take(&mut waiting)).await?;
        }
    }

    fn limit(&self) -> u64 {
        self.proxy.config.max_event_size
    }

    /// Fails if a reference whose content could not be read is outside of the records of a batch. This is known only when
    /// everything was read, because a content that is named outside of the records may name the same reference as a record.
    fn check_outside(&self, hydration: &Hydration) -> Result<(), Failure> {
        let Some(batch) = self.batch.as_ref().filter(|_| !self.bad.is_empty()) else { return Ok(()) };
        let outside = hydration.named_outside(batch);
        match self.bad.iter().find(|(reference, _)| outside.contains(reference)) {
            Some((_, failure)) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Remembers references that stay.
    fn keep(&mut self, references: Vec<Reference>, failure: &Failure) {
        if self.batch.is_some() && self.proxy.keeps_in_records_only() {
            self.bad.extend(references.iter().map(|reference| (reference.clone(), failure.clone())));
        }
        self.invocation.kept.extend(references);
    }

    /// Returns those of `wanted` that may be read. The others stay where they are, or fail the invocation.
    async fn admit(&mut self, hydration: &mut Hydration, wanted: Vec<ContentRef>) -> Result<Vec<ContentRef>, Failure> {
        let Admission { admitted, refused, may_pass } = self.proxy.admit(&mut self.scope, wanted, self.until).await;
        // What fails for ever decides, unless it may stay: then what may pass does.
        if let Some(failure) = may_pass.filter(|_| self.keeps || refused.is_empty()) {
            return Err(failure);
        }
        for (reference, failure) in refused {
            refuse(&failure, self.keeps, &mut self.said, &mut self.invocation.work)?;
            self.keep(hydration.names_of(&reference), &failure);
            hydration.add(reference, None);
        }
        Ok(admitted)
    }

    /// Bytes of the event, as far as they are known. If a batch would be too large, records stay as they are, the last ones
    /// first, until it fits, and no contents are read for them. Any other event that is too large fails.
    fn fit(&mut self, hydration: &mut Hydration, waiting: &mut Vec<ContentRef>) -> Result<u64, Failure> {
        let limit = self.limit();
        let Some(batch) = &self.batch else {
            return hydration.fits(limit).map_err(|error| Failure::event_too_large(error, limit));
        };
        if hydration.size_within(limit) > limit {
            let left = hydration.leave_too_large(batch, limit);
            self.leave(left);
        }
        let size = hydration.size_within(limit);
        if size > limit && !hydration.is_as_it_came() {
            // So large is what is outside of all records.
            return Err(Failure::event_too_large(hydrate::TooLarge::Bytes(size), limit));
        }
        waiting.retain(|reference| hydration.needs(reference));
        Ok(size)
    }

    /// Bytes of the event, and how many more reading these contents may take. A size that is not signed may be wrong, so
    /// such a content counts as a whole item. The store has at most [`LARGE_IN_FLIGHT`] bytes of contents in memory before
    /// it knows their sizes.
    fn room_for(&self, waiting: &[ContentRef], size: u64) -> u64 {
        let unsigned = waiting.iter().filter(|reference| reference.signature.is_none());
        let unknown: u64 = unsigned.map(|reference| ITEM.saturating_sub(reference.size)).sum();
        (size + unknown.min(LARGE_IN_FLIGHT as u64)).min(self.limit())
    }

    /// Takes room for `bytes` of the event, as soon as other events leave it. If the event must wait, it first gives back
    /// its room and its contents. Returns whether the event still has its contents; otherwise they must be read again.
    async fn hold(&mut self, bytes: u64, hydration: &mut Hydration) -> Result<bool, Failure> {
        if self.room.grow_now(bytes) {
            return Ok(true);
        }
        let held = self.room.bytes();
        if held > 0 {
            hydration.forget();
            self.room.shrink(0);
            self.read = Amount::default();
        }
        // Twice, so that it is not told so often.
        let bytes = bytes.max(2 * held).min(self.limit());
        let begun = Instant::now();
        let is_free = self.room.grow(bytes, self.until).await;
        self.invocation.work.waiting += begun.elapsed();
        if is_free { Ok(held == 0) } else { Err(Failure::no_room(self.limit())) }
    }

    /// Reads contents and adds them.
    async fn read(&mut self, mut hydration: Hydration, group: Vec<ContentRef>) -> Result<Hydration, Failure> {
        let work = &mut self.invocation.work;
        let contents = self.proxy.get(&self.scope, &group, self.until, work).await;
        let (mut arrived, mut bytes) = (Vec::with_capacity(group.len()), 0);
        for (reference, content) in group.into_iter().zip(contents) {
            let content = self.arrived(&hydration, &reference, content)?;
            self.read.extend(&content);
            bytes += content.as_ref().map_or(0, Bytes::len) as u64;
            let has_parts = hydration.names_parts_of(&reference);
            let index = has_parts.then(|| self.proxy.store.index(&self.scope, &reference));
            arrived.push((reference, content, index));
        }
        let (begun, limit) = (Instant::now(), self.limit());
        let add = move || {
            for (reference, content, index) in arrived {
                hydration.add_indexed(reference, content, index);
            }
            // What is counted now need not be when it is asked for.
            hydration.size_within(limit);
            hydration
        };
        let mut hydration = compute(bytes, add).await;
        self.invocation.work.planning += begun.elapsed();
        hydration.take_absent().into_iter().try_for_each(|(reference, absent)| self.absent(reference, absent))?;
        Ok(hydration)
    }

    /// A content as it arrived, or `None` if its reference may stay in its place.
    fn arrived(
        &mut self,
        hydration: &Hydration,
        reference: &ContentRef,
        content: Result<Stored, GetError>,
    ) -> Result<Option<Bytes>, Failure> {
        let error = match content {
            Ok(content) => return Ok(Some(content.bytes)),
            Err(error) => error,
        };
        let failure = Failure::get(reference, &error);
        if error == GetError::Refused {
            refuse(&failure, self.keeps, &mut self.said, &mut self.invocation.work)?;
        } else if self.keeps && is_permanent(&error) {
            if self.said.is_due() {
                tracing::warn!(%reference, %error, "reference kept in the event");
            }
            self.invocation.work.kept(&error);
        } else {
            return Err(failure);
        }
        self.keep(hydration.names_of(reference), &failure);
        Ok(None)
    }

    /// Handles a reference to a part that its content does not have: the reference may stay, or the invocation fails.
    fn absent(&mut self, reference: Reference, absent: Absent) -> Result<(), Failure> {
        let failure = Failure::absent(&reference, absent);
        if !self.keeps {
            return Err(failure);
        }
        if self.said.is_due() {
            tracing::warn!(%reference, %absent, "reference kept in the event");
        }
        self.invocation.work.kept(&GetError::NotFound);
        self.keep(vec![reference], &failure);
        Ok(())
    }

    /// Notes references that stay because the record around them is too large or too deep, or names too many.
    fn leave(&mut self, references: Vec<Reference>) {
        for reference in &references {
            if self.said.is_due() {
                let error = "its record is too large, nested too deep, or names too many references";
                tracing::warn!(%reference, error, "reference kept in the event");
            }
        }
        self.invocation.work.kept_too_large(references.len());
        self.invocation.kept.extend(references);
    }
}

/// Counts references that stay in the event of a caller that is not trusted with them.
fn note_exposed(plan: &HydratePlan, envelope: Envelope, work: &mut Work) {
    if envelope == Envelope::Exposed && !plan.references().is_empty() {
        work.left_exposed += plan.references().len() as u32;
        notices::exposed_references();
    }
}

/// Counts references that are not searched for by design: those in base64 text, and those in payloads that are not JSON.
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

/// The plan of an event. If records of a batch are nested too deep or name too many references, these records stay as they
/// are. Any other event like that fails, and so does a batch that is like that outside of its records.
fn searched(
    plan: HydratePlan,
    batch: Option<&Batch>,
    limit: u64,
    invocation: &mut Invocation,
) -> Result<HydratePlan, Failure> {
    let Some(error) = plan.too_large() else { return Ok(plan) };
    let failure = Failure::event_too_large(error, limit);
    let (plan, left) = plan.by_record(batch.ok_or_else(|| failure.clone())?);
    if let Some(error) = plan.too_large() {
        return Err(Failure::event_too_large(error, limit));
    }
    let first: Vec<_> = left.records.iter().take(MAX_LOGGED).collect();
    tracing::warn!(records = left.records.len(), ?first, error = %failure, "records kept in the event");
    invocation.work.kept_too_large(left.records.len());
    invocation.kept.extend(left.references);
    Ok(plan)
}

/// The hydrated event, and the references in those records of a batch that could not be hydrated.
fn finish(
    mut hydration: Hydration,
    batch: Option<&Batch>,
    limit: u64,
) -> (Vec<Reference>, Result<Hydrated, hydrate::TooLarge>) {
    let mut left = vec![];
    if let Some(batch) = batch {
        left = hydration.leave_too_deep(batch);
        if hydration.size_within(limit) > limit {
            left.extend(hydration.leave_too_large(batch, limit));
        }
    }
    (left, hydration.hydrated(limit))
}

/// Whether reading the content again later would give the same error.
fn is_permanent(error: &GetError) -> bool {
    !matches!(error, GetError::Unavailable(_))
}

fn check_malformed(
    malformed: &[(String, ParseRefError)],
    keeps: bool,
    said: &mut Said,
    work: &mut Work,
) -> Result<(), Failure> {
    malformed.iter().try_for_each(|(text, error)| refuse(&Failure::malformed(text, error), keeps, said, work))
}

/// Handles a refused reference, each of them once: it may stay where it is, or it fails the invocation.
fn refuse(failure: &Failure, keeps: bool, said: &mut Said, work: &mut Work) -> Result<(), Failure> {
    if said.is_due() {
        tracing::warn!(error = %failure, kept = keeps, "reference refused");
    }
    if !keeps {
        return Err(failure.clone());
    }
    work.kept_refused();
    Ok(())
}
