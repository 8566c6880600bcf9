//! What holds for every text and every page, hostile ones included: nothing panics, nothing is longer than promised.

use proptest::prelude::*;

use url::Url;

use crate::page_text::{self, Body};
use crate::passages::Query;
use crate::tool_error::ToolError;
use crate::{feed_text, html_text};

/// Pieces of which a page may consist, whole and broken, one a line.
const PIECES: &str = "<p>\n</p>\n<a href='\n'>\n</a>\n<ul>\n<ol>\n<li>\n</ul>\n<pre>\n</pre>\n<h1>\n<h9>\n<td>\n<tr>\n<svg>\n</svg>\n\
    <script>\n</script>\n<title>\n<!--\n-->\n<![CDATA[\n&amp\n&#x1F980;\n<img alt=a>\n \nword\né🦀\n<\n</\n\0\n<br/>\n<textarea>\n<plaintext>\n<p hidden>\n<div hidden>\n</div>\n<nav>\n</nav>\n<main>\n</main>\n<base href='\n<div role=main>";

/// Pieces of which a feed may consist.
const PIECES_OF_FEEDS: &str = "<rss>\n<feed>\n<item>\n</item>\n<entry>\n</entry>\n<title>\n</title>\n<link href='/a'/>\n<link>\n</link>\n\
    <description>\n</description>\n<![CDATA[\n]]>\n&lt;b&gt;\n&#0;\n&x;\n<!--\n-->\n<?xml?>\n<!DOCTYPE a [\n]>\ntext\né🦀";

fn of_pieces(pieces: &'static str) -> impl Strategy<Value = String> {
    let piece = prop::sample::select(pieces.split('\n').map(str::to_owned).collect::<Vec<_>>());
    let pieces = prop::collection::vec(prop_oneof![piece, any::<String>()], 0..40);
    pieces.prop_map(|pieces| pieces.concat())
}

fn url() -> Url {
    "https://site.test/a".parse().expect("a URL")
}

/// The text of a body; nothing here waits.
fn page_text(content_type: &str, bytes: &[u8]) -> Result<String, ToolError> {
    let body = Body { url: "https://site.test/a", content_type: Some(content_type), bytes };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(page_text::of(body, None))
}

proptest! {
    #[test]
    fn any_page_becomes_text(html in of_pieces(PIECES)) {
        prop_assert!(html_text::of(&html, &url()).is_ok());
    }

    #[test]
    fn any_feed_becomes_text_or_is_none(feed in of_pieces(PIECES_OF_FEEDS)) {
        let _ = feed_text::of(&feed, &url());
        let _ = feed_text::of(&format!("<rss>{feed}</rss>"), &url());
    }

    #[test]
    fn any_bytes_are_a_page_or_refused(bytes in any::<Vec<u8>>(), content_type in any::<String>(), charset in "[a-z0-9-]{0,12}") {
        let _ = page_text(&content_type, &bytes);
        let _ = page_text(&format!("text/html; charset={charset}"), &bytes);
        let _ = page_text("text/xml", &bytes);
        prop_assert!(page_text("text/plain", &bytes).is_ok());
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
