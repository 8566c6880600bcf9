//! Sends notifications, again if need be.

use crate::answer;
use crate::error::NtfyError;
use crate::notification::Notification;
use crate::sequence::SequenceId;
use crate::topic::Topic;
use reqwest::{Response, redirect};
use serde::Serialize;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// What ntfy answers has some hundred bytes.
const LONGEST_ANSWER: usize = 64 << 10;

/// How often a notification is sent, and how long is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// At most this often, the first time included.
    pub attempts: u32,
    /// For the answer to one attempt.
    pub answer: Duration,
    /// Before the second attempt, unless the server says how long; twice as long before each further one.
    pub pause: Duration,
    /// A longer pause is not waited for: who sent the message sends it again later.
    pub longest_pause: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 3,
            answer: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            // One of ntfy.sh's limits is a request in five seconds.
            longest_pause: Duration::from_secs(10),
        }
    }
}

/// Sends to one topic. Its connections are kept for the next notification.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    topic: Topic,
    policy: RetryPolicy,
}

/// <https://docs.ntfy.sh/publish/#publish-as-json>
#[derive(Serialize)]
struct Published<'a> {
    topic: &'a str,
    #[serde(flatten)]
    notification: &'a Notification,
}

impl Client {
    /// A client for this topic. It follows no redirect: the topic would go along to wherever that points.
    ///
    /// # Errors
    /// When the system has no certificates to trust.
    pub fn new(topic: Topic, policy: RetryPolicy) -> Result<Self, reqwest::Error> {
        // Only the first call in a process does something. reqwest brings no cryptography of its own.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build()?;
        Ok(Self { http, topic, policy })
    }

    /// Sends a notification before the deadline `until`, several times if the server is down, slow or busy.
    ///
    /// # Errors
    /// Why the last attempt failed. The notification may have arrived all the same: sending it again with its id shows no second one.
    pub async fn send(&self, notification: &Notification, id: &SequenceId, until: Instant) -> Result<(), NtfyError> {
        let mut pause = self.policy.pause;
        for _ in 1..self.policy.attempts {
            let Err(error) = self.attempt(notification, id, until).await else { return Ok(()) };
            let wait = error.retry_after().unwrap_or(pause);
            if !error.may_pass() || wait > self.policy.longest_pause || Instant::now() + wait >= until {
                return Err(error);
            }
            sleep(wait).await;
            pause *= 2;
        }
        self.attempt(notification, id, until).await
    }

    async fn attempt(&self, notification: &Notification, id: &SequenceId, until: Instant) -> Result<(), NtfyError> {
        let within = self.policy.answer.min(until.saturating_duration_since(Instant::now()));
        timeout(within, self.exchange(notification, id)).await.unwrap_or(Err(NtfyError::Late(within)))
    }

    async fn exchange(&self, notification: &Notification, id: &SequenceId) -> Result<(), NtfyError> {
        let published = Published { topic: self.topic.name(), notification };
        let request = self.http.post(self.topic.server().clone()).header("X-Sequence-ID", id.as_str());
        let response = request.json(&published).send().await.map_err(|_| NtfyError::Unreachable)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        answer::read(status, &headers, &body(response).await?)
    }
}

async fn body(mut response: Response) -> Result<Vec<u8>, NtfyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| NtfyError::Unreachable)? {
        body.extend(&chunk);
        if body.len() > LONGEST_ANSWER {
            return Err(NtfyError::Unreadable);
        }
    }
    Ok(body)
}
