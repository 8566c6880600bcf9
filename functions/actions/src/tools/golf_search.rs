//! `golf_search_tee_times`: what can be booked on a day.

use crate::action::{Action, Need, Running, Services};
use crate::golf::{Golf, Search, report_tee_times};
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;

pub(super) const COURSE: &str = "course_id";
pub(super) const PLAYERS: &str = "players";
const DATE: &str = "date";
const FROM: &str = "from";
const TO: &str = "to";
const MAX_RESULTS: &str = "max_results";

pub(super) const COURSE_PARAMETER: Parameter =
    Parameter::required(COURSE, Kind::Integer { min: 1, max: 2 }, "1 is Birdsfoot, 2 is Totteridge.");

pub(crate) static ACTION: Action = Action {
    name: "golf_search_tee_times",
    aliases: &[],
    description: "Finds tee times of a golf course that can be booked, earliest first, each with the teeSheetID that golf_book_tee_time takes.",
    tags: &["golf"],
    needs: Need::Golf,
    changes: false,
    parameters: &[
        COURSE_PARAMETER,
        Parameter::required(DATE, Kind::Text, "The day, such as 2025-10-29."),
        Parameter::optional(PLAYERS, Kind::Integer { min: 1, max: 4 }, "How many play; 4 if left out."),
        Parameter::optional(FROM, Kind::Text, "Not before this time of day, such as 08:00."),
        Parameter::optional(TO, Kind::Text, "Not after this time of day, such as 11:30."),
        Parameter::optional(
            MAX_RESULTS,
            Kind::Integer { min: 1, max: 20 },
            "How many tee times at most; 10 if left out.",
        ),
    ],
    run,
};

const DEFAULT_PLAYERS: usize = 4;
const DEFAULT_RESULTS: usize = 10;

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let players = number(&arguments, PLAYERS, DEFAULT_PLAYERS);
        let most = arguments.integer(MAX_RESULTS).unwrap_or(DEFAULT_RESULTS);
        let search = Search::new(number(&arguments, COURSE, 1), players, arguments.text(DATE), most)?;
        let search = search.between(arguments.given_text(FROM), arguments.given_text(TO))?;
        Ok(report_tee_times(&golf(services)?.search(&search).await?))
    })
}

/// A whole number that the parameters keep small.
pub(super) fn number(arguments: &Arguments, name: &str, default: usize) -> u32 {
    u32::try_from(arguments.integer(name).unwrap_or(default)).unwrap_or(u32::MAX)
}

/// The provider, in functions that have a secret for it.
pub(super) fn golf(services: &Services) -> Result<&Golf, ToolError> {
    services.golf.as_ref().ok_or_else(|| ToolError::new("this function has no credentials of the golf provider"))
}
