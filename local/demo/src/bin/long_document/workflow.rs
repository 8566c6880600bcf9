//! Reader, state, analyser: what a Step Functions workflow of two tasks does, and what it took.

use crate::analysis::{Analysed, State};
use crate::figures::{DocumentFigures, Figures, Run, STATE_LIMIT, StateFigures, TableUse, WithoutLayer};
use crate::functions::{ANALYSER, BARE_READER, READER};
use crate::invoker::Invoker;
use anyhow::{Context, Result, ensure};
use demo::Document;
use lambda_local::LambdaLocal;
use serde_json::json;

/// What references begin with.
const REFERENCE: &str = "@content:";

/// Runs the workflow twice, and the reader once without the layer.
pub(crate) async fn figures(lambda: &LambdaLocal, document: &Document) -> Result<Figures> {
    let invoker = Invoker::of(lambda);
    let event = serde_json::to_vec(&json!({ "path": document.name }))?;
    let cold = run(lambda, &invoker, &event).await?;
    let warm = run(lambda, &invoker, &event).await?;
    Ok(Figures {
        document: DocumentFigures {
            name: document.name.clone(),
            origin: document.origin.clone(),
            bytes: document.bytes,
            sha256: document.sha256.clone(),
        },
        without_layer: without_layer(&invoker, &event).await?,
        runs: vec![cold, warm],
    })
}

async fn run(lambda: &LambdaLocal, invoker: &Invoker, event: &[u8]) -> Result<Run> {
    let before = lambda.table().meter();
    let reader = invoker.invoke(READER, event.to_vec()).await?;
    let state = reader.outcome.with_context(|| format!("{READER} failed"))?;
    let between = lambda.table().meter();
    let held = held(&state)?;
    let analyser = invoker.invoke(ANALYSER, state).await?;
    let answer = analyser.outcome.with_context(|| format!("{ANALYSER} failed"))?;
    let after = lambda.table().meter();
    let answer: Analysed = serde_json::from_slice(&answer).with_context(|| format!("the answer of {ANALYSER}"))?;
    Ok(Run {
        reader: reader.step,
        analyser: analyser.step,
        state: held,
        written: TableUse::of_writer(&between.since(&before)),
        read: TableUse::of_reader(&after.since(&between)),
        analysis: answer.analysis,
    })
}

/// The workflow keeps the reader's answer as it came, if it can.
fn held(state: &[u8]) -> Result<StateFigures> {
    ensure!(
        state.len() <= STATE_LIMIT,
        "States.DataLimitExceeded: the state would have {} bytes, the limit is {STATE_LIMIT}",
        state.len()
    );
    let State { document, text } = serde_json::from_slice(state).with_context(|| format!("the answer of {READER}"))?;
    Ok(StateFigures {
        bytes: state.len(),
        limit: STATE_LIMIT,
        reference: text.starts_with(REFERENCE).then(|| text.into_owned()),
        encoding: document.encoding,
        sha256: document.sha256,
    })
}

/// The reader's answer when nothing is done about it.
async fn without_layer(invoker: &Invoker, event: &[u8]) -> Result<WithoutLayer> {
    let reply = invoker.invoke(BARE_READER, event.to_vec()).await?;
    let (bytes, refused_by_lambda) = match reply.outcome {
        Ok(answer) => (answer.len(), None),
        Err(error) => {
            let bytes = size_in(&error.error_message).with_context(|| format!("{BARE_READER}: {error}"))?;
            (bytes, Some(error.to_string()))
        }
    };
    Ok(WithoutLayer { bytes, fits_state: refused_by_lambda.is_none() && bytes <= STATE_LIMIT, refused_by_lambda })
}

/// `Response payload size (N bytes) exceeded maximum allowed payload size (6291556 bytes).`
fn size_in(message: &str) -> Option<usize> {
    let (size, _) = message.strip_prefix("Response payload size (")?.split_once(" bytes)")?;
    size.parse().ok()
}
