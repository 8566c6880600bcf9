//! Compares what follows from the modules of tools with what is committed; `make tools-sync` (`UPDATE_TOOLS`) writes it instead. From
//! the modules follows the table of tools. From the table follow the list of names and the registrations in the template of the stack, and
//! the table in the README.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use actions::{Action, Need, TABLE};
use serde_json::Value;

const FROM: [&str; 2] = ["Made by make tools-sync from the ", ": do not edit from here."];
const TO: &str = "To here.";

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Compares a file with itself after `made`, or writes it.
fn sync(name: &str, made: impl Fn(&str) -> String) {
    let path = file(name);
    let is = std::fs::read_to_string(&path).expect("the file");
    let should_be = made(&is);
    if is_asked_to_write() {
        std::fs::write(path, should_be).expect("written");
    } else {
        assert!(is == should_be, "{name} is not what the table of tools says: run `make tools-sync`");
    }
}

#[expect(clippy::disallowed_methods, reason = "a switch of this test")]
fn is_asked_to_write() -> bool {
    std::env::var_os("UPDATE_TOOLS").is_some()
}

/// The text with other lines between the two marks, which are comments.
fn between_marks(text: &str, lines: &str) -> String {
    let (before, rest) = text.split_once(FROM[0]).expect("the first mark");
    let (source, rest) = rest.split_once(FROM[1]).expect("the end of the first mark");
    let (opening, rest) = rest.split_once('\n').expect("a line");
    let (old, after) = rest.split_once(TO).expect("the second mark");
    let indented = old.rsplit('\n').next().unwrap_or_default();
    format!("{before}{}{source}{}{opening}\n{lines}{indented}{TO}{after}", FROM[0], FROM[1])
}

/// The text with another end of the line that begins so.
fn line(text: &str, begins: &str, end: &str) -> String {
    let (before, rest) = text.split_once(begins).expect("the line");
    let (_, after) = rest.split_once('\n').expect("its end");
    format!("{before}{begins}{end}\n{after}")
}

/// The tools of the function `tool`, which has nothing but the web.
fn offered() -> impl Iterator<Item = &'static Action> {
    TABLE.iter().copied().filter(|action| [Need::Nothing, Need::Requests].contains(&action.needs))
}

/// A tool's own description, its members in alphabetical order whatever features `serde_json` has in this build.
fn described(action: &Action) -> Value {
    let mut description = action.description();
    description.sort_all_objects();
    description
}

/// `http_get` is `HttpGet`.
fn logical_id(name: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').map(capital).collect()
}

/// As a text of YAML in single quotes.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Of `http_request`, only where it has hosts; a person approves what it changes, unless the stack says otherwise.
fn registration(action: &Action) -> String {
    let (tool, has_hosts) = (described(action), action.needs == Need::Requests);
    let name = tool["name"].as_str().expect("a name");
    let mut lines = format!("  {}:\n    Type: Custom::Tool\n", logical_id(name));
    lines.push_str(if has_hosts {
        "    Condition: HasHttpRequestHosts\n    Properties:\n"
    } else {
        "    Properties:\n"
    });
    lines.push_str("      ServiceToken:\n        Fn::ImportValue: !Sub SharedToolRegistryLambdaArn-${Stage}\n");
    writeln!(lines, "      tool_name: {name}").expect("BUG: a String takes everything");
    let description = tool["description"].as_str().expect("a description");
    for (property, value) in [
        ("description", description.to_owned()),
        ("input_schema", tool["input_schema"].to_string()),
        ("output_schema", tool["output_schema"].to_string()),
    ] {
        writeln!(lines, "      {property}: {}", quoted(&value)).expect("BUG: a String takes everything");
    }
    lines.push_str("      lambda_arn: !GetAtt ToolFunction.Arn\n");
    if has_hosts {
        lines.push_str("      human_approval_required: !Ref HttpRequestApproval\n");
    }
    writeln!(lines, "      tags: {}\n", quoted(&tool["tags"].to_string())).expect("BUG: a String takes everything");
    lines
}

/// A line of the README's table: what is required comes first.
fn row(tool: &Value) -> String {
    let name = tool["name"].as_str().expect("a name");
    let required = tool["input_schema"]["required"].as_array().expect("a list");
    let properties = tool["input_schema"]["properties"].as_object().expect("an object");
    let is_optional = |name: &&String| !required.contains(&Value::from(name.as_str()));
    let mut takes: Vec<_> = required.iter().filter_map(Value::as_str).map(|name| format!("`{name}`")).collect();
    takes.extend(properties.keys().filter(is_optional).map(|name| format!("`{name}` (optional)")));
    let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
    format!("| `{name}` | {takes} | {} |\n", tool["description"].as_str().expect("a text").replace('|', "\\|"))
}

/// The lines of the table: those that are there, as long as their modules are, and then those of new modules.
fn table(source: &str) -> String {
    let names = |begin: &str, end: &str| -> Vec<String> {
        let lines = source.lines().map(str::trim);
        lines.filter_map(|line| line.strip_prefix(begin)?.strip_suffix(end)).map(str::to_owned).collect()
    };
    let (modules, mut listed) = (names("mod ", ";"), names("&", "::ACTION,"));
    listed.retain(|name| modules.contains(name));
    let new: Vec<_> = modules.into_iter().filter(|name| !listed.contains(name)).collect();
    listed.into_iter().chain(new).fold(String::new(), |lines, name| format!("{lines}    &{name}::ACTION,\n"))
}

#[test]
fn the_table_has_every_module_of_a_tool() {
    sync("actions/src/tools.rs", |source| between_marks(source, &table(source)));
}

#[test]
fn a_new_module_is_a_new_line_of_the_table() {
    let source = "mod http_get;\nmod word_count;\n  &gone::ACTION,\n  &http_get::ACTION,\n";
    assert_eq!(table(source), "    &http_get::ACTION,\n    &word_count::ACTION,\n");
}

#[test]
fn the_template_registers_every_tool_as_it_describes_itself() {
    let registrations: String = offered().map(registration).collect();
    // `http_request` is there if the function has hosts for it.
    let names: Vec<_> = offered().filter(|action| action.needs == Need::Nothing).map(|action| action.name).collect();
    sync("stacks/tools.yaml", |template| {
        let template =
            line(template, "          TOOL_NAMES: ", &format!("{} # made by make tools-sync", names.join(",")));
        between_marks(&template, &registrations)
    });
}

#[test]
fn the_readme_lists_every_tool_as_it_describes_itself() {
    let rows: String = offered().map(|action| row(&described(action))).collect();
    sync("README.md", |page| {
        between_marks(page, &format!("\n| tool | takes | what it does |\n|---|---|---|\n{rows}\n"))
    });
}
