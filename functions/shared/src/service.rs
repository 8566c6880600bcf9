//! [`run`] and [`run_with`]: a handler becomes a Lambda function.

use crate::{Failure, Variables, init_error, logs, through_wrapper};
use bytes::Bytes;
use futures_core::Stream;
use lambda_runtime::{Diagnostic, Error, IntoFunctionResponse, LambdaEvent, service_fn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt::Debug;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument;

/// An event longer than this is never taken for a warm-up: it is parsed once only, as the handler's own type.
const LONGEST_WARMUP: usize = 1024;

/// Serves invocations with `handler` until Lambda ends the process.
///
/// The process first goes through the exec wrapper, if one is set ([crate documentation](crate)), then serves on one thread,
/// one invocation at a time. On managed instances, where a sandbox has `AWS_LAMBDA_MAX_CONCURRENCY` of them at once, it polls
/// as many times, and handlers run on as many threads as there are processors. An event that does not fit `I` fails as `InvalidEvent`; `{"warmup":true}`, or
/// an event of `EventBridge` whose source is `warmup`, is answered with itself without calling the handler.
///
/// # Errors
/// When the Runtime API cannot be reached any more. An invocation's failure is no error of `run`.
pub fn run<I, O, E, F>(handler: impl Fn(LambdaEvent<I>) -> F + Send + Sync + 'static) -> Result<(), Error>
where
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
    E: Into<Diagnostic> + 'static,
    F: Future<Output = Result<O, E>> + Send + 'static,
{
    start(&Variables::from_environment())?.block_on(serve(handler, std::convert::identity, None))
}

/// Like [`run`], for a handler that needs more than its event: `init` makes it once, from the variables, before the first event.
///
/// Invocations share it, also where several run at once.
///
/// A failure of `init`, such as a missing variable, is reported to the Runtime API as the reason why nothing is served, and
/// logged in one line.
///
/// ```no_run
/// use functions_shared::{Failure, LambdaEvent, Variables, run_with};
/// use std::process::ExitCode;
/// use std::sync::Arc;
///
/// struct State { table: String }
///
/// async fn init(variables: Variables) -> Result<State, Failure> {
///     Ok(State { table: variables.required("TABLE_NAME")?.to_owned() })
/// }
///
/// async fn handle(state: Arc<State>, event: LambdaEvent<String>) -> Result<String, Failure> {
///     Ok(format!("{} is not in {}", event.payload, state.table))
/// }
///
/// fn main() -> ExitCode {
///     run_with(init, handle)
/// }
/// ```
pub fn run_with<S, I, O, E, F>(
    init: impl AsyncFnOnce(Variables) -> Result<S, Failure>,
    handler: impl Fn(Arc<S>, LambdaEvent<I>) -> F + Send + Sync + 'static,
) -> ExitCode
where
    S: Send + Sync + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Serialize + Send + 'static,
    E: Into<Diagnostic> + 'static,
    F: Future<Output = Result<O, E>> + Send + 'static,
{
    run_responding(init, handler, std::convert::identity)
}

/// Like [`run_with`], with `respond` between what the handler gives and what the Runtime API gets, such as a response that streams.
pub fn run_responding<St, I, O, E, F, R, B, S, D, X>(
    init: impl AsyncFnOnce(Variables) -> Result<St, Failure>,
    handler: impl Fn(Arc<St>, LambdaEvent<I>) -> F + Send + Sync + 'static,
    respond: fn(Returned<O>) -> R,
) -> ExitCode
where
    St: Send + Sync + 'static,
    I: DeserializeOwned + Send + 'static,
    O: Send + 'static,
    E: Into<Diagnostic> + 'static,
    F: Future<Output = Result<O, E>> + Send + 'static,
    R: IntoFunctionResponse<B, S> + Send + 'static,
    B: Serialize + Send + 'static,
    S: Stream<Item = Result<D, X>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send + 'static,
    X: Into<Error> + Send + Debug + 'static,
{
    let variables = Variables::from_environment();
    let served = start(&variables).and_then(|runtime| {
        runtime.block_on(async move {
            let stage = variables.optional("STAGE").ok().flatten().map(Arc::from);
            let made = Arc::new(initialised(init, variables).await?);
            serve(move |event| handler(Arc::clone(&made), event), respond, stage).await
        })
    });
    // In a log line: what `main` returns as an error is printed as plain text.
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the function exits because of an error");
            ExitCode::FAILURE
        }
    }
}

/// Starts the wrapper if one is set, then the log and a runtime.
fn start(variables: &Variables) -> Result<Runtime, Error> {
    let wrapped = through_wrapper::pass();
    logs::init(variables);
    if let Err(error) = wrapped {
        tracing::error!(%error, "the wrapper was not started");
    }
    let mut runtime =
        if is_concurrent(variables) { Builder::new_multi_thread() } else { Builder::new_current_thread() };
    Ok(runtime.enable_all().build()?)
}

/// Whether this sandbox has several invocations at once: what `lambda_runtime` goes by.
fn is_concurrent(variables: &Variables) -> bool {
    matches!(variables.parsed::<u32>("AWS_LAMBDA_MAX_CONCURRENCY"), Ok(Some(2..)))
}

