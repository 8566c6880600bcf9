//! Lambda on one machine.

mod http_server;
pub mod table;
