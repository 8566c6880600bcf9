//! What is booked already.

use serde::Deserialize;
use serde_json::Value;

use super::provider::{Golf, Session, read};
use crate::tool_error::ToolError;

/// A reservation.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reservation {
    #[serde(rename = "reservationId")]
    id: Value,
    start_time: String,
    #[serde(default)]
    course_name: String,
    number_of_player: u32,
    #[serde(default, rename = "reservationConfirmKey")]
    confirmation: Option<String>,
}

#[derive(Deserialize)]
struct Upcoming {
    #[serde(default)]
    items: Vec<Reservation>,
}

impl Golf {
    /// The upcoming reservations of who signs in, at a course.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn reservations(&self, course: u32) -> Result<Vec<Reservation>, ToolError> {
        self.session(course).await?.reservations().await
    }
}

impl Session<'_> {
    pub(crate) async fn reservations(&self) -> Result<Vec<Reservation>, ToolError> {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("golferId", &self.golfer.golfer_id)
            .append_pair("pageSize", "14")
            .append_pair("currentPage", "1")
            .finish();
        let upcoming: Upcoming = read(&self.get(&format!("UpcomingReservation?{query}")).await?)?;
        Ok(upcoming.items)
    }
}

impl Reservation {
    /// Its number, whether the provider writes it as a number or as a text.
    pub(crate) fn id(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned)
    }

    /// When it begins, spelt as a tee time's start.
    pub(crate) fn starts(&self) -> &str {
        &self.start_time
    }

    pub(crate) fn players(&self) -> u32 {
        self.number_of_player
    }

    /// What somebody shows at the course.
    pub(crate) fn confirmation(&self) -> String {
        self.confirmation.clone().unwrap_or_else(|| self.id())
    }

    fn line(&self) -> String {
        let Self { start_time, course_name, number_of_player, .. } = self;
        let start_time = start_time.replace('T', " ");
        format!("\n- {start_time}, {course_name}, {number_of_player} players, confirmation {}", self.confirmation())
    }
}

/// What a model or a person reads.
pub fn report_reservations(reservations: &[Reservation]) -> String {
    let count = reservations.len();
    let noun = if count == 1 { "reservation" } else { "reservations" };
    if count == 0 {
        return "No upcoming reservations.".to_owned();
    }
    [format!("{count} upcoming {noun}:")].into_iter().chain(reservations.iter().map(Reservation::line)).collect()
}
