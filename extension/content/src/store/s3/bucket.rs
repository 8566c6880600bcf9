//! Requests to the bucket: they are signed by AWS's signer, sent over our connections, and their answers are judged.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials as AccessKeys;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use bytes::Bytes;
use data_encoding::{BASE64, HEXLOWER};
use http::header::{DATE, USER_AGENT};
use http::{HeaderMap, Method, Request, Response};
use ring::digest;

use super::answer::{Verdict, judge};
use super::endpoint;
use super::settings::BucketSettings;
use crate::store::dynamodb::protocol::client::{AGENT, Access};
use crate::store::dynamodb::protocol::connector::charging_repeats;
use crate::store::dynamodb::retry::{Attempts, Failure, judge_request};
use crate::store::dynamodb::{ServiceAccess, SettingsError};
use crate::store::tally::{Tally, Usage};

const WARM_TIMEOUT: Duration = Duration::from_secs(2);

/// One bucket, and the tally that counts the requests of this handle.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    shared: Arc<Shared>,
    tally: Tally,
}

/// What every handle has in common.
#[derive(Debug)]
struct Shared {
    settings: BucketSettings,
    access: Access,
    /// Where the bucket was last found; `None` before the first request.
    place: Mutex<Option<Place>>,
    /// Seconds by which S3's clock is ahead of ours, if S3 has refused a request for that.
    skew: AtomicI64,
    total: Tally,
}

#[derive(Debug, Clone)]
struct Place {
    region: String,
    url: String,
}

/// Bytes to be sent, with their SHA-256: S3 compares it with what arrives, and keeps it.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub(super) bytes: Bytes,
    digest: digest::Digest,
}

impl Piece {
    pub(super) fn of(bytes: Bytes) -> Self {
        let digest = digest::digest(&digest::SHA256, &bytes);
        Self { bytes, digest }
    }

    /// The value of `x-amz-checksum-sha256`.
    pub(super) fn checksum(&self) -> String {
        BASE64.encode(self.digest.as_ref())
    }
}

/// A request to be made.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    /// Its name in S3's API, for messages.
    pub(super) operation: &'static str,
    pub(super) method: Method,
    /// What follows the bucket's slash: a key, a query, or both.
    pub(super) target: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Piece,
}

impl Ask {
    /// A request without headers and body.
    pub(super) fn new(operation: &'static str, method: Method, target: impl Into<String>) -> Self {
        Self { operation, method, target: target.into(), headers: vec![], body: Piece::of(Bytes::new()) }
    }
}

/// What S3 says to a request that it understood.
#[derive(Debug)]
pub(super) enum Reply {
    Done(Response<Bytes>),
    Absent,
    Changed,
    TooShort,
}

impl Bucket {
    pub(super) fn new(settings: BucketSettings) -> Result<Self, SettingsError> {
        let ServiceAccess { endpoint, credentials, tls_roots, connections, .. } = settings.access.clone();
        let access = Access::new(endpoint.as_deref(), credentials, &tls_roots, connections)?;
        let (place, skew) = (Mutex::default(), AtomicI64::default());
        let shared = Shared { settings, access, place, skew, total: Tally::default() };
        Ok(Self { shared: Arc::new(shared), tally: Tally::default() })
    }

    /// The same bucket, whose requests are counted in another tally.
    pub(super) fn charging(&self, tally: &Tally) -> Self {
        Self { shared: Arc::clone(&self.shared), tally: tally.clone() }
    }

    pub(super) fn settings(&self) -> &BucketSettings {
        &self.shared.settings
    }

    /// The use of all handles together.
    pub(super) fn usage(&self) -> Usage {
        self.shared.total.usage()
    }

    /// Counts how much more the same would have cost with the table.
    pub(super) fn saved(&self, usd: f64) {
        self.shared.total.saved(usd);
        self.tally.saved(usd);
    }

    /// Opens a connection, TLS included, with a request without a signature, which S3 refuses. If that fails, nothing is
    /// lost.
    pub(super) async fn warm(&self) {
        let url = self.place(None).url;
        if tokio::time::timeout(WARM_TIMEOUT, self.shared.access.ping(&url)).await != Ok(true) {
            tracing::debug!("the bucket's endpoint could not be warmed");
        }
    }

    /// Repeats a request until it is answered, or the time is over. `ask` is called for each attempt.
    pub(super) async fn persist(&self, until: Instant, ask: impl Fn() -> Ask) -> Result<Reply, String> {
        let mut attempts = Attempts::until(until);
        loop {
            if let Some(reply) = attempts.attempt(self.call(&ask())).await? {
                return Ok(reply);
            }
        }
    }

    /// Makes a request once, or twice if its keys are refused and there are others.
    pub(super) async fn call(&self, ask: &Ask) -> Result<Reply, Failure> {
        let access = &self.shared.access;
        let keys = access.keys().await.map_err(|error| judge_request(ask.operation, &error))?;
        let answer = self.send(ask, &keys).await?;
        match judge(ask.operation, &answer) {
            Verdict::KeysRefused(_) if access.forget(&keys).await => {
                let keys = access.keys().await.map_err(|error| judge_request(ask.operation, &error))?;
                let answer = self.send(ask, &keys).await?;
                self.conclude(ask, judge(ask.operation, &answer), answer)
            }
            verdict => self.conclude(ask, verdict, answer),
        }
    }

