//! A daily cap on what models cost, which no number of parallel calls can pass, and what each agent and model took of it.
//!
//! An attempt reserves the most that it may cost before it is made, in one conditional write, and settles to what it did cost
//! afterwards: DynamoDB decides who is the last under the cap, not a number read earlier. The record of a day is one item with the
//! key `bedrock#{stage}#{YYYY-MM-DD}` (UTC; the name is older than the other providers), amounts in micro-dollars:
//!
//! | attribute | |
//! |---|---|
//! | `spent` | reserved and spent |
//! | `unconfirmed` | of that, what was charged though nobody knows whether it was billed: answers that broke off or never came |
//! | `requests` | attempts that were let through |
//! | `input_tokens`, `output_tokens`, `cache_read_tokens`, `cache_write_tokens` | of those that were answered; the last two are parts of the first |
//! | `usage` | the keys of the day's items by agent and model |
//! | `ttl` | seconds since 1970; 35 days after the last reservation |
//!
//! What is settled is also added to an item for the agent and the model, `usage#{stage}#{day}#{agent}#{provider}#{model}`, in the same
//! transaction: `agent`, `provider`, `model`, and the same numbers. Their sums are the day's, but for what is reserved.
//!
//! A function that dies between both writes leaves its reservation standing: the cap errs on the side of less spending.

use crate::prices::{MicroDollars, Tokens};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use functions_aws::sdk_errors::reason;
use functions_shared::Clock;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use std::collections::HashMap;
use std::time::Duration;

/// How often a write is tried again that met another one to the same item, and how long is waited before, at most, the first time.
/// Each of fifty calls at once gets through.
const CONFLICTS: u32 = 12;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// How long a day's record outlives its last reservation.
const KEPT: SignedDuration = SignedDuration::from_hours(35 * 24);

/// A day's cap for one stage.
#[derive(Debug, Clone)]
pub struct Budget {
    client: Client,
    table: String,
    stage: String,
    pub(crate) cap: MicroDollars,
    clock: Clock,
}

/// Money set aside for one call. It stays set aside until it is settled, on the day on which it was reserved.
#[must_use = "what is reserved counts as spent until it is settled"]
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    day: Date,
    id: String,
    estimate: MicroDollars,
    ttl: i64,
}

impl Reservation {
    /// What is set aside.
    pub fn estimate(&self) -> MicroDollars {
        self.estimate
    }
}

/// Whose usage it is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Account {
    pub agent: String,
    pub provider: String,
    pub model: String,
}

