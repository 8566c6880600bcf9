//! What happens: a notification, a web action, a schedule, a failure, a conversation.

use crate::arguments::Arguments;
use crate::conversation;
use crate::story::{Story, line};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use stand_ins::{Fault, NOAA};

/// The stack's, in seconds: how long a message is hidden before it is received again.
const VISIBILITY: u64 = 361;
/// In which an alarm is raised, in seconds: CloudWatch looks at five minutes.
const ALARM: u64 = 600;
const RECEIVES: usize = 3;
const MESSAGES: &str = "rez-agent-messages-local";
const DEAD_LETTERS: &str = "rez-agent-web-actions-dead-letters-local";
const FORECAST: &str = "https://api.weather.gov/gridpoints/TOP/31,80/forecast";

pub(crate) async fn all(story: &Story<'_>, arguments: &Arguments) -> Result<()> {
    notification(story).await?;
    web_action(story).await?;
    schedule(story).await?;
    failure(story, arguments).await?;
    conversation::booking(story, arguments).await
}

async fn notification(story: &Story<'_>) -> Result<()> {
    story.scene("1. A notification: API, topic, queue, processor, ntfy")?;
    let payload = json!({ "message": "The tee time is at nine", "title": "Golf" });
    let id = created(story, "notify", &payload).await?;
    story.ends(MESSAGES, &id, "completed").await?;
    let shown = story.shows("The tee time is at nine").await?;
    story.calls()?;
    line("the phone shows", &shown)
}

async fn web_action(story: &Story<'_>) -> Result<()> {
    story.scene(
        "2. A web action: API, topic, queue, webaction, the weather service, and a notification of the result",
    )?;
    let id = created(story, "web_action", &weather()).await?;
    story.ends(MESSAGES, &id, "completed").await?;
    let result = story.api.get(&format!("/api/results/{}", result_of(&id))).await?;
    let shown = story.until("a notification of the result", async || Ok(notified(story, 1))).await?;
    story.calls()?;
    line("the result", &first_line(result["response_body"].as_str().unwrap_or_default()))?;
    line("the phone shows", &first_line(&shown))
}

async fn schedule(story: &Story<'_>) -> Result<()> {
    story.scene("3. A schedule: API, topic, scheduler, EventBridge Scheduler, and at noon a message")?;
    let schedule = json!({
        "action": "create", "name": "noon", "schedule_expression": "cron(0 12 * * ? *)", "timezone": "UTC",
        "target_type": "notify", "message_type": "notify", "payload": { "message": "It is noon" }, "arguments": {},
    });
    let answer = story.api.post("/api/schedules", &schedule).await?;
    line("POST /api/schedules", &format!("201, {}", answer["schedule_name"].as_str().unwrap_or_default()))?;
    story.ends("rez-agent-schedules-local", "local-noon", "active").await?;
    let now = story.api.clock(&json!({ "advance": 24 * 60 * 60 })).await?;
    line("the clock is moved by a day", &now)?;
    let shown = story.shows("It is noon").await?;
    story.calls()?;
    line("the phone shows", &shown)
}

async fn failure(story: &Story<'_>, arguments: &Arguments) -> Result<()> {
    story.scene(
        "4. A failure: the weather service is down; three receives, the dead-letter queue, an alarm, and the way back",
    )?;
    story.machine.outside.script().always(NOAA, Fault::Status { status: 503, retry_after: None });
    let id = created(story, "web_action", &weather()).await?;
    for receive in 1..=RECEIVES {
        let asked = async || Ok((story.machine.outside.record().of(NOAA).len() == receive).then_some(()));
        story.until("the weather service to be asked", asked).await?;
        line(&format!("receive {receive} of {RECEIVES}"), "the weather service answers 503")?;
        story.api.clock(&json!({ "advance": VISIBILITY })).await?;
    }
    story.until("the dead letter", async || Ok((story.api.waiting(DEAD_LETTERS).await? == 1).then_some(()))).await?;
    story.api.clock(&json!({ "advance": ALARM })).await?;
    line("the phone shows", &first_line(&story.shows("dead-letters-local-not-empty").await?))?;
    story.machine.outside.script().clear();
    line("make redrive", story.machine.redrive(arguments, DEAD_LETTERS).await?.trim())?;
    story.ends(MESSAGES, &id, "completed").await?;
    story.calls()?;
    ensure!(story.api.waiting(DEAD_LETTERS).await? == 0, "the dead-letter queue is not empty after the redrive");
    line("the message is", "completed")
}

async fn created(story: &Story<'_>, kind: &str, payload: &Value) -> Result<String> {
    let message = json!({ "message_type": kind, "stage": "local", "payload": payload });
    let answer = story.api.post("/api/messages", &message).await?;
    let id = answer["id"].as_str().context("the answer has no message id")?.to_owned();
    line("POST /api/messages", &format!("201, {id}"))?;
    Ok(id)
}

fn weather() -> Value {
    json!({ "version": "1.0", "action": "weather", "url": FORECAST, "days": 1 })
}

/// The id of the one result of a message.
fn result_of(id: &str) -> String {
    id.replacen("msg", "result", 1)
}

/// What the phone shows beyond so many.
fn notified(story: &Story<'_>, known: usize) -> Option<String> {
    story.machine.shown().into_iter().nth(known)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
