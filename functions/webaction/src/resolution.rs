//! Actions that must not be performed twice: the intent is stored before the request that acts, and resolved if nobody knows what came of
//! it.

use std::time::Instant;

use actions::golf::{Booking, Intent, Prepared, Search};
use actions::{ToolError, WebRequest};
use functions_shared::Failure;
use records::{ActionResult, Message, Messages, Results};
use serde::{Deserialize, Serialize};

use crate::outcome::{Begun, Outcome};
use crate::publisher::Publisher;
use crate::steps::{UNKNOWN, later};
use crate::task::Task;
use crate::web_actions::WebActions;

/// What was about to be done, as a result that is `started` has it in place of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Recorded {
    Booking(Intent),
    /// Nobody can be asked what came of it.
    Request,
}

/// An action that is ready to be performed: nothing has been done yet that counts.
enum Ready<'a> {
    Booking(Box<Prepared<'a>>),
    Request(&'a WebRequest),
    /// Nothing is left to be done.
    Nothing(Outcome),
}

impl<M: Messages, R: Results, P: Publisher> WebActions<M, R, P> {
    /// Performs an action for which there is no result yet, not even one that is `started`.
    pub(crate) async fn acted_once(
        &self,
        task: &Task,
        begun: Begun<'_>,
        is_last: bool,
        until: Instant,
    ) -> Result<ActionResult, Failure> {
        let ready = match self.ready(task, &begun.message.id).await {
            Ok(ready) => ready,
            Err(error) if error.may_pass() => return Err(later(&error)),
            Err(error) => return self.stored(Outcome::failure(error.to_string()), begun, until).await,
        };
        if let Ready::Nothing(outcome) = ready {
            return self.stored(outcome, begun, until).await;
        }
        let intent = begun.intent(ready.recorded());
        if !self.results.create(&intent).await? {
            return self.found(&intent.id).await; // Another delivery is at it.
        }
        match self.act(ready).await {
            Ok(outcome) => self.finished(outcome, begun, until).await,
            Err(error) if error.is_unknown() && is_last => self.resolved(&intent, begun.message, true, until).await,
            Err(error) if error.is_unknown() => Err(Failure::new("OutcomeUnknown", error.to_string())),
            Err(error) => self.finished(Outcome::failure(error.to_string()), begun, until).await,
        }
    }

    async fn ready<'a>(&'a self, task: &'a Task, key: &str) -> Result<Ready<'a>, ToolError> {
        match task {
            Task::Request(request) => Ok(Ready::Request(request)),
            Task::Book(booking) => self.prepared(booking.clone(), None, key).await,
            Task::TeeTimes { search, book: Some(booking) } => self.first(search, booking, key).await,
            _ => Err(ToolError::new("this action may be performed twice")),
        }
    }

    async fn prepared(&self, booking: Booking, starts: Option<String>, key: &str) -> Result<Ready<'_>, ToolError> {
        let prepared = self.services.golf()?.prepare(booking, starts, key).await?;
        Ok(Ready::Booking(Box::new(prepared)))
    }

    async fn first(&self, search: &Search, booking: &Booking, key: &str) -> Result<Ready<'_>, ToolError> {
        match self.services.golf()?.search(search).await?.first() {
            Some(tee_time) => {
                let booking = Booking { tee_sheet_id: tee_time.tee_sheet_id, ..booking.clone() };
                self.prepared(booking, Some(tee_time.start_time.clone()), key).await
            }
            None => Ok(Ready::Nothing(Outcome::success("No tee times, so none was booked.".to_owned(), None))),
        }
    }

    async fn act(&self, ready: Ready<'_>) -> Result<Outcome, ToolError> {
        match ready {
            Ready::Nothing(outcome) => Ok(outcome),
            Ready::Booking(prepared) => Ok(Outcome::success(prepared.reserve().await?, None)),
            Ready::Request(request) => self.services.requested(request).await,
        }
    }

    /// Writes the outcome over the intent. A body that cannot be stored whole is kept in part: the request must not be sent again for it.
    async fn finished(&self, outcome: Outcome, begun: Begun<'_>, until: Instant) -> Result<ActionResult, Failure> {
        let row = match outcome.clone().row(begun, &self.contents, until).await {
            Ok(row) => row,
            Err(error) => {
                tracing::warn!(message_id = begun.message.id, %error, "only the beginning of a body is kept");
                outcome.short(begun)
            }
        };
        if self.results.finish(&row).await? { Ok(row) } else { self.found(&row.id).await }
    }

    /// What came of an action whose intent is all that is known.
    pub(crate) async fn resolved(
        &self,
        started: &ActionResult,
        message: &Message,
        is_last: bool,
        until: Instant,
    ) -> Result<ActionResult, Failure> {
        let recorded = started.response_body.as_deref().unwrap_or_default();
        let begun = Begun { message, action: &started.action, at: Instant::now(), now: self.now() };
        let outcome = match serde_json::from_str(recorded) {
            Ok(Recorded::Booking(intent)) => match self.booked(&intent).await {
                Err(error) if error.may_pass() && !is_last => return Err(later(&error)),
                Err(error) => unknown(&error.to_string()),
                Ok(Some(confirmation)) => Outcome::success(confirmation, None),
                Ok(None) => unknown("the provider lists no new reservation"),
            },
            Ok(Recorded::Request) | Err(_) => unknown("the server may have acted on the request"),
        };
        self.finished(outcome, begun, until).await
    }

    async fn booked(&self, intent: &Intent) -> Result<Option<String>, ToolError> {
        self.services.golf()?.outcome(intent).await
    }
}

impl Ready<'_> {
    fn recorded(&self) -> String {
        let recorded = match self {
            Self::Booking(prepared) => Recorded::Booking(prepared.intent().clone()),
            Self::Request(_) | Self::Nothing(_) => Recorded::Request,
        };
        serde_json::to_string(&recorded).expect("BUG: an intent is JSON")
    }
}

fn unknown(why: &str) -> Outcome {
    Outcome::failure(format!("{UNKNOWN}: {why}. The request is not repeated; check yourself what was done"))
}
