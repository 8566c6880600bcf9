//! `golf_fetch_reservations`: what is booked already.

use super::golf_search::{COURSE, COURSE_PARAMETER, golf, number};
use crate::action::{Action, Need, Running, Services};
use crate::golf::report_reservations;
use crate::parameters::Arguments;

pub(crate) static ACTION: Action = Action {
    name: "golf_fetch_reservations",
    aliases: &["golf_get_reservations"],
    description: "Lists the upcoming reservations at a golf course of the person whose account is set up.",
    tags: &["golf"],
    needs: Need::Golf,
    changes: false,
    parameters: &[COURSE_PARAMETER],
    run,
};

fn run(services: &Services, arguments: Arguments) -> Running<'_> {
    Box::pin(async move {
        let reservations = golf(services)?.reservations(number(&arguments, COURSE, 0)).await?;
        Ok(report_reservations(&reservations))
    })
}
