//! Booking: lock, price, reserve. Only the last step books, and it is never repeated.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Builder;

use super::provider::{Golf, PROVIDER, Session};
use super::reservations::Reservation;
use crate::tool_error::ToolError;

/// What the provider says in a warning when the player has a reservation at that time.
const CONFLICT: &str = "already have a reservation";

/// `reservationResult` of a booking that was made.
const BOOKED: i64 = 1;

/// What is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Booking {
    /// Which course.
    pub course: u32,
    /// Which of its tee times.
    pub tee_sheet_id: u64,
    /// For how many, 1 to 4.
    pub players: u32,
}

/// What was about to be done: enough to find out later whether it was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// What is booked.
    pub booking: Booking,
    /// The reservations that were there before.
    known: Vec<String>,
    /// When the tee time begins, as the provider spells it, if a search found it.
    #[serde(default)]
    starts: Option<String>,
}

/// A tee time that is locked and priced, and not booked yet.
pub struct Prepared<'a> {
    session: Session<'a>,
    intent: Intent,
    lock: String,
    transaction: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Locked {
    error: Option<String>,
    warning: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Priced {
    transaction_id: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reserved {
    #[serde(default)]
    reservation_id: Value,
    #[serde(default)]
    confirmation_key: Option<String>,
    reservation_result: i64,
}

impl Golf {
    /// Notes which reservations there are, locks the tee time and has it priced. `starts` is the search's text of when it begins. `key` is the same for each attempt at one booking, so
    /// that an attempt does not meet the lock of the one before.
    ///
    /// # Errors
    /// Why it cannot be booked. Nothing is booked yet.
    pub async fn prepare(
        &self,
        booking: Booking,
        starts: Option<String>,
        key: &str,
    ) -> Result<Prepared<'_>, ToolError> {
        let session = self.session(booking.course).await?;
        let known = session.reservations().await?.iter().map(Reservation::id).collect();
        let lock = lock_of(key);
        session.lock(&booking, &lock).await?;
        let priced: Priced = session.post("TeeTimePricesCalculation", &session.pricing(&booking, &lock)).await?;
        let intent = Intent { booking, known, starts };
        Ok(Prepared { session, intent, lock, transaction: priced.transaction_id })
    }

    /// Books at once, for callers who keep no record. If nobody knows what became of it, the provider is asked once.
    ///
    /// # Errors
    /// Why nothing was booked; or, if [`ToolError::is_unknown`], that nobody knows.
    pub async fn book(&self, booking: Booking) -> Result<String, ToolError> {
        let key = format!("{}/{}/{}", booking.course, booking.tee_sheet_id, booking.players);
        let prepared = self.prepare(booking, None, &key).await?;
        match prepared.reserve().await {
            Err(error) if error.is_unknown() => match self.outcome(&prepared.intent).await {
                Ok(Some(confirmation)) => Ok(confirmation),
                Ok(None) | Err(_) => Err(error),
            },
            outcome => outcome,
        }
    }

    /// What came of a booking of which only the intent is known: the one reservation for so many players, at its time if that is known, that
    /// was not there before.
    ///
    /// # Errors
    /// Why there is no answer. That says nothing about the booking.
    pub async fn outcome(&self, intent: &Intent) -> Result<Option<String>, ToolError> {
        let reservations = self.reservations(intent.booking.course).await?;
        let is_new = |reservation: &&Reservation| {
            !intent.known.contains(&reservation.id())
                && reservation.players() == intent.booking.players
                && intent.starts.as_ref().is_none_or(|starts| reservation.starts() == starts)
        };
        let new: Vec<_> = reservations.iter().filter(is_new).collect();
        Ok(if let [reservation] = new[..] { Some(confirmed(&reservation.confirmation())) } else { None })
    }
}

impl Session<'_> {
    async fn lock(&self, booking: &Booking, lock: &str) -> Result<(), ToolError> {
        let locked: Locked = self.post("LockTeeTimes", &self.locking(booking, lock)).await?;
        let problem = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        match (problem(locked.error), problem(locked.warning)) {
            (Some(_), _) => Err(ToolError::new(format!("{PROVIDER} could not lock this tee time; choose another one"))),
            (_, Some(warning)) if warning.to_lowercase().contains(CONFLICT) => {
                Err(ToolError::new("you already have a reservation at this time"))
            }
            _ => Ok(()),
        }
    }

    fn locking(&self, booking: &Booking, lock: &str) -> Value {
        json!({
            "teeSheetIds": [booking.tee_sheet_id], "email": self.golfer.email, "golferId": self.golfer.golfer_id,
            "sessionId": lock, "classCode": "R", "numberOfPlayer": booking.players,
        })
    }

    fn pricing(&self, booking: &Booking, lock: &str) -> Value {
        json!({
            "teeSheetIds": [booking.tee_sheet_id], "sessionId": lock, "golferId": self.golfer.golfer_id,
            "acct": self.golfer.acct, "classCode": "R", "numberOfPlayer": booking.players,
        })
    }
}

impl Prepared<'_> {
    /// What must be recorded before [`Prepared::reserve`].
    pub fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Books, and gives the confirmation.
    ///
    /// # Errors
    /// Why nothing was booked; or, if [`ToolError::is_unknown`], that nobody knows.
    pub async fn reserve(&self) -> Result<String, ToolError> {
        let reserved: Reserved = self.session.post_once("ReserveTeeTimes", &self.reserving()).await?;
        if reserved.reservation_result != BOOKED {
            let result = reserved.reservation_result;
            return Err(ToolError::new(format!("{PROVIDER} did not book: its result is {result}, not {BOOKED}")));
        }
        Ok(confirmed(&reserved.confirmation()))
    }

    /// Paid at the course: no card is known here.
    fn reserving(&self) -> Value {
        let Session { golfer, .. } = &self.session;
        json!({
            "lockedTeeTimesSessionId": self.lock, "transactionId": self.transaction, "acct": golfer.acct,
            "golferId": golfer.golfer_id, "email": golfer.email, "numberOfPlayer": self.intent.booking.players,
            "cardNumber": null, "cardHolder": null, "cardType": null, "expireMonth": null, "expireYear": null,
            "cvv": null, "cardToken": null,
        })
    }
}

impl Reserved {
    fn confirmation(&self) -> String {
        let id = self.reservation_id.as_str().map_or_else(|| self.reservation_id.to_string(), str::to_owned);
        self.confirmation_key.clone().unwrap_or(id)
    }
}

/// The same for the same key, in the form that the provider wants.
fn lock_of(key: &str) -> String {
    let hash = blake3::hash(key.as_bytes());
    let bytes = hash.as_bytes()[..16].try_into().expect("BUG: a hash has 32 bytes");
    Builder::from_random_bytes(bytes).into_uuid().to_string()
}

fn confirmed(confirmation: &str) -> String {
    format!("Booked. Confirmation number: {confirmation}")
}
