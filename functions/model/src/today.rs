//! What a day's record says to somebody who asks.

use crate::budget::{Budget, BudgetError, next_midnight};
use crate::prices::MicroDollars;
use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use std::collections::HashMap;

/// What was spent today, and what may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// Spent, or reserved for calls that have not ended.
    pub spent: MicroDollars,
    /// What may be spent in a day.
    pub cap: MicroDollars,
    /// Attempts that were let through.
    pub requests: u64,
    /// Tokens that models have read, as far as it was counted.
    pub input_tokens: u64,
    /// Tokens that models have written, as far as it was counted.
    pub output_tokens: u64,
    /// The next midnight, UTC.
    pub resets_at: Timestamp,
}

impl Today {
    /// What is left of the day's cap.
    pub fn left(&self) -> MicroDollars {
        MicroDollars(self.cap.0.saturating_sub(self.spent.0))
    }
}

impl Budget {
    /// The day's numbers, as they are now.
    pub async fn today(&self) -> Result<Today, BudgetError> {
        let now = self.now();
        let item = self.record(now).await?;
        Ok(Today {
            spent: MicroDollars(counted(&item, "spent")),
            cap: self.cap,
            requests: counted(&item, "requests"),
            input_tokens: counted(&item, "input_tokens"),
            output_tokens: counted(&item, "output_tokens"),
            resets_at: next_midnight(now),
        })
    }
}

fn counted(item: &HashMap<String, AttributeValue>, name: &str) -> u64 {
    item.get(name).and_then(|number| number.as_n().ok()?.parse().ok()).unwrap_or_default()
}
