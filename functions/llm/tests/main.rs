//! The function as a process, against stand-ins: providers by HTTP, AWS by the real SDK.

#[allow(dead_code, unused_imports, reason = "the tests of models use all of it")]
#[path = "../../model/tests/kit.rs"]
mod kit;
mod process;

mod function;
mod names;