/// What an attempt is charged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Charge {
    /// The amount.
    pub cost: MicroDollars,
    /// What it is for, if the provider has counted.
    pub tokens: Tokens,
    /// Whether nobody knows what the provider bills.
    pub is_estimate: bool,
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
        let day = day(now);
        let reservation = Reservation { day, id: self.id(day), estimate, ttl: (now + KEPT).as_second() };
        // Without this, the first reservation of a day would pass any cap: there is no `spent` to compare with.
        let Some(room) = self.cap.0.checked_sub(estimate.0) else {
            let spent = self.spent(&reservation.id).await?;
            return Err(self.exceeded(spent, estimate, now));
        };
        match self.set_aside(&reservation, room).await {
            Ok(()) => Ok(reservation),
            Err(SdkError::ServiceError(refused)) if refused.err().is_conditional_check_failed_exception() => {
                Err(self.exceeded(spent_before(refused.err()), estimate, now))
            }
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// Replaces what was set aside by what was spent, for the day and for the account.
    pub async fn settle(&self, reservation: Reservation, account: &Account, charge: Charge) -> Result<(), BudgetError> {
        let usage = self.usage_id(reservation.day, account);
        let updates =
            [self.of_day(&reservation, &usage, charge), self.of_account(&reservation, &usage, account, charge)];
        let built =
            |update: UpdateBuilder| update.build().map(|update| TransactWriteItem::builder().update(update).build());
        let writes = updates.into_iter().map(built).collect::<Result<Vec<_>, _>>();
        let writes = writes.map_err(|error| BudgetError::Unavailable(error.to_string()))?;
        self.write(writes).await.map_err(|error| unavailable(&error))
    }

    fn of_day(&self, reservation: &Reservation, usage: &str, charge: Charge) -> UpdateBuilder {
        let difference = i128::from(charge.cost.0) - i128::from(reservation.estimate.0);
        added(self.update(&reservation.id), charge)
            .update_expression(format!("{ADDED}, #usage :usage"))
            .expression_attribute_names("#usage", "usage")
            .expression_attribute_values(":usage", AttributeValue::Ss(vec![usage.to_owned()]))
            .expression_attribute_values(":spent", number(difference))
    }

    fn of_account(&self, reservation: &Reservation, usage: &str, account: &Account, charge: Charge) -> UpdateBuilder {
        let Account { agent, provider, model } = account;
        let names = [("agent", agent), ("provider", provider), ("model", model)];
        let update = added(self.update(usage), charge)
            .update_expression(format!(
                "{ADDED}, requests :one SET #agent = :agent, #provider = :provider, #model = :model, #ttl = :ttl"
            ))
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", number(1_u64))
            .expression_attribute_values(":ttl", number(reservation.ttl))
            .expression_attribute_values(":spent", number(charge.cost.0));
        names.into_iter().fold(update, |update, (name, value)| {
            let value = AttributeValue::S(value.clone());
            update
                .expression_attribute_names(format!("#{name}"), name)
                .expression_attribute_values(format!(":{name}"), value)
        })
    }

    /// The SDK gives each transaction a token, so that its own retries add nothing twice.
    async fn write(&self, writes: Vec<TransactWriteItem>) -> Result<(), SdkError<TransactWriteItemsError>> {
        let mut conflicts = 0;
        loop {
            let sent = self.client.transact_write_items().set_transact_items(Some(writes.clone())).send().await;
            match sent {
                Err(error) if conflicts < CONFLICTS && has_met_another(&error) => pause(&mut conflicts).await,
                sent => return sent.map(drop),
            }
        }
    }

    fn update(&self, id: &str) -> UpdateBuilder {
        Update::builder().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()))
    }

    async fn set_aside(&self, reservation: &Reservation, room: u64) -> Result<(), SdkError<UpdateItemError>> {
        let mut conflicts = 0;
        loop {
            let sent = self.set_aside_once(reservation, room).await;
            match sent {
                Err(SdkError::ServiceError(error))
                    if conflicts < CONFLICTS && error.err().is_transaction_conflict_exception() =>
                {
                    pause(&mut conflicts).await;
                }
                sent => return sent,
            }
        }
    }

    async fn set_aside_once(&self, reservation: &Reservation, room: u64) -> Result<(), SdkError<UpdateItemError>> {
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
            .expression_attribute_values(":ttl", number(reservation.ttl))
            .expression_attribute_values(":room", number(room))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        update.send().await.map(drop)
    }

    async fn spent(&self, id: &str) -> Result<MicroDollars, BudgetError> {
        Ok(spent_in(&self.item(id).await?))
    }

    /// The record of the day that it is at `now`. Empty if nothing was spent on it.
    pub(crate) async fn record(&self, now: Timestamp) -> Result<HashMap<String, AttributeValue>, BudgetError> {
        self.item(&self.id(day(now))).await
    }

    async fn item(&self, id: &str) -> Result<HashMap<String, AttributeValue>, BudgetError> {
        let request = self.client.get_item().table_name(&self.table).key("id", AttributeValue::S(id.to_owned()));
        let found = request.consistent_read(true).send().await.map_err(|error| unavailable(&error))?;
        Ok(found.item.unwrap_or_default())
    }

    /// What the clock shows, up to the last moment that a calendar has.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::try_from(self.clock.now()).unwrap_or(Timestamp::MAX)
    }

    fn id(&self, day: Date) -> String {
        format!("bedrock#{}#{day}", self.stage)
    }

    fn usage_id(&self, day: Date, Account { agent, provider, model }: &Account) -> String {
        format!("usage#{}#{day}#{agent}#{provider}#{model}", self.stage)
    }

    /// The error of a call that is not let through.
    fn exceeded(&self, spent: MicroDollars, estimate: MicroDollars, now: Timestamp) -> BudgetError {
        let resets_at = next_midnight(now);
        let wait = resets_at.duration_since(now).as_millis().unsigned_abs().div_ceil(1000);
        let reset_in_seconds = u64::try_from(wait).unwrap_or(u64::MAX);
        BudgetError::Exceeded { spent, estimate, cap: self.cap, reset_in_seconds, resets_at }
    }
}

/// What both items of a charge add.
const ADDED: &str = "ADD spent :spent, unconfirmed :unconfirmed, input_tokens :input, output_tokens :output, \
                     cache_read_tokens :cache_read, cache_write_tokens :cache_write";

fn added(update: UpdateBuilder, Charge { cost, tokens, is_estimate }: Charge) -> UpdateBuilder {
    update
        .expression_attribute_values(":unconfirmed", number(if is_estimate { cost.0 } else { 0 }))
        .expression_attribute_values(":input", number(tokens.input))
        .expression_attribute_values(":output", number(tokens.output))
        .expression_attribute_values(":cache_read", number(tokens.cache_read))
        .expression_attribute_values(":cache_write", number(tokens.cache_write))
}

/// Whether the transaction was cancelled because another write was at one of its items.
fn has_met_another(error: &SdkError<TransactWriteItemsError>) -> bool {
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
            cancelled.cancellation_reasons().iter().any(|reason| reason.code() == Some("TransactionConflict"))
        }
        Some(error) => error.is_transaction_in_progress_exception(),
        None => false,
    }
}

async fn pause(conflicts: &mut u32) {
    let longest = FIRST_PAUSE.saturating_mul(1 << (*conflicts).min(16)).min(LONGEST_PAUSE);
    *conflicts += 1;
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}

fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

pub(crate) fn next_midnight(now: Timestamp) -> Timestamp {
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
