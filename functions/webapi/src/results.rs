//! What came of a web action: `GET /api/results/{id}`.

use crate::api::{Asked, WebApi};
use crate::lists::{not_read, short};
use functions_content::{Asking, Handle};
use functions_shared::Refusal;
use http_api::Response;
use records::{ActionResult, Results};
use serde_json::{Value, json};

/// The longest body of a reply: Lambda's replies have at most 6 MB, and JSON in JSON is longer than it looks.
const LONGEST_REPLY: usize = 5 << 20;

impl WebApi {
    /// The result of this id, or of the message of this id. `response_body` is whole, or, if it is too long for one reply, a part of
    /// it from the byte `offset` on; then `next_offset` says where the next part begins.
    pub(crate) async fn get_result(&self, asked: Asked<'_>) -> Result<Response, Refusal> {
        let id = asked.request.path.last().map(String::as_str).unwrap_or_default();
        let offset = offset(asked.request.parameter("offset"))?;
        let result = self.result(id).await?;
        let result = result.ok_or_else(|| Refusal::NotFound(format!("there is no result {}", short(id))))?;
        let body = self.body_of(&result, asked).await?;
        let mut shown = json!(result);
        if let Some(members) = shown.as_object_mut() {
            members.remove("response_body_ref");
        }
        if let Some(body) = body {
            show_part(&mut shown, &body, offset)?;
        }
        Ok(Response::ok(shown))
    }

    async fn result(&self, id: &str) -> Result<Option<ActionResult>, Refusal> {
        if id.starts_with("msg_") {
            return Ok(self.results.of_message(id).await?.into_iter().next());
        }
        Ok(self.results.get(id).await?)
    }

    async fn body_of(&self, result: &ActionResult, asked: Asked<'_>) -> Result<Option<String>, Refusal> {
        let handle = result.response_body_ref.as_deref().and_then(Handle::of);
        match (handle, &self.contents) {
            (Some(handle), Some(contents)) => {
                let asking = Asking { tenant: None, until: asked.until };
                contents.get(handle, asking).await.map(Some).map_err(|error| not_read(&error))
            }
            _ => Ok(result.response_body.clone()),
        }
    }
}

fn offset(text: Option<&str>) -> Result<usize, Refusal> {
    let invalid = |_| Refusal::invalid("offset", "must be a number of bytes");
    text.map_or(Ok(0), |text| text.parse().map_err(invalid))
}

fn show_part(shown: &mut Value, body: &str, offset: usize) -> Result<(), Refusal> {
    let rest = body.get(offset..);
    let rest = rest.ok_or_else(|| Refusal::invalid("offset", "must be a next_offset of this result"))?;
    let part = fitting(rest);
    shown["response_body"] = json!(part);
    shown["response_body_bytes"] = json!(body.len());
    if part.len() < rest.len() {
        shown["next_offset"] = json!(offset + part.len());
    }
    Ok(())
}

/// As much of a text as fits into one reply, in which it is JSON in JSON.
fn fitting(text: &str) -> &str {
    let mut part = &text[..text.floor_char_boundary(LONGEST_REPLY)];
    while json!(json!(part).to_string()).to_string().len() > LONGEST_REPLY {
        part = &part[..part.floor_char_boundary(part.len() / 2)];
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_body_fit_and_are_the_body() {
        for body in ["x".repeat(6 << 20), "\0".repeat(1 << 20), "🦀".repeat(1 << 20), String::new()] {
            let (mut whole, mut offset) = (String::new(), 0);
            loop {
                let mut shown = json!({});
                show_part(&mut shown, &body, offset).expect("a part");
                assert!(json!(shown.to_string()).to_string().len() < 6_000_000);
                whole += shown["response_body"].as_str().expect("text");
                let Some(next) = shown["next_offset"].as_u64() else { break };
                offset = usize::try_from(next).expect("a position");
            }
            assert!(whole == body);
        }
    }

    #[test]
    fn an_offset_is_where_a_part_begins() {
        for offset in [1, 5, usize::MAX] {
            assert_eq!(show_part(&mut json!({}), "ä", offset).unwrap_err().field(), Some("offset"));
        }
    }
}
