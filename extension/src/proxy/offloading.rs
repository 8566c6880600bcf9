//! Offloads a response: what is too long for its destination is stored, and references are sent in its place.

use std::time::Instant;

use bytes::Bytes;
use long_content::keys::Keyring;
use long_content::offload::MAX_LOOK_ALIKES;
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{ContentRef, Scope};
use long_content::store::settings;
use long_content::store::tally::Tally;
use long_content::store::{ContentStore, PutError};

use super::compute::compute;
use super::notices;
use super::sandbox::{LAMBDA_RESPONSE_LIMIT, Proxy};
use crate::error::Failure;
use crate::invocations::Invocation;
use crate::metrics::{Sizes, Work};
use crate::payload::Payload;

impl<S: ContentStore> Proxy<S> {
    /// Whether a response is so short that its size alone requires no offloading.
    pub(super) fn is_short(&self, response: &Payload) -> bool {
        self.config.max_payload_size.is_none_or(|max_size| response.len() <= max_size)
    }

    /// Stores what is too long in a response, and returns the response with references in its place.
    pub(super) async fn offload(&self, response: Bytes, invocation: &mut Invocation) -> Result<Bytes, Failure> {
        let until = invocation.store_until(self.config.store_timeout);
        let keys = self.keys.known();
        let has_keys = keys.is_some();
        let terms = self.terms(invocation, keys.unwrap_or_default());
        let outgoing = self.decide(&response, terms, invocation).await?;
        if outgoing.is_invalid {
            invocation.work.left_invalid += 1;
            notices::invalid_json();
        }
        if outgoing.contents.is_empty() {
            return Ok(response);
        }
        let (before, has_look_alike) = (response.len(), outgoing.has_look_alike);
        let stored = if has_keys {
            self.store_all(outgoing, until, &mut invocation.work).await
        } else {
            self.store_when_keys_come(&response, invocation, until).await
        };
        let work = &mut invocation.work;
        match stored {
            Ok(stored) => {
                work.response = Some(Sizes { before, after: stored.len() });
                Ok(stored)
            }
            Err(error) if !has_look_alike && self.fits(&response) => {
                tracing::warn!(%error, bytes = before, "response sent without offloading");
                work.fallbacks += 1;
                work.response = Some(Sizes { before, after: before });
                Ok(response)
            }
            stored => stored,
        }
    }

    /// Decides what is offloaded from a response on these terms.
    pub(super) async fn decide(
        &self,
        response: &Bytes,
        terms: Terms,
        invocation: &mut Invocation,
    ) -> Result<Outgoing, Failure> {
        let (response, begun) = (response.clone(), Instant::now());
        let outgoing = compute(response.len() as u64, move || Outgoing::of(&response, &terms)).await;
        invocation.work.planning += begun.elapsed();
        outgoing.map_err(|error| Failure::does_not_fit(&error))
    }

    /// Offloads a response if the signing keys were not read during init: waits for them, then decides and stores.
    async fn store_when_keys_come(
        &self,
        response: &Bytes,
        invocation: &mut Invocation,
        until: Instant,
    ) -> Result<Bytes, Failure> {
        let keys = self.keys.get(until).await.map_err(|error| Failure::no_keys(&error))?;
        let outgoing = self.decide(response, self.terms(invocation, keys), invocation).await?;
        self.store_all(outgoing, until, &mut invocation.work).await
    }

    /// Stores what must be stored before a response is sent, and returns the response.
    pub(super) async fn store_all(
        &self,
        outgoing: Outgoing,
        until: Instant,
        work: &mut Work,
    ) -> Result<Bytes, Failure> {
        self.put(&outgoing.scope, &outgoing.contents, until, work).await.map_err(|error| Failure::put(&error))?;
        work.offloaded.extend(outgoing.contents.iter().map(|(_, content)| content));
        Ok(outgoing.response)
    }

    /// Stores contents, and counts that as the invocation's work.
    async fn put(
        &self,
        scope: &Scope,
        contents: &[(ContentRef, Bytes)],
        until: Instant,
        work: &mut Work,
    ) -> Result<(), PutError> {
        let (tally, begun) = (Tally::default(), Instant::now());
        let outcome = self.store.charging(&tally).put(scope, contents, until).await;
        work.used(tally.usage(), begun.elapsed());
        outcome.map(drop)
    }

    /// The terms on which the response of an invocation is offloaded.
    pub(super) fn terms(&self, invocation: &Invocation, keys: Keyring) -> Terms {
        Terms {
            max_content_size: self.config.max_content_size,
            max_payload_size: self.config.max_payload_size,
            keep: self.config.keep.clone(),
            scope: self.scope_of(invocation, keys),
            ttl: self.config.ttl,
            placing: settings::placing(self.config.bucket.as_ref()),
            kept: invocation.kept.clone(),
            max_look_alikes: MAX_LOOK_ALIKES,
        }
    }

    /// Whether an unchanged response fits its destination and Lambda's limit.
    fn fits(&self, response: &Bytes) -> bool {
        self.config.max_payload_size.is_none_or(|max_size| response.len() <= max_size)
            && response.len() as u64 <= LAMBDA_RESPONSE_LIMIT
    }
}
