//! References inside of base64 text, as in the records of streams and brokers. By design, they are not hydrated, because the
//! function itself decodes that text. This module determines whether there are any, so that they can be counted and logged.

use std::sync::LazyLock;

use aho_corasick::packed::Searcher;
use data_encoding::BASE64;

use crate::reference::PREFIX;
use crate::seams::Seams;

/// The spellings in base64 of the prefix of a reference, one for each place in a group of three bytes where it can begin.
static SPELLINGS: LazyLock<Option<Searcher>> = LazyLock::new(|| Searcher::new((0..3).map(spelling)));

/// Bytes of the longest of them.
const LONGEST: usize = 12;

/// The letters of such a spelling that do not depend on the bytes before or after the prefix, if `before` bytes of a group
/// are before it.
fn spelling(before: usize) -> String {
    let bytes = [&[0; 2][..before], PREFIX.as_bytes()].concat();
    let certain = (before * 8).div_ceil(6)..bytes.len() * 8 / 6;
    BASE64.encode(&bytes)[certain].to_owned()
}

/// Whether there may be a reference in the base64 text of an event, which is given in pieces.
pub fn holds_reference<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> bool {
    let Some(spellings) = SPELLINGS.as_ref() else { return false };
    let mut seams = Seams::for_needles_of(LONGEST);
    parts.any(|part| seams.search(part, |text| spellings.find(text).is_some()))
}

/// Whether an event may have records in base64 text, judged by its first bytes. If not, there is no need to determine its
/// shape for that.
pub fn may_hold_records(first: &[u8]) -> bool {
    let inside = first.trim_ascii_start().strip_prefix(b"{").map(<[u8]>::trim_ascii_start);
    inside.is_some_and(|inside| inside.starts_with(b"\"Records\"") || inside.starts_with(b"\"eventSource\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn records_open_an_event() {
        assert!(may_hold_records(b" {\n \"Records\": [") && may_hold_records(b"{\"eventSource\":\"aws:mq\""));
        assert!(!may_hold_records(b"{\"text\":\"\"}") && !may_hold_records(b"[") && !may_hold_records(b""));
    }

    proptest! {
        #[test]
        fn a_reference_in_base64_is_found_wherever_it_stands(before in "[ -~]{0,9}", behind in "[ -~]{0,9}", len in 1_usize..50) {
            for (text, holds) in [(format!("{before}@content:{behind}"), true), (format!("{before}@context:{behind}"), false)] {
                let event = format!(r#"{{"data":"{}"}}"#, BASE64.encode(text.as_bytes()));
                prop_assert_eq!(holds_reference(event.as_bytes().chunks(len)), holds, "{}", text);
            }
        }
    }
}
