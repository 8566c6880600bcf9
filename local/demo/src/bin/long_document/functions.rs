//! The two functions, as a template would deploy them, and the first one once more without the layer.

use crate::arguments::Arguments;
use anyhow::{Context, Result};
use demo::Document;
use lambda_local::{Config, FunctionConfig, Runtime};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Reads the document; Python.
pub(crate) const READER: &str = "document-reader";
/// Analyses it; Rust, on an OS-only runtime.
pub(crate) const ANALYSER: &str = "document-analyser";
/// The reader without the layer, for comparison.
pub(crate) const BARE_READER: &str = "document-reader-without-layer";

/// Where the wrapper lies in the layer.
const WRAPPER: &str = "extensions/lrap-wrapper/wrapper";
/// Where the extension lies in the layer.
const EXTENSION: &str = "extensions/lrap";

/// The functions' configuration, with every path checked.
pub(crate) fn config(arguments: &Arguments, document: &Document) -> Result<Config> {
    for file in [EXTENSION, WRAPPER] {
        existing(&arguments.layer.join(file)).context("the layer's folder is not complete")?;
    }
    let mut config = Config::default();
    let table = config.table.name.clone();
    let reader = reader(arguments, document)?;
    let layer = existing(&arguments.layer)?;
    config.functions = BTreeMap::from([
        (READER.to_owned(), behind_layer(reader.clone(), &layer, &table)),
        (ANALYSER.to_owned(), behind_layer(analyser(arguments)?, &layer, &table)),
        (BARE_READER.to_owned(), reader),
    ]);
    Ok(config)
}

fn reader(arguments: &Arguments, document: &Document) -> Result<FunctionConfig> {
    // Absolute, but not resolved: a virtual environment's Python finds its packages by its own path.
    let python = std::path::absolute(&arguments.reader_python)?;
    existing(&python).context("the reader's Python")?;
    let command = vec![text(&python)?, "-m".to_owned(), "awslambdaric".to_owned()];
    Ok(FunctionConfig {
        runtime: Runtime::Python,
        command: Some(command),
        handler: Some("document_reader.handler".to_owned()),
        directory: existing(&arguments.reader)?,
        environment: BTreeMap::from([("DOCUMENT_ROOT".to_owned(), text(&document.folder)?)]),
        ..sized()
    })
}

fn analyser(arguments: &Arguments) -> Result<FunctionConfig> {
    let program = existing(&arguments.analyser).context("the analyser")?;
    let directory = program.parent().context("a program lies in a folder")?.to_owned();
    Ok(FunctionConfig { command: Some(vec![text(&program)?]), directory, ..sized() })
}

/// Memory and time for tens of megabytes.
fn sized() -> FunctionConfig {
    FunctionConfig { memory: 1024, timeout: Duration::from_mins(1), ..FunctionConfig::default() }
}

/// The two variables that attach the layer to a function.
fn behind_layer(mut function: FunctionConfig, layer: &Path, table: &str) -> FunctionConfig {
    let variables = [("AWS_LAMBDA_EXEC_WRAPPER", format!("/opt/{WRAPPER}")), ("AGENT_CONTEXT_TABLE", table.to_owned())];
    function.environment.extend(variables.map(|(name, value)| (name.to_owned(), value)));
    function.layer = Some(layer.to_owned());
    function
}

fn existing(path: &Path) -> Result<PathBuf> {
    path.canonicalize().with_context(|| format!("there is no {}", path.display()))
}

fn text(path: &Path) -> Result<String> {
    Ok(path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}