async fn initialised<S>(
    init: impl AsyncFnOnce(Variables) -> Result<S, Failure>,
    variables: Variables,
) -> Result<S, Error> {
    let made = match logs::level(&variables) {
        Ok(_) => init(variables).await,
        Err(error) => Err(error.into()),
    };
    match made {
        Ok(state) => Ok(state),
        Err(failure) => {
            let runtime_api = lambda_runtime_api_client::Client::builder().build()?;
            init_error::report(&runtime_api, failure.clone()).await?;
            Err(failure.into())
        }
    }
}

/// Every line of the log says which invocation, function and stage it is of.
async fn serve<I, O, E, F, R, B, S, D, X>(
    handler: impl Fn(LambdaEvent<I>) -> F + Send + Sync + 'static,
    respond: fn(Returned<O>) -> R,
    stage: Option<Arc<str>>,
) -> Result<(), Error>
where
    I: DeserializeOwned + Send + 'static,
    O: Send + 'static,
    E: Into<Diagnostic> + 'static,
    F: Future<Output = Result<O, E>> + Send + 'static,
    R: IntoFunctionResponse<B, S> + Send + 'static,
    B: Serialize + Send + 'static,
    S: Stream<Item = Result<D, X>> + Unpin + Send + 'static,
    D: Into<Bytes> + Send + 'static,
    X: Into<Error> + Send + Debug + 'static,
{
    let handler = Arc::new(handler);
    let invocation = move |event: LambdaEvent<_>| {
        let (request_id, function) = (&event.context.request_id, &event.context.env_config.function_name);
        let span = tracing::info_span!("invocation", request_id, function, stage = stage.as_deref());
        let answered = answer(Arc::clone(&handler), event);
        async move { answered.await.map(respond) }.instrument(span)
    };
    lambda_runtime::run_concurrent(service_fn(invocation)).await
}

/// What goes back.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Returned<O> {
    /// The warm-up event itself.
    Warmup(Box<RawValue>),
    /// The handler's output.
    Output(O),
}

async fn answer<I, O, E, F>(
    handler: Arc<impl Fn(LambdaEvent<I>) -> F>,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Returned<O>, Diagnostic>
where
    I: DeserializeOwned,
    E: Into<Diagnostic>,
    F: Future<Output = Result<O, E>>,
{
    let LambdaEvent { payload, context } = event;
    if is_warmup(payload.get()) {
        return Ok(Returned::Warmup(payload));
    }
    let input = serde_json::from_str(payload.get()).map_err(|error| Failure::invalid_event(&error))?;
    drop(payload); // It may be tens of megabytes that the handler needs.
    handler(LambdaEvent::new(input, context)).await.map(Returned::Output).map_err(Into::into)
}

fn is_warmup(event: &str) -> bool {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Warmup {
        warmup: bool,
    }
    /// Of a rule that keeps a function warm.
    #[derive(Deserialize)]
    struct Scheduled {
        source: String,
        #[serde(rename = "detail-type")]
        _kind: String,
    }
    // The brace: serde would also read a struct from an array.
    let short_object = event.len() <= LONGEST_WARMUP && event.starts_with('{');
    short_object
        && (serde_json::from_str::<Warmup>(event).is_ok_and(|event| event.warmup)
            || serde_json::from_str::<Scheduled>(event).is_ok_and(|event| event.source == "warmup"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lambda_runtime::Context;
    use serde_json::{Value, json};

    async fn upper(event: LambdaEvent<String>) -> Result<Value, Failure> {
        if event.payload.is_empty() {
            return Err(Failure::new("NothingToDo", "the text is empty"));
        }
        Ok(json!(event.payload.to_uppercase()))
    }

    async fn ask(event: &str) -> Result<String, Diagnostic> {
        let payload = RawValue::from_string(event.to_owned()).expect("JSON");
        let answer = answer(Arc::new(upper), LambdaEvent::new(payload, Context::default())).await?;
        Ok(serde_json::to_string(&answer).expect("JSON"))
    }

    #[test]
    fn several_threads_serve_where_there_are_several_invocations() {
        for (value, several) in [("", false), ("1", false), ("x", false), ("0", false), ("2", true), ("64", true)] {
            assert_eq!(is_concurrent(&Variables::from([("AWS_LAMBDA_MAX_CONCURRENCY", value)])), several, "{value}");
        }
    }

    #[tokio::test]
    async fn the_handler_answers() {
        assert_eq!(ask(r#""text""#).await, Ok(r#""TEXT""#.to_owned()));
    }

    #[tokio::test]
    async fn a_warmup_does_not_reach_the_handler() {
        let scheduled = r#"{"version":"0","detail-type":"Scheduled Event","source":"warmup","detail":{}}"#;
        for event in [r#"{"warmup": true}"#, scheduled] {
            assert_eq!(ask(event).await, Ok(event.to_owned()));
        }
    }

    #[tokio::test]
    async fn only_a_warmup_is_one() {
        for event in [r#"{"warmup":false}"#, r#"{"warmup":true,"text":""}"#, r#"{"source":"warmup"}"#, "[true]"] {
            assert_eq!(ask(event).await.expect_err("not a string").error_type, "InvalidEvent");
        }
    }

    #[tokio::test]
    async fn a_failure_keeps_its_name() {
        let failure = ask(r#""""#).await.expect_err("nothing to do");
        assert_eq!((failure.error_type.as_str(), failure.error_message.as_str()), ("NothingToDo", "the text is empty"));
    }
}
