//! Tee times that can be booked.

use std::fmt::Write as _;

use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::day;
use super::provider::{Golf, read};
use crate::tool_error::ToolError;

/// What an answer without any tee time contains.
const NONE: &str = "NO_TEETIMES";

/// Which tee times are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    course: u32,
    players: u32,
    date: Date,
    from: Time,
    to: Time,
    most: usize,
}

/// One that can be booked.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TeeTime {
    /// By which it is booked.
    pub tee_sheet_id: u64,
    /// `2025-10-29T08:00:00`, on the course's clock.
    pub start_time: String,
    /// How many may play.
    #[serde(default)]
    max_player: Option<u32>,
    #[serde(default)]
    sh_item_prices: Vec<Price>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Price {
    price: f64,
}

/// The provider's answer, in either of its forms.
#[derive(Deserialize)]
#[serde(untagged)]
enum Found {
    List(Vec<TeeTime>),
    Content { content: Vec<TeeTime> },
}

impl Search {
    /// Tee times of a course on a day (`2025-10-29`) for so many players (1 to 4), at most `most` of them.
    ///
    /// # Errors
    /// Names `date` if it is no day.
    pub fn new(course: u32, players: u32, date: &str, most: usize) -> Result<Self, ToolError> {
        let date = day::date("date", date)?;
        Ok(Self { course, players, date, from: Time::MIN, to: Time::MAX, most })
    }

    /// Only those from one time of day to another, where these are given (`08:00`).
    ///
    /// # Errors
    /// Names the one that is no time.
    pub fn between(self, from: Option<&str>, to: Option<&str>) -> Result<Self, ToolError> {
        let from = from.map(|text| day::time("from", text)).transpose()?.unwrap_or(self.from);
        let to = to.map(|text| day::time("to", text)).transpose()?.unwrap_or(self.to);
        Ok(Self { from, to, ..self })
    }

    fn call(&self) -> String {
        let Self { players, date, .. } = self;
        format!(
            "TeeTimes?searchDate={}&holes=0&numberOfPlayer={players}&courseIds=1&searchTimeType=0&teeSheetSearchView=5\
            &classCode=R&defaultOnlineRate=N&isUseCapacityPricing=false&memberStoreId=1&searchType=1",
            day::as_query(*date)
        )
    }

    fn fits(&self, tee_time: &TeeTime) -> bool {
        day::time_of(&tee_time.start_time).is_some_and(|time| (self.from..=self.to).contains(&time))
    }
}

impl Golf {
    /// Looks for tee times, earliest first.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn search(&self, search: &Search) -> Result<Vec<TeeTime>, ToolError> {
        let page = self.session(search.course).await?.get(&search.call()).await?;
        if page.body.windows(NONE.len()).any(|bytes| bytes == NONE.as_bytes()) {
            return Ok(vec![]);
        }
        let (Found::List(mut found) | Found::Content { content: mut found }) = read(&page)?;
        found.retain(|tee_time| search.fits(tee_time));
        found.sort_by(|one, other| one.start_time.cmp(&other.start_time));
        found.truncate(search.most);
        Ok(found)
    }
}

/// What a model or a person reads.
pub fn report_tee_times(tee_times: &[TeeTime]) -> String {
    let count = tee_times.len();
    let noun = if count == 1 { "tee time" } else { "tee times" };
    let lines = tee_times.iter().map(TeeTime::line);
    if count == 0 {
        "No tee times.".to_owned()
    } else {
        [format!("Found {count} {noun}:")].into_iter().chain(lines).collect()
    }
}

impl TeeTime {
    fn line(&self) -> String {
        let mut line = format!("\n- {}", self.start_time.replace('T', " "));
        if let Some(players) = self.max_player {
            let _ = write!(line, ", up to {players} players"); // A text takes everything.
        }
        if let Some(Price { price }) = self.sh_item_prices.first() {
            let _ = write!(line, ", ${price:.2}");
        }
        let _ = write!(line, " (teeSheetID {})", self.tee_sheet_id);
        line
    }
}
