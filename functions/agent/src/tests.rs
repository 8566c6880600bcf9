//! The function against real tables, with stand-ins for models and for the functions of tools.

#![allow(clippy::unwrap_used)]

mod budget;
mod http;
mod scenarios;
mod sessions;
mod stand_ins;
mod world;
