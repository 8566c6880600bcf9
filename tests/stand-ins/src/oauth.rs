//! An OAuth provider with tokens that are JWTs: the password grant, client credentials, and the keys of its signatures.

use crate::service::Service;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, StatusCode};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{self, RSA_PKCS1_SHA256};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The name by which faults of the token endpoint are planned.
pub const TOKENS: &str = "tokens";
/// The name by which faults of the published keys are planned.
pub const KEYS: &str = "keys";

/// The one who can sign in.
pub const USERNAME: &str = "golfer@example.com";
/// Theirs.
pub const PASSWORD: &str = "birdie on the 9th & more";
/// The client that can sign in by its secret.
pub const CLIENT: &str = "js1";
/// Its secret.
pub const CLIENT_SECRET: &str = "v4secret";
/// The site that the client belongs to, which the golf provider wants to know.
pub const WEBSITE: &str = "w-1";

/// Keys for tests: what they sign is worth nothing.
const DER: [&[u8]; 2] = [include_bytes!("../keys/one.der"), include_bytes!("../keys/two.der")];

/// A key that signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    /// Its name in headers.
    pub kid: String,
    pair: Arc<KeyPair>,
}

/// The provider. Clones share it.
#[derive(Clone, Debug)]
pub struct OAuth(Arc<Mutex<Settings>>);

#[derive(Debug)]
struct Settings {
    /// How often keys were rotated.
    rotations: usize,
    /// What is published in place of the key that signs.
    published: Option<Vec<Value>>,
    /// What the endpoint gives in place of what it would.
    instead: Option<String>,
    expires_in: u64,
    golfer_id: u64,
    given: HashMap<String, Given>,
}

/// A token that was given.
#[derive(Clone, Debug)]
struct Given {
    golfer_id: u64,
    until: SystemTime,
}

#[derive(Deserialize)]
struct Asked {
    grant_type: String,
    username: Option<String>,
    password: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    #[serde(default)]
    scope: String,
}

impl SigningKey {
    /// One of two keys, under this name.
    pub fn new(kid: &str, which: usize) -> Self {
        let pair = KeyPair::from_der(DER[which % DER.len()]).expect("BUG: the file holds a key");
        Self { kid: kid.to_owned(), pair: Arc::new(pair) }
    }

    /// A JWT with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": "RS256", "typ": "JWT", "kid": self.kid }), claims)
    }

    /// The same with a header that says what it wants.
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let mut signature = vec![0; self.pair.public().modulus_len()];
        let done = self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        done.expect("BUG: the signature is as long as the modulus");
        format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    /// As it is published (RFC 7517).
    pub fn public(&self) -> Value {
        let PublicKeyComponents::<Vec<u8>> { n, e } = self.pair.public().into();
        let [n, e] = [n, e].map(|number| BASE64URL_NOPAD.encode(&number));
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid, "n": n, "e": e })
    }
}

/// Header and claims, as they are signed.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes())).join(".")
}

