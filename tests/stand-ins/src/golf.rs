//! The golf provider: two courses, tee times, reservations, and booking in three steps. A request must have a token of the
//! [`OAuth`](crate::oauth::OAuth) beside it, and may be for its golfer only.
//!
//! Each call is a separate service, so that a fault can be planned for one step of a booking.

use crate::oauth::OAuth;
use crate::service::Service;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Looks for tee times.
pub const SEARCH: &str = "golf-search";
/// Lists reservations.
pub const UPCOMING: &str = "golf-upcoming";
/// First step of a booking.
pub const LOCK: &str = "golf-lock";
/// Second step.
pub const PRICE: &str = "golf-price";
/// Last step, which books.
pub const RESERVE: &str = "golf-reserve";

/// The real hosts.
pub const HOSTS: &[&str] = &["birdsfoot.cps.golf", "totteridge.cps.golf"];

/// Every reservation starts then, as if there were one tee time a day.
const START: &str = "2025-10-29T08:00:00";

/// The provider. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Golf {
    oauth: OAuth,
    book: Arc<Mutex<Book>>,
}

/// What is booked and what is about to be.
#[derive(Debug, Default)]
struct Book {
    /// Locks by their session, with a price once they have one.
    locks: HashMap<String, Option<String>>,
    reservations: Vec<Value>,
    /// What a lock answers besides.
    warning: Option<String>,
    /// What a reservation answers in place of 1, without booking.
    result: Option<i64>,
    /// No tee times at all.
    is_full: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locking {
    session_id: String,
    golfer_id: Value,
    tee_sheet_ids: Vec<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reserving {
    locked_tee_times_session_id: String,
    transaction_id: String,
    acct: String,
    number_of_player: u32,
    #[serde(flatten)]
    others: HashMap<String, Value>,
}

impl Golf {
    /// Who signs in.
    pub fn oauth(&self) -> &OAuth {
        &self.oauth
    }

    /// What is booked.
    pub fn reservations(&self) -> Vec<Value> {
        self.lock().reservations.clone()
    }

    /// From now on a lock comes with this warning.
    pub fn warn(&self, warning: &str) {
        self.lock().warning = Some(warning.to_owned());
    }

    /// From now on a reservation has this result, and nothing is booked.
    pub fn refuse(&self, result: i64) {
        self.lock().result = Some(result);
    }

    /// From now on there are no tee times.
    pub fn fill(&self) {
        self.lock().is_full = true;
    }

    /// All calls, and those of the OAuth provider.
    pub(crate) fn services(&self) -> Vec<Service> {
        let api = |name, call: &'static str, route| {
            let router = Router::new().route(call, route).with_state(self.clone());
            Service { name: String::from(name), hosts: HOSTS, below: call, router }
        };
        let calls = [
            api(SEARCH, "/onlineres/onlineapi/api/v1/onlinereservation/TeeTimes", get(search)),
            api(UPCOMING, "/onlineres/onlineapi/api/v1/onlinereservation/UpcomingReservation", get(upcoming)),
            api(LOCK, "/onlineres/onlineapi/api/v1/onlinereservation/LockTeeTimes", post(lock)),
            api(PRICE, "/onlineres/onlineapi/api/v1/onlinereservation/TeeTimePricesCalculation", post(price)),
            api(RESERVE, "/onlineres/onlineapi/api/v1/onlinereservation/ReserveTeeTimes", post(reserve)),
        ];
        self.oauth.services(HOSTS).into_iter().chain(calls).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses requests without the provider's headers or without a valid token.
    fn golfer(&self, headers: &HeaderMap) -> Result<u64, StatusCode> {
        let lacks = |name| !headers.contains_key(name);
        if ["client-id", "x-websiteid"].into_iter().any(lacks)
            || headers.get("x-componentid").is_none_or(|id| id != "1")
        {
            return Err(StatusCode::BAD_REQUEST);
        }
        self.oauth.golfer(headers).ok_or(StatusCode::UNAUTHORIZED)
    }

    /// The same, and refuses who asks for somebody else.
    fn same(&self, headers: &HeaderMap, golfer: &Value) -> Result<(), StatusCode> {
        let known = self.golfer(headers)?;
        let is_same = golfer.as_u64() == Some(known) || golfer.as_str() == Some(&known.to_string());
        if is_same { Ok(()) } else { Err(StatusCode::FORBIDDEN) }
    }
}

async fn search(
    State(golf): State<Golf>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    golf.golfer(&headers)?;
    if golf.lock().is_full {
        return Ok(Json(json!({ "messageKey": "NO_TEETIMES" })));
    }
    let day = query.get("searchDate").cloned().unwrap_or_default();
    if day != "Wed Oct 29 2025" {
        return Err(StatusCode::BAD_REQUEST);
    }
    let times = [(1002, "2025-10-29T09:10:00"), (1001, "2025-10-29T08:00:00"), (1003, "2025-10-29T14:30:00")];
    let times = times.map(|(id, start)| {
        json!({ "teeSheetId": id, "startTime": start, "maxPlayer": 4, "shItemPrices": [{ "price": 45.5 }] })
    });
    Ok(Json(json!(times)))
}

async fn upcoming(
    State(golf): State<Golf>,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, StatusCode> {
    golf.same(&headers, &json!(query.get("golferId")))?;
    let reservations = golf.reservations();
    Ok(Json(json!({ "totalItems": reservations.len(), "items": reservations })))
}

async fn lock(
    State(golf): State<Golf>,
    headers: HeaderMap,
    Json(asked): Json<Locking>,
) -> Result<Json<Value>, StatusCode> {
    golf.same(&headers, &asked.golfer_id)?;
    let mut book = golf.lock();
    let error = asked.tee_sheet_ids.is_empty().then_some("NO_TEESHEET");
    book.locks.entry(asked.session_id.clone()).or_default();
    Ok(Json(json!({ "sessionId": asked.session_id, "error": error, "warning": book.warning })))
}

async fn price(
    State(golf): State<Golf>,
    headers: HeaderMap,
    Json(asked): Json<Locking>,
) -> Result<Json<Value>, StatusCode> {
    golf.same(&headers, &asked.golfer_id)?;
    let mut book = golf.lock();
    let lock = book.locks.get_mut(&asked.session_id).ok_or(StatusCode::CONFLICT)?;
    let transaction = format!("transaction-of-{}", asked.session_id);
    *lock = Some(transaction.clone());
    Ok(Json(json!({ "transactionId": transaction, "summaryDetail": { "total": 91.0, "totalDueAtCourse": 91.0 } })))
}

/// Books as often as it is asked: who asks twice has two reservations.
async fn reserve(
    State(golf): State<Golf>,
    headers: HeaderMap,
    Json(asked): Json<Reserving>,
) -> Result<Json<Value>, StatusCode> {
    golf.golfer(&headers)?;
    let has_card = asked.others.iter().any(|(name, value)| name.starts_with("card") && !value.is_null());
    let mut book = golf.lock();
    let is_priced = book.locks.get(&asked.locked_tee_times_session_id) == Some(&Some(asked.transaction_id));
    if has_card || asked.acct.is_empty() || !is_priced || book.result.is_some() {
        return Ok(Json(json!({ "reservationResult": book.result.unwrap_or(0) })));
    }
    let id = 9001 + book.reservations.len();
    let key = format!("CONF{id}");
    book.reservations.push(json!({
        "reservationId": id, "startTime": START, "courseName": "Birdsfoot", "numberOfPlayer": asked.number_of_player,
        "reservationConfirmKey": key,
    }));
    Ok(Json(json!({ "reservationId": id, "confirmationKey": key, "reservationResult": 1 })))
}
