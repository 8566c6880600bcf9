//! One batch, and when it must be done.

use std::time::{Duration, Instant, SystemTime};

use bus::{BatchResponse, SqsEvent, batch};
use functions_shared::{Failure, LambdaEvent};
use records::{Messages, Results};

use crate::publisher::Publisher;
use crate::web_actions::WebActions;

/// What is not done by then is given up, so that the batch is answered before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_secs(3);
/// How long a batch may take when nobody says.
const WITHOUT_DEADLINE: Duration = Duration::from_mins(1);

/// Performs the actions of a batch.
///
/// # Errors
/// None: what fails is named in the response, and SQS delivers it again.
pub async fn handle<M: Messages, R: Results, P: Publisher>(
    actions: &WebActions<M, R, P>,
    event: LambdaEvent<SqsEvent>,
) -> Result<BatchResponse, Failure> {
    let until = deadline(event.context.deadline());
    let late = || Err(Failure::new("Late", "the action was not done before the invocation's deadline"));
    let deliver = |delivery| async move {
        let delivered = tokio::time::timeout_at(until.into(), actions.deliver(&delivery, until)).await;
        delivered.unwrap_or_else(|_| late())
    };
    Ok(batch::run(event.payload, deliver).await)
}

/// On the clock that timers use. One that has passed already says nothing: stand-ins for the Runtime API make one up.
fn deadline(deadline: SystemTime) -> Instant {
    let left = deadline.duration_since(SystemTime::now()).unwrap_or(WITHOUT_DEADLINE);
    Instant::now() + left.saturating_sub(MARGIN)
}