/// A JWT by HMAC, with whatever as its secret.
pub fn sign_by_hmac(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let signature = ring::hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

/// Whether a key that is published signed a JWT, as ring sees it.
pub fn is_signed_by(key: &SigningKey, token: &str) -> bool {
    let Some((signed, signature)) = token.rsplit_once('.') else { return false };
    let PublicKeyComponents::<Vec<u8>> { n, e } = key.pair.public().into();
    let public = signature::RsaPublicKeyComponents { n, e };
    let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap_or_default();
    public.verify(&signature::RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature).is_ok()
}

impl Default for OAuth {
    fn default() -> Self {
        let settings = Settings {
            rotations: 0,
            published: None,
            instead: None,
            expires_in: 3600,
            golfer_id: 40_712,
            given: HashMap::new(),
        };
        Self(Arc::new(Mutex::new(settings)))
    }
}

impl OAuth {
    /// The key that signs now.
    pub fn key(&self) -> SigningKey {
        let rotations = self.lock().rotations;
        SigningKey::new(&format!("key-{rotations}"), rotations)
    }

    /// Signs with another key from now on, and publishes only that.
    pub fn rotate(&self) {
        self.lock().rotations += 1;
    }

    /// Publishes these in place of the key that signs.
    pub fn publish(&self, keys: Vec<Value>) {
        self.lock().published = Some(keys);
    }

    /// Gives this in place of the tokens that it would give.
    pub fn give(&self, token: &str) {
        self.lock().instead = Some(token.to_owned());
    }

    /// Gives its own tokens again.
    pub fn give_own(&self) {
        self.lock().instead = None;
    }

    /// For how many seconds new tokens are valid.
    pub fn expire_in(&self, seconds: u64) {
        self.lock().expires_in = seconds;
    }

    /// Takes none of the tokens any more that it gave.
    pub fn revoke(&self) {
        self.lock().given.clear();
    }

    /// What a token says that is asked for at this host, if nothing is wrong with it.
    pub fn claims(&self, host: &str) -> Value {
        let settings = self.lock();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        json!({
            "iss": format!("https://{host}/identityapi"), "aud": "onlinereservation", "iat": now, "nbf": now,
            "exp": now.saturating_add(settings.expires_in.max(86_400)), "sub": "4711", "golferId": settings.golfer_id, "acct": "A-17",
            "email": USERNAME,
        })
    }

    /// The golfer for whom a request's token was given, if the token is valid.
    pub(crate) fn golfer(&self, headers: &HeaderMap) -> Option<u64> {
        let token = headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")?;
        let given = self.lock().given.get(token).cloned()?;
        (given.until > SystemTime::now()).then_some(given.golfer_id)
    }

    /// The two endpoints at these hosts.
    pub(crate) fn services(&self, hosts: &'static [&'static str]) -> [Service; 2] {
        let tokens = Router::new().route("/identityapi/connect/token", post(token)).with_state(self.clone());
        let path = "/identityapi/.well-known/openid-configuration/jwks";
        let keys = Router::new().route(path, get(keys)).with_state(self.clone());
        [
            Service { name: TOKENS.to_owned(), hosts, below: "/identityapi/connect/", router: tokens },
            Service { name: KEYS.to_owned(), hosts, below: "/identityapi/.well-known/", router: keys },
        ]
    }

    fn lock(&self) -> MutexGuard<'_, Settings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn grant(&self, host: &str) -> Value {
        let (key, claims) = (self.key(), self.claims(host));
        let mut settings = self.lock();
        let token = settings.instead.clone().unwrap_or_else(|| key.sign(&claims));
        // The clock ends before some lives do.
        let until = SystemTime::now() + Duration::from_secs(settings.expires_in.min(u64::from(u32::MAX)));
        let given = Given { golfer_id: settings.golfer_id, until };
        settings.given.insert(token.clone(), given);
        json!({ "access_token": token, "refresh_token": "none", "expires_in": settings.expires_in, "token_type": "Bearer" })
    }
}

impl Asked {
    fn is_granted(&self) -> bool {
        match self.grant_type.as_str() {
            "password" => {
                self.username.as_deref() == Some(USERNAME)
                    && self.password.as_deref() == Some(PASSWORD)
                    && self.scope == "onlinereservation"
            }
            "client_credentials" => {
                self.client_id.as_deref() == Some(CLIENT) && self.client_secret.as_deref() == Some(CLIENT_SECRET)
            }
            _ => false,
        }
    }
}

async fn token(State(oauth): State<OAuth>, headers: HeaderMap, Form(asked): Form<Asked>) -> Response {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    if asked.is_granted() {
        Json(oauth.grant(host)).into_response()
    } else {
        (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" }))).into_response()
    }
}

pub(crate) async fn keys(State(oauth): State<OAuth>) -> Json<Value> {
    let published = oauth.lock().published.clone();
    Json(json!({ "keys": published.unwrap_or_else(|| vec![oauth.key().public()]) }))
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("kid", &self.kid).finish_non_exhaustive()
    }
}
