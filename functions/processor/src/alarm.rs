//! CloudWatch's alarms, as they come by SNS.
//!
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions.html>

use ntfy::{Notification, Priority, SequenceId};
use serde::Deserialize;

/// An alarm that has changed its state.
#[derive(Debug, Deserialize)]
#[expect(clippy::struct_field_names, reason = "as CloudWatch calls them")]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Alarm {
    alarm_name: String,
    alarm_description: Option<String>,
    new_state_value: String,
    new_state_reason: String,
    state_change_time: String,
    alarm_arn: String,
}

impl Alarm {
    /// The alarm that a body is, if it is one.
    pub(crate) fn of(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    /// The same for each delivery of one change.
    pub(crate) fn id(&self) -> SequenceId {
        SequenceId::of(&format!("{} {}", self.alarm_arn, self.state_change_time))
    }

    /// What a person is told.
    pub(crate) fn notification(&self) -> Notification {
        let described = self.alarm_description.iter().map(|text| format!("{text}\n\n"));
        let text = described.chain([self.new_state_reason.clone()]).collect::<String>();
        let titled = Notification::new(&text, &self.alarm_name).titled(&self.title());
        match self.new_state_value.as_str() {
            "ALARM" => titled.tagged(["rotating_light"]).with_priority(Priority::HIGH),
            "OK" => titled.tagged(["white_check_mark"]),
            _ => titled.tagged(["grey_question"]),
        }
    }

    fn title(&self) -> String {
        format!("{}: {}", self.new_state_value, self.alarm_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn changed(state: &str) -> Value {
        json!({
            "AlarmName": "rez-agent-web-actions-dead-letters-dev-not-empty",
            "AlarmDescription": "There are dead letters.",
            "AWSAccountId": "123456789012",
            "AlarmConfigurationUpdatedTimestamp": "2026-11-29T14:00:00.000+0000",
            "NewStateValue": state,
            "NewStateReason": "Threshold Crossed: 1 datapoint [1.0] was greater than the threshold (0.0).",
            "StateChangeTime": "2026-11-29T15:00:00.123+0000",
            "Region": "US East (N. Virginia)",
            "AlarmArn": "arn:aws:cloudwatch:us-east-1:123456789012:alarm:not-empty",
            "OldStateValue": "OK",
            "OKActions": [], "AlarmActions": [], "InsufficientDataActions": [],
            "Trigger": { "MetricName": "ApproximateNumberOfMessagesVisible" },
        })
    }

    fn sent(state: &str) -> Value {
        json!(Alarm::of(&changed(state).to_string()).expect("an alarm").notification())
    }

    #[test]
    fn an_alarm_is_a_loud_notification_with_its_reason() {
        let sent = sent("ALARM");
        assert_eq!(sent["title"], "ALARM: rez-agent-web-actions-dead-letters-dev-not-empty");
        let message = sent["message"].as_str().expect("a message");
        assert!(message.starts_with("There are dead letters.\n\nThreshold Crossed: "), "{message}");
        assert_eq!((&sent["priority"], &sent["tags"]), (&json!(4), &json!(["rotating_light"])));
    }

    #[test]
    fn the_end_of_an_alarm_is_not_loud() {
        assert_eq!((sent("OK").get("priority"), &sent("OK")["tags"]), (None, &json!(["white_check_mark"])));
        assert_eq!(sent("INSUFFICIENT_DATA")["tags"], json!(["grey_question"]));
    }

    #[test]
    fn each_change_of_state_has_an_id_of_its_own() {
        let id = |body: &Value| Alarm::of(&body.to_string()).expect("an alarm").id();
        let (first, mut second) = (changed("ALARM"), changed("ALARM"));
        assert_eq!(id(&first), id(&second));
        second["StateChangeTime"] = json!("2026-11-29T16:00:00.000+0000");
        assert_ne!(id(&first), id(&second));
    }

    #[test]
    fn a_message_is_no_alarm() {
        assert!(Alarm::of(r#"{"id":"msg_1","message_type":"notify"}"#).is_none());
    }
}
