//! Who contends in most scenarios: lanes whose runtime answers in a given way, and bare requests to the table.

use std::time::Duration;

use bytes::Bytes;

use crate::bare::{self, Bare};
use crate::blocks::Contender;
use crate::lane::Running;
use crate::runtime::Timing;

/// Makes the next response; no clock runs meanwhile.
pub(super) type Respond = Box<dyn FnMut() -> Bytes>;

/// A lane or a bare request.
pub(super) enum Contestant {
    /// A lane, its name in the report, and its runtime's responses.
    Lane { name: String, running: Box<Running>, respond: Respond },
    /// Requests to the table, which take the place of a response or of an event.
    Bare { bare: Bare, takes: Takes },
}

/// What part of an invocation a bare request represents.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// Reading.
    Event,
    /// Writing.
    Response,
}

impl Contestant {
    /// A lane under its own name, whose runtime always answers the same.
    pub(super) fn answering(running: Running, response: &Bytes) -> Self {
        let response = response.clone();
        Self::Lane {
            name: running.name.clone(),
            running: Box::new(running),
            respond: Box::new(move || response.clone()),
        }
    }
}

impl Contender for Contestant {
    fn name(&self) -> &str {
        match self {
            Self::Lane { name, .. } => name,
            Self::Bare { .. } => bare::NAME,
        }
    }

    async fn invoke(&mut self) -> anyhow::Result<Timing> {
        match self {
            Self::Lane { running, respond, .. } => {
                let response = respond();
                running.runtime.invoke(&response).await
            }
            Self::Bare { bare, takes } => {
                let took = bare.round_trip().await?;
                Ok(match takes {
                    Takes::Event => Timing { next: took, response: Duration::ZERO },
                    Takes::Response => Timing { next: Duration::ZERO, response: took },
                })
            }
        }
    }

    fn pid(&self) -> Option<u32> {
        match self {
            Self::Lane { running, .. } => running.pid(),
            Self::Bare { .. } => None,
        }
    }
}
