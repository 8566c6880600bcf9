//! The golf provider: two courses with an API each, of the same shape. Who plays comes from the verified claims of the provider's
//! token, and from nothing that anybody asks.

mod booking;
mod course;
mod day;
mod provider;
mod reservations;
mod tee_times;

pub use self::booking::{Booking, Intent, Prepared};
pub use self::provider::Golf;
pub use self::reservations::{Reservation, report_reservations};
pub use self::tee_times::{Search, TeeTime, report_tee_times};
