//! What the stand-ins answer, record and fail at.

#![allow(clippy::unwrap_used)]

mod services;
mod weather;
