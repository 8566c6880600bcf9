//! Who is asked: the models of the library, or what a test has in their place.

use model::{Call, CallError, Llm, Reply};
use std::time::Duration;

/// Hears the model's words while it writes.
pub type Hear<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Answers calls of a model.
pub trait Answering: Send + Sync + 'static {
    /// Answers one call in no more than `left`.
    fn answer(
        &self,
        call: Call,
        left: Duration,
        hear: Option<Hear<'_>>,
    ) -> impl Future<Output = Result<Reply, CallError>> + Send;
}

impl Answering for Llm {
    async fn answer(&self, call: Call, left: Duration, hear: Option<Hear<'_>>) -> Result<Reply, CallError> {
        // Boxed: a future as deep as this one is too much for the compiler.
        match hear {
            Some(hear) => Box::pin(self.stream(call, Some(left), hear)).await,
            None => Box::pin(Llm::answer(self, call, Some(left))).await,
        }
    }
}
