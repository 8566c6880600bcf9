//! Signature Version 4 (AWS, "Create a signed AWS API request") of the only shape of request there is here: a POST
//! without a query whose body is in memory.
//!
//! The SDK's signer takes any request and derives its key for each anew. Tests hold this one against it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use jiff::tz::Offset;
use ring::{digest, hmac};

use super::credentials::Keys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What of a request is signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signable<'a> {
    pub(super) host: &'a str,
    /// As it stands in the request's target: nothing in it is to be escaped.
    pub(super) path: &'a str,
    pub(super) content_type: &'a str,
    /// The header `x-amz-target`.
    pub(super) target: &'a str,
    pub(super) body: &'a [u8],
}

/// The headers that make a request a signed one; those of a session want `x-amz-security-token` too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Signature {
    /// The header `x-amz-date`.
    pub(super) date: String,
    pub(super) authorization: String,
}

/// Signs requests to one service in one region.
pub(super) struct Signer {
    region: String,
    service: &'static str,
    derived: Mutex<Option<Derived>>,
}

/// The key of a day's requests.
struct Derived {
    day: String,
    secret: String,
    key: hmac::Key,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).field("service", &self.service).finish_non_exhaustive()
    }
}

impl Signer {
    pub(super) fn new(service: &'static str, region: &str) -> Self {
        Self { region: region.to_owned(), service, derived: Mutex::default() }
    }

    pub(super) fn sign(&self, request: &Signable<'_>, keys: &Keys, now: SystemTime) -> Signature {
        let date = timestamp(now);
        let day = &date[..8];
        let scope = format!("{day}/{}/{}/aws4_request", self.region, self.service);
        let signed = signed_headers(keys);
        let canonical = sha256(canonical_request(request, keys, &date, signed).as_bytes());
        let text = format!("{ALGORITHM}\n{date}\n{scope}\n{canonical}");
        let signature = HEXLOWER.encode(hmac::sign(&self.key(keys, day), text.as_bytes()).as_ref());
        let id = &keys.access_key_id;
        let authorization =
            format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={signed}, Signature={signature}");
        Signature { date, authorization }
    }

    /// The key for a day's requests: derived once, since it is the same all day.
    fn key(&self, keys: &Keys, day: &str) -> hmac::Key {
        let mut derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        match &*derived {
            Some(derived) if derived.day == day && derived.secret == keys.secret_access_key => derived.key.clone(),
            _ => {
                let secret = &keys.secret_access_key;
                let key = self.derive(secret, day);
                *derived = Some(Derived { day: day.to_owned(), secret: secret.clone(), key: key.clone() });
                key
            }
        }
    }

    fn derive(&self, secret: &str, day: &str) -> hmac::Key {
        let begin = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
        let steps = [day, &self.region, self.service, "aws4_request"];
        steps.iter().fold(begin, |key, step| {
            let step = hmac::sign(&key, step.as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, step.as_ref())
        })
    }
}

/// In the order of their names.
fn signed_headers(keys: &Keys) -> &'static str {
    match keys.session_token {
        Some(_) => "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        None => "content-type;host;x-amz-date;x-amz-target",
    }
}

fn canonical_request(request: &Signable<'_>, keys: &Keys, date: &str, signed: &str) -> String {
    let Signable { host, path, content_type, target, body } = request;
    let token = keys.session_token.as_ref();
    let token = token.map(|token| format!("x-amz-security-token:{token}\n")).unwrap_or_default();
    let hash = sha256(body);
    format!(
        "POST\n{path}\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:{date}\n{token}x-amz-target:{target}\n\n\
         {signed}\n{hash}"
    )
}

fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// `20260131T235959Z`.
fn timestamp(time: SystemTime) -> String {
    let now = Timestamp::try_from(time).expect("BUG: the clock is within jiff's ten thousand years");
    let now = Offset::UTC.to_datetime(now);
    let [month, day, hour, minute, second] = [now.month(), now.day(), now.hour(), now.minute(), now.second()];
    format!("{:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z", now.year())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::judged_by_sdk::signature as theirs;
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, UNIX_EPOCH};

    const REGION: &str = "eu-central-1";

    fn keys(secret: &str, session_token: Option<&str>) -> Keys {
        let (access_key_id, secret_access_key) = ("AKIDEXAMPLE".to_owned(), secret.to_owned());
        Keys { access_key_id, secret_access_key, session_token: session_token.map(str::to_owned) }
    }

    proptest! {
        #[test]
        fn the_sdks_signer_signs_the_same(
            secret in "[!-~]{1,60}",
            token in proptest::option::of("[!-~]{1,900}"),
            path in "/([a-zA-Z0-9_.~-]{1,9}x/){0,3}",
            seconds in 0_u64..4_000_000_000,
            body: Vec<u8>,
        ) {
            let (content_type, target) = ("application/x-amz-json-1.0", "DynamoDB_20120810.PutItem");
            let request = Signable { host: "127.0.0.1:8000", path: &path, content_type, target, body: &body };
            let (keys, now) = (keys(&secret, token.as_deref()), UNIX_EPOCH + Duration::from_secs(seconds));
            let signer = Signer::new("dynamodb", REGION);
            prop_assert_eq!(signer.sign(&request, &keys, now), theirs(&request, &keys, REGION, now));
        }
    }

    /// The key is derived anew when the day is over, and when the credentials have changed.
    #[test]
    fn a_derived_key_is_of_its_day_and_its_secret() {
        let signer = Signer::new("dynamodb", REGION);
        let request = Signable { host: "h", path: "/", content_type: "c", target: "t", body: b"" };
        let day = |number: u64| UNIX_EPOCH + Duration::from_hours(24 * number);
        for (secret, now) in [("a", day(1)), ("a", day(1)), ("a", day(2)), ("b", day(2)), ("a", day(1))] {
            let keys = keys(secret, None);
            assert_eq!(signer.sign(&request, &keys, now), theirs(&request, &keys, REGION, now), "{secret}");
        }
    }

    #[test]
    fn the_secret_shows_in_no_debug_output() {
        let signer = Signer::new("dynamodb", REGION);
        signer.key(&keys("SECRET", None), "20260131");
        assert!(!format!("{signer:?}").contains("SECRET"));
    }
}
