//! Tools as web actions: what a queued message says in place of a call. Pure.

use serde_json::{Map, Value, json};

/// A web action's payload and arguments.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queued {
    pub(crate) payload: Value,
    pub(crate) arguments: Value,
}

/// Tools that can be queued.
pub(crate) const QUEUEABLE: [&str; 5] =
    ["get_weather_forecast", "golf_search_tee_times", "golf_book_tee_time", "golf_fetch_reservations", "http_get"];

/// The web action that does what the tool does with this input, which fits the tool.
pub(crate) fn of(tool: &str, input: &Map<String, Value>) -> Option<Queued> {
    let field = |name: &str| input.get(name).cloned().unwrap_or_default();
    let golf = |payload: Value, operation: &str| (joined("golf", payload), json!({ "operation": operation }));
    let (payload, arguments) = match tool {
        "get_weather_forecast" => {
            let place = json!({ "latitude": field("latitude"), "longitude": field("longitude") });
            (joined("weather", json!({ "days": field("days") })), place)
        }
        "golf_search_tee_times" => golf(search(input), "search_tee_times"),
        "golf_book_tee_time" => {
            let booking = json!({ "courseID": field("course_id"), "teeSheetID": field("tee_sheet_id"), "numberOfPlayers": field("players") });
            golf(booking, "book_tee_time")
        }
        "golf_fetch_reservations" => golf(json!({ "courseID": field("course_id") }), "fetch_reservations"),
        "http_get" => (joined("http", json!({ "url": field("url") })), json!({})),
        _ => return None,
    };
    Some(Queued { payload, arguments })
}

/// Times of day are on the clock of the course, and belong to the day.
fn search(input: &Map<String, Value>) -> Value {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let date = text("date").unwrap_or_default();
    let at = |time: &str| format!("{date}T{time}{}", if time.len() == "08:00".len() { ":00" } else { "" });
    json!({
        "courseID": input.get("course_id"), "numberOfPlayers": input.get("players"), "maxResults": input.get("max_results"),
        "startSearchTime": text("from").map_or_else(|| date.to_owned(), at), "endSearchTime": text("to").map(at),
    })
}

/// A payload without what was left out.
fn joined(action: &str, fields: Value) -> Value {
    let mut payload = json!({ "version": records::SCHEMA_VERSION, "action": action, "notify": false });
    let (Some(members), Value::Object(fields)) = (payload.as_object_mut(), fields) else { return payload };
    members.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use records::WebActionPayload;

    fn queued(tool: &str, input: Value) -> Queued {
        let Value::Object(input) = input else { panic!("an object") };
        of(tool, &input).expect("a web action")
    }

    #[test]
    fn a_search_becomes_the_payload_that_messages_have() {
        let input = json!({ "course_id": 1, "date": "2025-10-29", "players": 2, "from": "08:00", "to": "11:30" });
        let Queued { payload, arguments } = queued("golf_search_tee_times", input);
        let expected = json!({
            "version": "1.0", "action": "golf", "notify": false, "courseID": 1, "numberOfPlayers": 2,
            "startSearchTime": "2025-10-29T08:00:00", "endSearchTime": "2025-10-29T11:30:00",
        });
        assert_eq!((payload, arguments), (expected, json!({ "operation": "search_tee_times" })));
        let whole_day = queued("golf_search_tee_times", json!({ "course_id": 1, "date": "2025-10-29" }));
        assert_eq!(whole_day.payload["startSearchTime"], "2025-10-29");
    }

    #[test]
    fn every_queueable_tool_has_a_payload_that_can_be_read() {
        let input = json!({
            "latitude": 1.5, "longitude": -2, "days": 2, "course_id": 2, "date": "2025-10-29", "players": 4, "tee_sheet_id": 7,
            "url": "https://example.com/",
        });
        for tool in QUEUEABLE {
            let Queued { payload, .. } = queued(tool, input.clone());
            assert!(serde_json::from_value::<WebActionPayload>(payload.clone()).is_ok(), "{tool}: {payload}");
        }
        assert_eq!(of("document_search", &Map::new()), None);
    }
}
