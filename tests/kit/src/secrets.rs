//! Secrets Manager, as far as one secret goes: it answers `GetSecretValue`, rotates, can deny itself, and has outages.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::message::Reply;
use crate::peer::{Exchange, Peer};

pub const SECRET_ARN: &str = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:lrap/signing-a1b2c3";

/// A secret with its versions, the current one last.
#[derive(Debug)]
pub struct Secret {
    pub endpoint: String,
    shared: Arc<Shared>,
    _peer: Peer,
}

#[derive(Debug, Default)]
struct Shared {
    versions: Mutex<Vec<String>>,
    asked: AtomicUsize,
    outage: Mutex<Option<Outage>>,
}

/// What does not answer; it says that the service failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    All,
    PreviousVersion,
}

impl Secret {
    /// One whose first version is `text`; without any it is denied to everybody.
    pub async fn start(text: Option<&str>) -> Self {
        let shared = Arc::new(Shared::default());
        shared.versions.lock().unwrap().extend(text.map(str::to_owned));
        let asked = Arc::clone(&shared);
        let peer = Peer::start(move |request: &Exchange| Some(asked.reply(request))).await;
        Self { endpoint: peer.url(), shared, _peer: peer }
    }

    /// Makes `text` the current version.
    pub fn rotate(&self, text: &str) {
        self.shared.versions.lock().unwrap().push(text.to_owned());
    }

    /// What does not answer from now on.
    pub fn fails(&self, outage: Option<Outage>) {
        *self.shared.outage.lock().unwrap() = outage;
    }

    /// How often its current version was asked for.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Shared {
    fn reply(&self, request: &Exchange) -> Reply {
        assert_eq!(request.headers.get("x-amz-target"), Some("secretsmanager.GetSecretValue"));
        let signature = request.headers.get("authorization").unwrap();
        assert!(signature.contains("/eu-central-1/secretsmanager/aws4_request"));
        let body = request.json();
        assert_eq!(body["SecretId"], SECRET_ARN);
        let is_current = body["VersionStage"] == "AWSCURRENT";
        self.asked.fetch_add(usize::from(is_current), Ordering::SeqCst);
        let outage = *self.outage.lock().unwrap();
        if outage == Some(Outage::All) || outage.is_some() && !is_current {
            return Reply::new(500, json!({"__type": "InternalServiceError"}).to_string());
        }
        let versions = self.versions.lock().unwrap();
        let version = versions.iter().nth_back(usize::from(!is_current));
        let (status, body) = match version {
            Some(text) => (200, json!({"ARN": SECRET_ARN, "SecretString": text})),
            None if versions.is_empty() => (400, json!({"__type": "AccessDeniedException"})),
            None => (400, json!({"__type": "ResourceNotFoundException"})),
        };
        Reply::new(status, body.to_string())
    }
}
