//! The function against stand-ins: providers by HTTP, AWS by the real SDK.

mod budget;
mod exchanges;
mod faults;
mod function;
mod kit;
mod long_results;
mod names;
mod refusals;
mod scripted;
mod shipped_models;
