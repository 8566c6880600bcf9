//! A daily cap on what models cost, which no number of parallel calls can pass.
//!
//! A call reserves what it may cost before it is made, in one conditional write, and settles to what it did cost afterwards:
//! DynamoDB decides who is the last under the cap, not a number read earlier. The record of a day is one item with the key
//! `bedrock#{stage}#{YYYY-MM-DD}` (UTC; the name is older than the other providers), amounts in micro-dollars:
//!
//! | attribute | |
//! |---|---|
//! | `spent` | reserved and spent |
//! | `requests` | calls that were let through |
//! | `input_tokens`, `output_tokens` | of those that were answered |
//! | `ttl` | seconds since 1970; 35 days after the last reservation |
//!
//! A function that dies between both writes leaves its reservation standing: the cap errs on the side of less spending.

use crate::prices::{MicroDollars, Tokens};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::Config;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use functions_aws::sdk_errors::reason;
use functions_shared::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::HashMap;

/// How long a day's record outlives its last reservation.
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// A day's cap for one stage.
#[derive(Debug, Clone)]
pub struct Budget {
    client: Client,
    table: String,
    stage: String,
    cap: MicroDollars,
    clock: Clock,
}

/// Money set aside for one call. It stays set aside until it is settled, on the day on which it was reserved.
#[must_use = "what is reserved counts as spent until it is settled"]
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    id: String,
    estimate: MicroDollars,
}

/// Why a call is not let through, or not written down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    /// The call could pass the cap.
    #[error(
        "the daily budget of {cap} USD is used up: {spent} USD are spent or reserved, this call may cost {estimate} USD; \
         the budget is reset in {reset_in_seconds} s, at {resets_at}"
    )]
    Exceeded {
        /// What is spent and reserved today.
        spent: MicroDollars,
        /// What this call may cost.
        estimate: MicroDollars,
        /// What may be spent in a day.
        cap: MicroDollars,
        /// Until the next midnight, UTC. At least one.
        reset_in_seconds: u64,
        /// The next midnight, UTC.
        resets_at: Timestamp,
    },
    /// The table does not answer, or refuses. Nothing may be spent that cannot be counted.
    #[error("the table of costs cannot be used: {0}")]
    Unavailable(String),
}

impl Budget {
    /// At most `cap` a day, written down in `table`.
    pub fn new(
        client: Client,
        table: impl Into<String>,
        stage: impl Into<String>,
        cap: MicroDollars,
        clock: Clock,
    ) -> Self {
        Self { client, table: table.into(), stage: stage.into(), cap, clock }
    }

    /// Sets `estimate` aside, if the day's cap has room for it.
    pub async fn reserve(&self, estimate: MicroDollars) -> Result<Reservation, BudgetError> {
        let now = self.now();
        let reservation = Reservation { id: self.id(now), estimate };
        // Without this, the first reservation of a day would pass any cap: there is no `spent` to compare with.
        let Some(room) = self.cap.0.checked_sub(estimate.0) else {
            let spent = self.spent(&reservation.id).await?;
            return Err(self.exceeded(spent, estimate, now));
        };
        match self.set_aside(&reservation, room, now).await {
            Ok(()) => Ok(reservation),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                Err(self.exceeded(spent_before(refused.err()), estimate, now))
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Replaces what was set aside by what was spent. A call that failed costs nothing and has no tokens.
    pub async fn settle(
        &self,
        reservation: Reservation,
        actual: MicroDollars,
        tokens: Tokens,
    ) -> Result<(), BudgetError> {
        let difference = i128::from(actual.0) - i128::from(reservation.estimate.0);
        // Never twice: a difference that is added again would make the day cheaper than it was.
        let once = Config::builder().retry_config(RetryConfig::disabled());
        let settled = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(reservation.id))
            .update_expression("ADD spent :difference, input_tokens :input, output_tokens :output")
            .expression_attribute_values(":difference", number(difference))
            .expression_attribute_values(":input", number(tokens.input))
            .expression_attribute_values(":output", number(tokens.output));
        settled.customize().config_override(once).send().await.map(drop).map_err(|error| unavailable(&error))
    }

    async fn set_aside(
        &self,
        reservation: &Reservation,
        room: u64,
        now: Timestamp,
    ) -> Result<(), SdkError<UpdateItemError>> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(reservation.id.clone()))
            .update_expression("ADD spent :estimate, requests :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(spent) OR spent <= :room")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":estimate", number(reservation.estimate.0))
            .expression_attribute_values(":one", number(1_u64))
            .expression_attribute_values(":ttl", number((now + KEPT).as_second()))
            .expression_attribute_values(":room", number(room))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update.send().await.map(drop)
    }

    async fn spent(&self, id: &str) -> Result<MicroDollars, BudgetError> {
        let request = self.client.get_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let found = request.consistent_read(true).send().await.map_err(|error| unavailable(&error))?;
        Ok(found.item.as_ref().map(spent_in).unwrap_or_default())
    }

    /// What the clock shows, up to the last moment that a calendar has.
    fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX)
    }

    fn id(&self, now: Timestamp) -> String {
        format!("bedrock#{}#{}", self.stage, day(now))
    }

    fn exceeded(&self, spent: MicroDollars, estimate: MicroDollars, now: Timestamp) -> BudgetError {
        let resets_at = next_midnight(now);
        let wait = resets_at.duration_since(now).as_millis().unsigned_abs().div_ceil(1000);
        let reset_in_seconds = u64::try_from(wait).unwrap_or(u64::MAX);
        BudgetError::Exceeded { spent, estimate, cap: self.cap, reset_in_seconds, resets_at }
    }
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

fn next_midnight(now: Timestamp) -> Timestamp {
    let midnight = day(now).checked_add(1.day()).and_then(|tomorrow| tomorrow.to_zoned(TimeZone::UTC));
    midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

fn number(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

fn spent_before(refused: &UpdateItemError) -> MicroDollars {
    match refused {
        UpdateItemError::ConditionalCheckFailedException(refused) => refused.item().map(spent_in).unwrap_or_default(),
        _ => MicroDollars::default(),
    }
}

/// Only for the message: the decision was DynamoDB's.
fn spent_in(item: &HashMap<String, AttributeValue>) -> MicroDollars {
    let spent = item.get("spent").and_then(|spent| spent.as_n().ok()?.parse().ok());
    MicroDollars(spent.unwrap_or_default())
}

fn unavailable<E, R>(error: &SdkError<E, R>) -> BudgetError
where
    SdkError<E, R>: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    BudgetError::Unavailable(reason(error).to_owned())
}
