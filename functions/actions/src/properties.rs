//! What holds for every text and every page, whoever wrote it: nothing panics, nothing is longer than promised.

use proptest::prelude::*;

use crate::passages::Query;
use crate::{html_text, page_text};

/// Pieces of which a page may consist, whole and broken, one a line.
const PIECES: &str = "<p>\n</p>\n<a href='\n'>\n</a>\n<ul>\n<ol>\n<li>\n</ul>\n<pre>\n</pre>\n<h1>\n<h9>\n<td>\n<tr>\n<svg>\n</svg>\n\
    <script>\n</script>\n<title>\n<!--\n-->\n<![CDATA[\n&amp\n&#x1F980;\n<img alt=a>\n \nword\né🦀\n<\n</\n\0\n<br/>\n<textarea>\n<plaintext>\n<p hidden";

fn html() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(PIECES.split('\n').map(str::to_owned).collect::<Vec<_>>());
    let pieces = prop::collection::vec(prop_oneof![piece, any::<String>()], 0..40);
    pieces.prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_page_becomes_text(html in html()) {
        prop_assert!(html_text::of(&html).is_ok());
    }

    #[test]
    fn any_bytes_are_a_page_or_refused(bytes in any::<Vec<u8>>(), content_type in any::<String>(), charset in "[a-z0-9-]{0,12}") {
        let _ = page_text::of(Some(&content_type), &bytes);
        let _ = page_text::of(Some(&format!("text/html; charset={charset}")), &bytes);
        prop_assert!(page_text::of(Some("text/plain"), &bytes).is_ok());
    }

    #[test]
    fn passages_are_parts_of_the_text_that_do_not_overlap(
        text in "([a-c]{1,3}|é|北|🦀| |\n|[a-z]{70}){0,200}",
        query in "[a-c]{1,2}( [a-cé北]{1,2}){0,4}",
        count in 1..=8_usize,
        length in 164..=480_usize,
    ) {
        let Some(query) = Query::of(&query) else { return Ok(()) };
        let mut passages = query.search(&text, count, length);
        prop_assert!(passages.len() <= count);
        passages.sort_by_key(|passage| passage.offset);
        for passage in &passages {
            prop_assert!(!passage.text.is_empty() && passage.text.len() <= length);
            prop_assert!(text[passage.offset..].starts_with(passage.text));
        }
        for pair in passages.windows(2) {
            prop_assert!(pair[0].offset + pair[0].text.len() <= pair[1].offset);
        }
    }
}
