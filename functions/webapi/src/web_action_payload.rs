//! The payload of a web action.

use crate::auth_config;
use crate::texts::url;
use functions_shared::Refusal;
use http_api::fields::Fields;
use http_guard::AllowedHosts;
use jiff::civil::DateTime;
use records::{WebAction, WebActionPayload};
use serde_json::{Value, json};

const OPERATIONS: [&str; 3] = ["search_tee_times", "book_tee_time", "fetch_reservations"];

pub(crate) fn check(
    mut fields: Fields,
    payload: &Value,
    arguments: &Value,
    stage: &str,
    hosts: &AllowedHosts,
) -> Result<(), Refusal> {
    let name = fields.required_text("action")?;
    let action = serde_json::from_value(json!(name));
    let action = action.map_err(|_| fields.refuse("action", "must be weather, golf or http"))?;
    let target = fields.text("url")?;
    if let Some(target) = &target {
        url("payload.url", target, hosts)?;
    }
    if target.is_none() && action != WebAction::Golf {
        return Err(fields.refuse("url", "is missing"));
    }
    if let Some(config) = fields.object("auth_config")? {
        auth_config::check("payload.auth_config", Value::Object(config), stage, hosts)?;
    }
    check_request(&mut fields, action)?;
    check_golf(&mut fields, action, arguments)?;
    fields.truth("notify")?;
    fields.finish()?;
    // Numbers as text pass the checks above and would fail the function that reads the message.
    let read: Result<WebActionPayload, _> = serde_json::from_value(payload.clone());
    read.map(|_| ()).map_err(|_| Refusal::invalid("payload", "has a field of the wrong type"))
}

/// What only `http` and `weather` know.
fn check_request(fields: &mut Fields, action: WebAction) -> Result<(), Refusal> {
    fields.whole_number("days", &(1..=7))?;
    let method = fields.text("method")?;
    let has_body = fields.take("body").is_some();
    match method.as_deref() {
        None | Some("GET") if has_body => Err(fields.refuse("body", "needs the method POST")),
        None | Some("GET") => Ok(()),
        Some("POST") if action == WebAction::Http => Ok(()),
        _ => Err(fields.refuse("method", "must be GET, or POST of the action http")),
    }
}

fn check_golf(fields: &mut Fields, action: WebAction, arguments: &Value) -> Result<(), Refusal> {
    let course = fields.whole_number("courseID", &(1..=99))?;
    fields.whole_number("numberOfPlayers", &(1..=4))?;
    fields.whole_number("maxResults", &(1..=100))?;
    fields.truth("autoBook")?;
    let tee_sheet = fields.whole_number("teeSheetID", &(1..=u64::MAX))?;
    for name in ["startSearchTime", "endSearchTime"] {
        let moment = fields.text(name)?;
        if moment.is_some_and(|text| !is_local_time(&text)) {
            return Err(fields.refuse(name, "must be a time such as 2026-11-29T08:00:00"));
        }
    }
    if action != WebAction::Golf {
        return Ok(());
    }
    let operation = arguments["operation"].as_str().filter(|name| OPERATIONS.contains(name));
    let Some(operation) = operation else {
        let reason = format!("must be one of {}", OPERATIONS.join(", "));
        return Err(Refusal::invalid("arguments.operation", reason));
    };
    if course.is_none() {
        return Err(fields.refuse("courseID", "is missing"));
    }
    if operation == "book_tee_time" && tee_sheet.is_none() {
        return Err(fields.refuse("teeSheetID", "is missing"));
    }
    Ok(())
}

/// As it is written here: jiff also reads a space in place of the `T`, fractions of a second and years before Christ.
fn is_local_time(text: &str) -> bool {
    let is_as_written = |moment: DateTime| moment.year() >= 0 && moment.to_string() == text;
    text.len() == "2026-11-29T08:00:00".len() && text.parse().is_ok_and(is_as_written)
}
