//! `lrap config`: every setting with its source, and every mistake in them. What is secret is only said to be set.

use std::ffi::OsStr;
use std::fmt::Write as _;

use long_content::store::settings::names;
use serde_json::{Value, json};

use super::answer::{Outcome, ToolError, print};
use super::context::{Context, PROFILE, Source, WITHOUT_STORE};
use lrap::config::{LAMBDA_API, Mistake, Mode, SETTINGS};

/// What the extension reads, and what fills in the rest, beside what the store reads.
const BESIDE: [&str; 2] = [LAMBDA_API, PROFILE];

pub(super) fn run(context: &Context) -> Result<Outcome, ToolError> {
    let mistakes = context.mistakes();
    let ours = SETTINGS.iter().map(|setting| Row::of(context, setting.name, Some(setting.default)));
    let aws =
        BESIDE.into_iter().chain(names::AWS).map(|name| Row::of(context, name, None)).filter(|row| row.value.is_some());
    let rows: Vec<_> = ours.chain(aws).collect();
    let modes = modes(context);
    let document = json!({
        "modes": modes.map(|(hydrate, offload)| json!({ "hydrate": hydrate.as_str(), "offload": offload.as_str() })),
        "settings": rows.iter().map(Row::document).collect::<Vec<_>>(),
        "mistakes": mistakes.iter().map(document_of).collect::<Vec<_>>(),
    });
    print(context.arguments.has("json"), &document, &text(&rows, &mistakes, modes))?;
    Ok(if mistakes.is_empty() { Outcome::Yes } else { Outcome::No })
}

/// How events and responses are treated, unless a mistake leaves that open.
fn modes(context: &Context) -> Option<(Mode, Mode)> {
    let config = context.config_without(WITHOUT_STORE).ok()?;
    Some((config.hydrate, config.offload))
}

/// What a mode means, for people.
fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "as the shape of the event tells, which its writer can imitate",
        Mode::Always => "whoever calls",
        Mode::Never => "never",
    }
}

/// One variable.
struct Row<'a> {
    name: &'static str,
    default: Option<&'static str>,
    /// As it may be shown.
    value: Option<String>,
    source: Option<&'a Source>,
}

impl<'a> Row<'a> {
    fn of(context: &'a Context, name: &'static str, default: Option<&'static str>) -> Self {
        let (value, source) = context.variable(name).unzip();
        Self { name, default, value: value.map(|value| shown(name, value)), source }
    }

    fn document(&self) -> Value {
        let source = self.source.map_or_else(|| "default".to_owned(), ToString::to_string);
        json!({ "name": self.name, "value": self.value, "default": self.default, "source": source })
    }
}

fn document_of(mistake: &Mistake) -> Value {
    json!({ "variable": mistake.variable, "problem": mistake.problem.to_string() })
}

/// A value, unless it is secret. An ARN names a secret and is none.
fn shown(name: &str, value: &OsStr) -> String {
    let names_one = ["_ARN", "_FILE"].iter().any(|end| name.ends_with(end));
    let is_secret = ["KEY", "SECRET", "TOKEN"].iter().any(|word| name.split('_').any(|part| part == *word));
    if is_secret && !names_one { "(set, not shown)".to_owned() } else { value.to_string_lossy().into_owned() }
}

fn text(rows: &[Row<'_>], mistakes: &[Mistake], modes: Option<(Mode, Mode)>) -> String {
    let mut text = String::new();
    if let Some((hydrate, offload)) = modes {
        let _ = writeln!(text, "events are hydrated: {}", meaning(hydrate));
        let _ = writeln!(text, "responses are offloaded: {}", meaning(offload));
    }
    for Row { name, default, value, source } in rows {
        let shown = value.as_deref().or(*default).unwrap_or_default();
        let source = source.map_or_else(|| "default".to_owned(), ToString::to_string);
        let _ = writeln!(text, "{name:<38} {shown:<34} {source}");
    }
    for Mistake { variable, problem } in mistakes {
        let _ = writeln!(text, "mistake: {variable} {problem}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "LRAP_SIGNING_KEY"] {
            assert_eq!(shown(name, OsStr::new("value")), "(set, not shown)", "{name}");
        }
        for name in ["LRAP_SIGNING_SECRET_ARN", "LRAP_KEEP", "AWS_REGION", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            assert_eq!(shown(name, OsStr::new("value")), "value", "{name}");
        }
    }
}
