//! The function against stand-ins: providers by HTTP, tables by the SDK.

mod exchanges;
mod kit;
mod scripted;
