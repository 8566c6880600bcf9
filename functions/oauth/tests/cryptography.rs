//! One library of cryptography: ring, in all that is built here.

use std::fs;

const LOCK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");

/// rustls would not know which of two to take, and panic at the first connection; jsonwebtoken at the first token.
#[test]
fn nothing_brings_a_second_library_of_cryptography() {
    let lock = fs::read_to_string(LOCK).expect("Cargo.lock");
    let packages: Vec<_> = lock.lines().filter_map(|line| line.strip_prefix("name = ")).collect();
    assert!(packages.contains(&"\"ring\"") && packages.contains(&"\"jsonwebtoken\""));
    for other in ["aws-lc-rs", "aws-lc-sys", "openssl", "openssl-sys", "rsa"] {
        assert!(!packages.contains(&format!("\"{other}\"").as_str()), "{other} is in Cargo.lock");
    }
}
