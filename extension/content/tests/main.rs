//! The library from outside: properties, documents of every shape and size, and what fuzzers found.
#![allow(clippy::unwrap_used)]

mod documents;
#[expect(unreachable_pub, reason = "a library of its own for the fuzzers")]
#[path = "../../../fuzz/src/lib.rs"]
mod fuzz;

mod corpus;
mod differential;
mod linear_time;
mod nested;
mod properties;
mod sizes;