    /// Converts a verdict to a result. What it says about the bucket's place and clock is used from the next attempt on.
    fn conclude(&self, ask: &Ask, verdict: Verdict, answer: Response<Bytes>) -> Result<Reply, Failure> {
        let operation = ask.operation;
        match verdict {
            Verdict::Done => Ok(Reply::Done(answer)),
            Verdict::Absent => Ok(Reply::Absent),
            Verdict::Changed => Ok(Reply::Changed),
            Verdict::TooShort => Ok(Reply::TooShort),
            Verdict::Failed(failure) | Verdict::KeysRefused(failure) => Err(failure),
            Verdict::Skewed => Err(self.learn_skew(operation, answer.headers())),
            Verdict::Elsewhere(region) if region == self.place(None).region => {
                Err(Failure::Permanent(format!("{operation}: the bucket is not in {region}, which S3 names for it")))
            }
            Verdict::Elsewhere(region) => {
                let heard = format!("{operation}: the bucket is in {region}");
                self.place(Some(region));
                Err(Failure::Transient(heard))
            }
        }
    }

    /// Signs with S3's clock from now on. If that was tried already, the failure is permanent.
    fn learn_skew(&self, operation: &str, headers: &HeaderMap) -> Failure {
        /// If the clock has changed by less than this, the request would be refused again.
        const NEWS: u64 = 240;
        let heard = format!("{operation}: RequestTimeTooSkewed");
        let theirs = headers.get(DATE).and_then(|date| DateTime::from_str(date.to_str().ok()?, Format::HttpDate).ok());
        let Some(theirs) = theirs else { return Failure::Permanent(heard) };
        let skew = theirs.secs() - DateTime::from(SystemTime::now()).secs();
        let before = self.shared.skew.swap(skew, Relaxed);
        if before.abs_diff(skew) < NEWS { Failure::Permanent(heard) } else { Failure::Transient(heard) }
    }

    /// Where the bucket is: where it was last found, or in `region`, which is then used from now on.
    fn place(&self, region: Option<String>) -> Place {
        let mut place = self.shared.place.lock().unwrap_or_else(PoisonError::into_inner);
        let settings = &self.shared.settings;
        if let (Some(known), None) = (&*place, &region) {
            return known.clone();
        }
        let region = region.unwrap_or_else(|| settings.region.clone());
        let url = endpoint::url(settings, &region).expect("BUG: without FIPS and dual-stack, every region has a table");
        place.insert(Place { region, url }).clone()
    }

    async fn send(&self, ask: &Ask, keys: &AccessKeys) -> Result<Response<Bytes>, Failure> {
        let request =
            self.signed(ask, keys).map_err(|reason| Failure::Permanent(format!("{}: {reason}", ask.operation)))?;
        let payers = [self.shared.total.clone(), self.tally.clone()];
        payers.iter().for_each(Tally::sent);
        let answer = Box::pin(charging_repeats(payers, self.shared.access.send(request))).await;
        let answer = answer.map_err(|error| judge_request(ask.operation, &error))?;
        tracing::debug!(status = answer.status().as_u16(), sent = ask.body.bytes.len(), "{}", ask.operation);
        Ok(answer)
    }

    fn signed(&self, ask: &Ask, keys: &AccessKeys) -> Result<Request<Bytes>, &'static str> {
        const UNSIGNABLE: &str = "the request cannot be signed";
        let Place { region, url } = self.place(None);
        let url = format!("{url}/{}", ask.target);
        let body = SignableBody::Precomputed(HEXLOWER.encode(ask.body.digest.as_ref()));
        let headers = ask.headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable = SignableRequest::new(ask.method.as_str(), &url, headers, body).map_err(|_| UNSIGNABLE)?;
        let identity = keys.clone().into();
        let params = v4::SigningParams::builder().identity(&identity).region(&region).name("s3");
        let params = params.time(self.now()).settings(settings()).build().map_err(|_| UNSIGNABLE)?;
        let (instructions, _) = sign(signable, &params.into()).map_err(|_| UNSIGNABLE)?.into_parts();
        let (signed, _) = instructions.into_parts();
        let mut request = Request::builder().method(&ask.method).uri(url).header(USER_AGENT, AGENT);
        for (name, value) in &ask.headers {
            request = request.header(*name, value);
        }
        for header in signed {
            request = request.header(header.name(), header.value());
        }
        request.body(ask.body.bytes.clone()).map_err(|_| UNSIGNABLE)
    }

    /// The time by S3's clock, as far as that is known.
    fn now(&self) -> SystemTime {
        let skew = self.shared.skew.load(Relaxed);
        let by = Duration::from_secs(skew.unsigned_abs());
        if skew < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}

/// The settings that S3 needs: the path is signed as it is sent, and the body's hash is a header.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}
