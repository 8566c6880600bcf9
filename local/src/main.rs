//! The command line of `lambda-local`.
fn main() {}
