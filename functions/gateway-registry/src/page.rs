//! Pages of lists.

use functions_shared::Refusal;
use http_api::Request;

/// `max_results`: 1 to 1000, 100 without.
pub(crate) fn max_results(request: &Request) -> Result<usize, Refusal> {
    let Some(text) = request.parameter("max_results") else { return Ok(100) };
    let number = text.parse().ok().filter(|number| (1..=1000).contains(number));
    number.ok_or_else(|| Refusal::invalid("max_results", "must be a whole number from 1 to 1000"))
}
