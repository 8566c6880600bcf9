//! `send_notification`: a message to the people who run this.

use crate::action::{Action, Need, Running, Services};
use crate::notifier::Notice;
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;

const MESSAGE: &str = "message";
const TITLE: &str = "title";
const PRIORITY: &str = "priority";

pub(crate) static ACTION: Action = Action {
    name: "send_notification",
    aliases: &["send_push_notification"],
    description: "Sends a notification to the phones of the people who use this system.",
    tags: &["notification"],
    needs: Need::Notifier,
    changes: true,
    parameters: &[
        Parameter::required(MESSAGE, Kind::Text, "What they read."),
        Parameter::optional(TITLE, Kind::Text, "A title of a few words."),
        Parameter::optional(PRIORITY, Kind::Integer { min: 1, max: 5 }, "1 is the least, 5 the most; 3 if left out."),
    ],
    run,
};

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let message = arguments.text(MESSAGE).to_owned();
        if message.trim().is_empty() {
            return Err(ToolError::new(format!("`{MESSAGE}` is empty")));
        }
        let title = arguments.given_text(TITLE).map(str::to_owned);
        let notice = Notice { title, message, priority: arguments.integer(PRIORITY) };
        let notifier = services.notifier.as_ref();
        let notifier = notifier.ok_or_else(|| ToolError::new("this function sends no notifications"))?;
        Ok(format!("The notification is on its way ({}).", notifier.notify(notice).await?))
    })
}
