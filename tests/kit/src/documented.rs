//! What a test observed, held against a page of the docs.

use std::fs;
use std::path::Path;

/// Compares what a test observed with what a page says between two marks. With `UPDATE_DOCS=1` it becomes what the page says.
#[expect(clippy::disallowed_methods, reason = "a switch of the test run, not a setting of a program")]
pub fn documented(page: &str, [begin, end]: [&str; 2], observed: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(begin).expect("a page with the mark of its beginning");
    let (said, after) = rest.split_once(end).expect("a page with the mark of its end");
    let observed = observed.trim();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{begin}\n\n{observed}\n\n{end}{after}")).unwrap();
    } else {
        similar_asserts::assert_eq!(said.trim(), observed, "run with UPDATE_DOCS=1");
    }
}
