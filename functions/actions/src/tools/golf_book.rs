//! `golf_book_tee_time`: books a tee time, once.

use super::golf_search::{COURSE, COURSE_PARAMETER, PLAYERS, golf, number};
use crate::action::{Action, Need, Running, Services};
use crate::golf::Booking;
use crate::parameters::{Arguments, Kind, Parameter};
use crate::tool_error::ToolError;

const TEE_SHEET: &str = "tee_sheet_id";

pub(crate) static ACTION: Action = Action {
    name: "golf_book_tee_time",
    aliases: &[],
    description: "Books a tee time that golf_search_tee_times found, in the name of the person whose account is set up, and gives the confirmation \
        number. If the result says that it is not known whether it was booked, look with golf_fetch_reservations before anything else.",
    tags: &["golf"],
    needs: Need::Golf,
    changes: true,
    parameters: &[
        COURSE_PARAMETER,
        Parameter::required(TEE_SHEET, Kind::Integer { min: 1, max: u32::MAX }, "The teeSheetID of the tee time."),
        Parameter::required(PLAYERS, Kind::Integer { min: 1, max: 4 }, "How many play."),
    ],
    run,
};

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let tee_sheet_id = u64::from(number(&arguments, TEE_SHEET, 0));
        let players = number(&arguments, PLAYERS, 0);
        let booking = Booking { course: number(&arguments, COURSE, 0), tee_sheet_id, players };
        golf(services)?.book(booking).await.map_err(advised)
    })
}

/// A model would try again.
fn advised(error: ToolError) -> ToolError {
    if !error.is_unknown() {
        return error;
    }
    ToolError::unknown(format!("{error}. Do not book again; look with golf_fetch_reservations"))
}
