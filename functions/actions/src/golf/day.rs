//! Days and times of day as callers write them and as the provider wants them. They are those of the course's clock.

use jiff::civil::{Date, DateTime, Time};

use crate::tool_error::ToolError;

/// The day in `2025-10-29` or `2025-10-29T08:00:00`.
pub(crate) fn date(field: &str, text: &str) -> Result<Date, ToolError> {
    let day = text.split('T').next().unwrap_or_default();
    day.parse().map_err(|_| ToolError::new(format!("`{field}` is not a day such as 2025-10-29")))
}

/// The time of day in `08:00`, `08:00:00` or `2025-10-29T08:00:00`.
pub(crate) fn time(field: &str, text: &str) -> Result<Time, ToolError> {
    let time = text.rsplit('T').next().unwrap_or_default();
    time.parse().map_err(|_| ToolError::new(format!("`{field}` is not a time such as 08:00")))
}

/// The time of day in what the provider writes, if it writes one.
pub(crate) fn time_of(text: &str) -> Option<Time> {
    text.parse::<DateTime>().ok().map(DateTime::time)
}

/// `Wed%20Oct%2029%202025`.
pub(crate) fn as_query(date: Date) -> String {
    date.strftime("%a%%20%b%%20%d%%20%Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_spelt_as_the_provider_wants_it() {
        let day = |text| date("date", text).map(as_query);
        assert_eq!(day("2025-10-29"), Ok("Wed%20Oct%2029%202025".to_owned()));
        assert_eq!(day("2025-01-05T08:00:00"), Ok("Sun%20Jan%2005%202025".to_owned()));
        assert!(day("2025-02-30").is_err() && day("tomorrow").is_err() && day("2025-10-29&a=b").is_err());
    }

    #[test]
    fn a_time_may_have_a_day_in_front() {
        let eight = jiff::civil::time(8, 0, 0, 0);
        for text in ["08:00", "08:00:00", "2025-10-29T08:00:00"] {
            assert_eq!(time("time", text), Ok(eight), "{text}");
        }
        assert!(time("time", "8 o'clock").is_err());
        assert_eq!(time_of("2025-10-29T08:00:00"), Some(eight));
    }
}
