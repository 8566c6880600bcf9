//! This program's tool is built for tests, and packaging knows it.

use std::path::Path;
use std::process::Command;

fn is_shippable(program: &str) -> (bool, String) {
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shippable");
    let checked = Command::new(check).arg(program).output().expect("it runs");
    (checked.status.success(), String::from_utf8(checked.stderr).expect("text"))
}

#[test]
fn a_tool_that_is_built_for_tests_is_not_shipped() {
    let (is_shippable, said) = is_shippable(env!("CARGO_BIN_EXE_tool"));
    assert!(!is_shippable && said.contains("built with the feature test-endpoints"), "{said}");
}

#[test]
fn any_other_program_is_and_none_is_not() {
    assert_eq!(is_shippable("/bin/sh"), (true, String::new()));
    assert!(!is_shippable("/nowhere/tool").0);
}
