//! Models that may be called, what they cost, and what may be spent on them in a day.

pub mod budget;
pub mod models;
pub mod prices;
