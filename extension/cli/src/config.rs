//! `lrap config`: what each setting comes to and where that is from, and every mistake in them. Of keys it is only said that they are set.

use std::ffi::OsStr;
use std::fmt::Write as _;

use clap::Args;
use long_content::store::settings::names;
use lrap::config::{self, LAMBDA_API, Mistake, Mode, Problem, SETTINGS, Setting};
use serde_json::{Value, json};

use crate::answer::{Outcome, ToolError, print};
use crate::context::{Context, PROFILE, Source};

/// What the extension reads, and what fills in the rest, beside what the store reads.
const BESIDE: [&str; 2] = [LAMBDA_API, PROFILE];

/// Show the value in force of every setting, where it is from, and every mistake
///
/// Shows the values that the extension would use with the same variables. A variable that is not set has its default, which may be a part
/// of AWS_LAMBDA_FUNCTION_MEMORY_SIZE. Keys and credentials are not shown. A mistake is a negative result (exit code 1).
#[derive(Debug, Args)]
#[command(after_long_help = variables())]
pub(crate) struct Config {}

/// Every variable with its default and what it does.
fn variables() -> String {
    let mut text = "Examples:\n  lrap config\n  lrap config --json\n\nVariables:\n".to_owned();
    for Setting { name, default, help, .. } in SETTINGS {
        let _ = writeln!(text, "  {name} (default: {default})\n     {}", help.trim());
    }
    let _ = write!(text, "\nWith the meaning that Lambda and the AWS SDKs give them:\n  {}", names::AWS.join("\n  "));
    text
}

impl Config {
    #[expect(clippy::unused_self, reason = "as every command")]
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        let (config, mistakes) = context.settings();
        let ours = SETTINGS.iter().map(|setting| Row::of(context, setting, &config, &mistakes));
        let aws = BESIDE.into_iter().chain(names::AWS).filter_map(|name| Row::given(context, name));
        let rows: Vec<_> = ours.chain(aws).collect();
        let modes = modes(&config, &mistakes);
        let document = json!({
            "modes": modes.map(|(hydrate, offload)| json!({ "hydrate": hydrate.as_str(), "offload": offload.as_str() })),
            "settings": rows.iter().map(Row::document).collect::<Vec<_>>(),
            "mistakes": mistakes.iter().map(document_of).collect::<Vec<_>>(),
        });
        print(context.as_json, &document, &text(&rows, &mistakes, modes))?;
        Ok(if mistakes.is_empty() { Outcome::Yes } else { Outcome::No })
    }
}

/// How events and responses are treated, unless a mistake leaves that open.
fn modes(config: &config::Config, mistakes: &[Mistake]) -> Option<(Mode, Mode)> {
    let is_open = mistakes.iter().any(|mistake| mistake.problem != Problem::Missing);
    (!is_open).then_some((config.hydrate, config.offload))
}

/// What a mode means, for people.
fn meaning(mode: Mode) -> &'static str {
    match mode {
        Mode::Auto => "depending on the shape of the event, which its writer can imitate",
        Mode::Always => "for every caller",
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
    /// A setting with the value in force; a mistaken one with what it holds.
    fn of(context: &'a Context, setting: &Setting, config: &config::Config, mistakes: &[Mistake]) -> Self {
        let given = context.variable(setting.name);
        let is_wrong = mistakes.iter().any(|mistake| mistake.variable == setting.name);
        let in_force = Some((setting.in_force)(config)).filter(|value| !value.is_empty() && !is_wrong);
        let held = || given.map(|(value, _)| shown(setting.name, value));
        let (value, source) = (in_force.or_else(held), given.map(|(_, source)| source));
        Self { name: setting.name, default: Some(setting.default), value, source }
    }

    /// A variable of AWS, if it is set.
    fn given(context: &'a Context, name: &'static str) -> Option<Self> {
        let (value, source) = context.variable(name)?;
        Some(Self { name, default: None, value: Some(shown(name, value)), source: Some(source) })
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
    if is_secret && !names_one { "set".to_owned() } else { value.to_string_lossy().into_owned() }
}

fn text(rows: &[Row<'_>], mistakes: &[Mistake], modes: Option<(Mode, Mode)>) -> String {
    let mut text = String::new();
    if let Some((hydrate, offload)) = modes {
        let _ = writeln!(text, "events are hydrated: {}", meaning(hydrate));
        let _ = writeln!(text, "responses are offloaded: {}", meaning(offload));
    }
    for Row { name, value, source, .. } in rows {
        let shown = value.as_deref().unwrap_or("none");
        let source = source.map_or_else(|| "default".to_owned(), ToString::to_string);
        let _ = writeln!(text, "{name:<38} {shown:<34} {source}");
    }
    for mistake in mistakes {
        let _ = writeln!(text, "mistake: {mistake}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for name in ["AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "LRAP_SIGNING_KEY"] {
            assert_eq!(shown(name, OsStr::new("value")), "set", "{name}");
        }
        for name in ["LRAP_SIGNING_SECRET_ARN", "LRAP_KEEP", "AWS_REGION", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
            assert_eq!(shown(name, OsStr::new("value")), "value", "{name}");
        }
    }
}
