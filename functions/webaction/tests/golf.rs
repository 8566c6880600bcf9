//! Golf: searching, listing, and who it is that plays.

use records::ResultStatus;
use serde_json::{Value, json};
use stand_ins::golf::{LOCK, PRICE, RESERVE, SEARCH, UPCOMING};
use stand_ins::oauth::{KEYS, SigningKey, TOKENS};

use crate::world::World;

fn search(more: &Value) -> Value {
    let mut payload = json!({ "action": "golf", "courseID": 1, "startSearchTime": "2025-10-29T08:30:00" });
    payload.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    payload
}

fn operation(name: &str) -> Value {
    json!({ "operation": name })
}

#[tokio::test]
async fn tee_times_are_found_within_their_hours() {
    let world = World::new().await;
    let payload = search(&json!({ "endSearchTime": "2025-10-29T12:00:00", "numberOfPlayers": 2 }));
    let result = world.done(payload, operation("search_tee_times")).await;
    let found = "Found 1 tee time:\n- 2025-10-29 09:10:00, up to 4 players, $45.50 (teeSheetID 1002)";
    assert_eq!(result.response_body.as_deref(), Some(found));
    assert_eq!(world.asked(), [TOKENS, KEYS, SEARCH]);
    let asked = world.stand_ins.record().of(SEARCH).remove(0);
    assert!(
        asked.path.contains("searchDate=Wed%20Oct%2029%202025&holes=0&numberOfPlayer=2&courseIds=1"),
        "{}",
        asked.path
    );
    let headers = ["client-id", "x-componentid", "x-websiteid"].map(|name| asked.headers[name].as_str());
    assert_eq!(headers, ["js1", "1", "w-1"]);
    assert!(asked.headers["authorization"].starts_with("Bearer ey"));
}

#[tokio::test]
async fn no_tee_times_are_an_answer() {
    let world = World::new().await;
    world.stand_ins.golf().fill();
    let result = world.done(search(&json!({})), operation("search_tee_times")).await;
    assert_eq!(result.response_body.as_deref(), Some("No tee times."));
}

#[tokio::test]
async fn reservations_are_those_of_who_signed_in() {
    let world = World::new().await;
    let book = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001, "numberOfPlayers": 2 });
    world.done(book, operation("book_tee_time")).await;
    world.stand_ins.record().clear();
    let message = World::unsaved(
        json!({ "action": "golf", "courseID": 1, "golferId": 1 }),
        json!({ "operation": "fetch_reservations", "golferId": 1 }),
    );
    world.save(&message).await;
    assert!(world.deliver(&message, 1).await);
    let body = world.result_of(&message).await.expect("a result").response_body.expect("a body");
    assert_eq!(body, "1 upcoming reservation:\n- 2025-10-29 08:00:00, Birdsfoot, 2 players, confirmation CONF9001");
    let asked = world.stand_ins.record().of(UPCOMING).remove(0);
    assert!(asked.path.ends_with("UpcomingReservation?golferId=40712&pageSize=14&currentPage=1"), "{}", asked.path);
}

type Change = fn(&mut Value);

/// Whatever is wrong with the token: nothing is asked in its name.
#[tokio::test]
async fn a_token_that_is_refused_keeps_the_provider_from_being_asked() {
    let claims = |world: &World| world.stand_ins.golf().oauth().claims("birdsfoot.cps.golf");
    let cases: [(Change, &str); 4] = [
        (|claims| claims["golferId"] = Value::Null, "the token is refused"),
        (|claims| claims["exp"] = json!(1), "it has expired"),
        (|claims| claims["aud"] = json!("another"), "it is for another audience"),
        (|claims| claims["iss"] = json!("https://totteridge.cps.golf/identityapi"), "it is from another issuer"),
    ];
    for (change, reason) in cases {
        let world = World::new().await;
        let mut claims = claims(&world);
        change(&mut claims);
        world.stand_ins.golf().oauth().give(&world.stand_ins.golf().oauth().key().sign(&claims));
        refused(&world, reason).await;
    }
    let world = World::new().await;
    let forged = SigningKey::new("key-0", 1).sign(&claims(&world));
    world.stand_ins.golf().oauth().give(&forged);
    refused(&world, "its signature is wrong").await;
}

async fn refused(world: &World, reason: &str) {
    let book = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001 });
    let result = world.done(book, operation("book_tee_time")).await;
    let said = result.error_message.expect("a reason");
    assert!(result.status == ResultStatus::Failed && said.contains(reason), "{said}");
    assert_eq!(world.asked(), [TOKENS, KEYS]);
}

#[tokio::test]
async fn a_booking_locks_then_prices_then_reserves_in_the_name_of_the_token() {
    let world = World::new().await;
    let book = json!({ "action": "golf", "courseID": 1, "teeSheetID": 1001, "numberOfPlayers": 3 });
    let result =
        world.done(book, json!({ "operation": "book_tee_time", "golferId": 1, "email": "evil@example.com" })).await;
    assert_eq!(result.response_body.as_deref(), Some("Booked. Confirmation number: CONF9001"));
    assert_eq!(world.asked(), [TOKENS, KEYS, UPCOMING, LOCK, PRICE, RESERVE]);
    for service in [LOCK, RESERVE] {
        let body: Value = serde_json::from_str(&world.stand_ins.record().of(service)[0].body).expect("JSON");
        assert_eq!((&body["golferId"], &body["email"]), (&json!("40712"), &json!("golfer@example.com")));
    }
    assert_eq!(world.bookings(), 1);
}

#[tokio::test]
async fn the_first_tee_time_is_booked_if_the_payload_says_so() {
    let world = World::new().await;
    let payload = search(&json!({ "autoBook": true, "numberOfPlayers": 2 }));
    let result = world.done(payload, operation("search_tee_times")).await;
    assert_eq!(result.status, ResultStatus::Completed, "{result:?}");
    let locked: Value = serde_json::from_str(&world.stand_ins.record().of(LOCK)[0].body).expect("JSON");
    assert_eq!((&locked["teeSheetIds"], world.bookings()), (&json!([1002]), 1));

    let full = World::new().await;
    full.stand_ins.golf().fill();
    let result = full.done(search(&json!({ "autoBook": true })), operation("search_tee_times")).await;
    assert_eq!(result.response_body.as_deref(), Some("No tee times, so none was booked."));
}
