//! The payload of a notification, which the function `processor` sends by ntfy.

use crate::texts::plain_line;
use functions_shared::Refusal;
use http_api::fields::Fields;
use serde_json::{Value, json};

/// ntfy takes three (<https://docs.ntfy.sh/publish/#action-buttons>).
const MAX_ACTIONS: usize = 3;
/// Title and tags of a notification together (<https://docs.ntfy.sh/publish/#limitations>).
const LONGEST_TITLE: usize = 512;
const LONGEST_TAG: usize = 64;
const MAX_TAGS: usize = 8;
const LONGEST_URL: usize = 2048;

/// Checks a notification; what is a number by its text becomes a number.
pub(crate) fn check(mut fields: Fields, payload: &mut Value) -> Result<(), Refusal> {
    fields.required_text("message")?;
    if let Some(title) = fields.text("title")? {
        plain_line("payload.title", &title, LONGEST_TITLE)?;
    }
    if let Some(priority) = fields.whole_number("priority", &(1..=5))? {
        payload["priority"] = json!(priority);
    }
    if let Some(markdown) = fields.truth("markdown")? {
        payload["markdown"] = json!(markdown);
    }
    if let Some(click) = fields.text("click")? {
        check_link("payload.click", &click)?;
    }
    // The checks below would also take the JSON text of a list.
    for name in ["tags", "actions"] {
        if payload[name].is_string() {
            return Err(fields.refuse(name, "must be a list"));
        }
    }
    check_tags(&fields.list("tags")?.unwrap_or_default())?;
    check_actions(fields.list("actions")?.unwrap_or_default())?;
    fields.finish()
}

fn check_tags(tags: &[Value]) -> Result<(), Refusal> {
    if tags.len() > MAX_TAGS {
        return Err(Refusal::invalid("payload.tags", format!("must be at most {MAX_TAGS}")));
    }
    for (index, tag) in tags.iter().enumerate() {
        let place = format!("payload.tags[{index}]");
        let tag = tag.as_str().ok_or_else(|| Refusal::invalid(&place, "must be text"))?;
        plain_line(&place, tag, LONGEST_TAG)?;
        if tag.is_empty() || tag.contains(',') {
            return Err(Refusal::invalid(place, "must be one tag without commas"));
        }
    }
    Ok(())
}

/// Buttons that open a page. Buttons that send requests from the reader's phone are refused.
fn check_actions(actions: Vec<Value>) -> Result<(), Refusal> {
    if actions.len() > MAX_ACTIONS {
        return Err(Refusal::invalid("payload.actions", format!("must be at most {MAX_ACTIONS}")));
    }
    for (index, action) in actions.into_iter().enumerate() {
        let place = format!("payload.actions[{index}]");
        let mut fields = Fields::at(&place, action)?;
        if fields.required_text("action")? != "view" {
            return Err(fields.refuse("action", "must be view"));
        }
        plain_line(&format!("{place}.label"), &fields.required_text("label")?, LONGEST_TAG)?;
        check_link(&format!("{place}.url"), &fields.required_text("url")?)?;
        fields.truth("clear")?;
        fields.finish()?;
    }
    Ok(())
}

/// A link that is opened on the reader's phone.
fn check_link(place: &str, link: &str) -> Result<(), Refusal> {
    plain_line(place, link, LONGEST_URL)?;
    let is_ambiguous = |character: char| character.is_whitespace() || ",;\"'<>\\".contains(character);
    let Some(rest) = link.strip_prefix("https://").filter(|rest| !rest.contains(is_ambiguous)) else {
        return Err(Refusal::invalid(place, "must be an https:// URL without spaces, quotes, commas and semicolons"));
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.contains('@') || !host.is_ascii() {
        return Err(Refusal::invalid(place, "must name a host in ASCII, without user info in front of it"));
    }
    Ok(())
}
