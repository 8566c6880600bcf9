//! The function is killed anywhere, and the client sends its request again.

use crate::world::{World, notification, schedule};
use records::{MessageStatus, Messages, ScheduleStatus, Schedules};
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::task::Poll;

/// Polls a future so many times and drops it then, as Lambda ends a process. None if it was not done.
async fn killed_after<F: Future>(polls: usize, future: F) -> Option<F::Output> {
    let (mut future, mut left) = (Box::pin(future), polls);
    poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

#[tokio::test]
async fn a_message_is_sent_once_wherever_the_function_was_killed() {
    let world = World::start().await;
    let mut polls = 0;
    loop {
        let key = format!("k-{polls}");
        let done = killed_after(polls, world.post_named("/api/messages", &key, &notification())).await;
        let again = world.post_named("/api/messages", &key, &notification()).await;
        assert_eq!(again.status, 201, "{polls}: {again:?}");
        let row = world.message_table().get(again.id()).await.unwrap().unwrap();
        assert_eq!(row.status, MessageStatus::Queued, "{polls}");
        polls += 1;
        let ids: BTreeSet<_> = world.messages().into_iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), polls, "one message for each request, however often it was published");
        let listed = world.get("/api/messages?limit=1000").await;
        assert_eq!(listed.body["messages"].as_array().unwrap().len(), polls);
        if done.is_some() {
            break;
        }
    }
    assert!(polls > 4, "{polls}");
}

#[tokio::test]
async fn a_schedule_is_changed_once_wherever_the_function_was_killed() {
    let world = World::start().await;
    let mut polls = 0;
    loop {
        let (key, name) = (format!("k-{polls}"), format!("s-{polls}"));
        let done = killed_after(polls, world.post_named("/api/schedules", &key, &schedule(&name))).await;
        let again = world.post_named("/api/schedules", &key, &schedule(&name)).await;
        assert_eq!(again.status, 201, "{polls}: {again:?}");
        let row = world.schedule_table().get(&format!("dev-{name}")).await.unwrap().unwrap();
        assert_eq!((row.status, row.revision), (ScheduleStatus::Pending, 1), "{polls}");
        polls += 1;
        let ids: BTreeSet<_> = world.messages().into_iter().map(|message| message.id).collect();
        assert_eq!(ids.len(), polls, "one message for each change, however often it was published");
        if done.is_some() {
            break;
        }
    }
    assert!(polls > 4, "{polls}");
}
