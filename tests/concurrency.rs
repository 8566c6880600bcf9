//! P4: any number of polls and responses at once, and no event consumed without a runtime to handle it.

use test_kit::NEXT;
use test_kit::peer::{Log, State};
use test_kit::runtime::{Runtime, runtimes};
use test_kit::{Event, FakeLambda, Reply, Request, World};

const AT_ONCE: usize = 64;

/// Every runtime polls, each with its number in a header.
async fn poll_all(runtimes: &mut [Runtime]) {
    for (number, runtime) in runtimes.iter_mut().enumerate() {
        runtime.begin(&Request::next().header("X-Number", &number.to_string())).await;
    }
}

/// Where in the log the waiting poll of the runtime with this number is.
fn poll_of(lambda: &FakeLambda, number: usize) -> usize {
    let is_its =
        |poll: &usize| lambda.with_log(|log| log.exchanges[*poll].headers.get("X-Number") == Some(&number.to_string()));
    let polls = lambda.with_log(Log::waiting_polls);
    polls.into_iter().find(is_its).expect("a poll with that number")
}

async fn waiting(lambda: &FakeLambda, count: usize) {
    lambda.until(&format!("{count} polls"), |log| (log.waiting_polls().len() == count).then_some(())).await;
}

#[tokio::test]
async fn p4_64_polls_at_once_are_answered_out_of_order() {
    let world = World::start().await;
    let mut runtimes = runtimes(world.extension.listener, AT_ONCE);
    poll_all(&mut runtimes).await;
    waiting(&world.lambda, AT_ONCE).await;
    for number in (0..AT_ONCE).map(|step| (step * 37 + 11) % AT_ONCE) {
        let id = format!("for-{number}");
        world.lambda.push_to(poll_of(&world.lambda, number), Event::new(&id, id.as_str()));
        let event = runtimes[number].event().await;
        assert_eq!((event.id(), event.text()), (id.as_str(), id.clone()));
    }
}

#[tokio::test]
async fn p4_64_responses_at_once_each_get_their_own_answer() {
    let world = World::start().await;
    let mut runtimes = runtimes(world.extension.listener, AT_ONCE);
    let mut releases = Vec::new();
    for (number, runtime) in runtimes.iter_mut().enumerate() {
        let (reply, release) = Reply::new(202, number.to_string()).held();
        world.lambda.reply(&format!("POST /2018-06-01/runtime/invocation/{number}/response"), reply);
        runtime.begin(&Request::response(&number.to_string(), format!("[{number}]"))).await;
        releases.push(release);
    }
    for (number, release) in releases.into_iter().enumerate().rev() {
        assert_eq!(world.lambda.response(&number.to_string()).await.text(), format!("[{number}]"));
        release.send(()).unwrap();
        assert_eq!(runtimes[number].answer("POST").await.text(), number.to_string());
    }
}

#[tokio::test]
async fn p4_a_dropped_poll_is_dropped_upstream_and_takes_no_event() {
    let mut world = World::start().await;
    world.runtime.begin_next().await;
    waiting(&world.lambda, 1).await;
    world.runtime.hang_up();
    world
        .lambda
        .until("the end of the poll", |log| {
            (log.all(&format!("GET {NEXT}"))[0].state == State::Abandoned).then_some(())
        })
        .await;
    assert_eq!(world.deliver(r#""not lost""#).await.text(), r#""not lost""#);
}

#[tokio::test]
async fn p4_one_dropped_poll_of_many_leaves_the_others() {
    let world = World::start().await;
    let mut runtimes = runtimes(world.extension.listener, 8);
    poll_all(&mut runtimes).await;
    waiting(&world.lambda, 8).await;
    runtimes.remove(3).hang_up();
    waiting(&world.lambda, 7).await;
    for (index, runtime) in runtimes.iter_mut().enumerate() {
        let number = if index < 3 { index } else { index + 1 };
        world.lambda.push_to(poll_of(&world.lambda, number), Event::new(&number.to_string(), "{}"));
        assert_eq!(runtime.event().await.id(), number.to_string());
    }
}

#[tokio::test]
async fn p4_a_dropped_request_on_an_unknown_route_is_dropped_upstream() {
    let mut world = World::start().await;
    let (reply, _release) = Reply::new(200, "late").held();
    world.lambda.reply("GET /2099-01-01/long-poll", reply);
    world.runtime.begin(&Request::get("/2099-01-01/long-poll")).await;
    world.lambda.recorded("GET /2099-01-01/long-poll").await;
    world.runtime.hang_up();
    let ended = |state| state == State::Abandoned;
    world.lambda.until("its end", |log| ended(log.all("GET /2099-01-01/long-poll")[0].state).then_some(())).await;
}
