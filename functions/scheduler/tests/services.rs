//! Stand-ins of SNS and EventBridge Scheduler, as far as the function uses them: names that conflict, tokens that are known again,
//! and an update that resets what it is not given.

use serde_json::{Value, json};
use std::collections::BTreeMap;

const ARN: &str = "arn:aws:scheduler:eu-central-1:123456789012:schedule/default/";

/// What both services hold.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// EventBridge Scheduler's schedules by name, as `GetSchedule` answers.
    pub(crate) schedules: BTreeMap<String, Value>,
    /// Name and token of what was created.
    created: Vec<(String, Value)>,
    /// What SNS took: topic and message.
    pub(crate) published: Vec<(String, Value)>,
}

/// Status and body.
pub(crate) type Answer = (u16, String);

impl Services {
    /// `Publish` of SNS.
    pub(crate) fn publish(&mut self, form: &[u8]) -> Answer {
        let fields: BTreeMap<_, _> = form_urlencoded::parse(form).into_owned().collect();
        let message = serde_json::from_str(&fields["Message"]).unwrap();
        self.published.push((fields["TopicArn"].clone(), message));
        let result = "<PublishResult><MessageId>id</MessageId></PublishResult>";
        (200, format!("<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{result}</PublishResponse>"))
    }

    /// An operation of EventBridge Scheduler.
    pub(crate) fn schedule(&mut self, method: &str, name: &str, body: &[u8]) -> Answer {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        match (method, self.schedules.contains_key(name)) {
            ("POST", true) if self.created.contains(&(name.to_owned(), body["ClientToken"].clone())) => {
                (200, arn_of(name))
            }
            ("POST", true) => refusal(409, "ConflictException", "a schedule with this name exists"),
            ("POST", false) => {
                self.created.push((name.to_owned(), body["ClientToken"].clone()));
                self.keep(name, body)
            }
            (_, false) => refusal(404, "ResourceNotFoundException", "no such schedule"),
            ("GET", true) => (200, self.schedules[name].to_string()),
            ("PUT", true) => self.keep(name, body),
            _ => {
                self.schedules.remove(name);
                (200, "{}".to_owned())
            }
        }
    }

    fn keep(&mut self, name: &str, mut body: Value) -> Answer {
        let members = body.as_object_mut().unwrap();
        members.remove("ClientToken");
        members.insert("Name".to_owned(), json!(name));
        members.insert("Arn".to_owned(), json!(format!("{ARN}{name}")));
        members["Target"].as_object_mut().unwrap().entry("RetryPolicy").or_insert(json!({"MaximumRetryAttempts": 185}));
        self.schedules.insert(name.to_owned(), body);
        (200, arn_of(name))
    }
}

/// How EventBridge Scheduler refuses.
pub(crate) fn refusal(status: u16, error: &str, message: &str) -> Answer {
    (status, json!({"__type": error, "Message": message}).to_string())
}

fn arn_of(name: &str) -> String {
    json!({"ScheduleArn": format!("{ARN}{name}")}).to_string()
}
