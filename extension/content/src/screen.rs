//! Screening: determines whether anything in a payload may have to be replaced, from its pieces as they arrive.
//!
//! Most payloads have nothing to replace. They are forwarded in the pieces in which they arrived: they are never joined, and
//! each piece is screened while it is still in the processor's cache. A screen may raise a false alarm; then
//! [`hydrate`](crate::hydrate) or [`offload`](crate::offload) searches the whole payload and decides.
//!
//! ```
//! use long_content::screen::EventScreen;
//!
//! let mut screen = EventScreen::default();
//! assert!(!screen.push(br#"{"text": "@cont"#));
//! assert!(screen.push(br#"ent:1:"}"#));
//! ```

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::gaps::Gaps;
use crate::offload::Spellings;
use crate::reference::PREFIX;
use crate::seams::Seams;

static REFERENCES: LazyLock<Finder> = LazyLock::new(|| Finder::new(PREFIX));

/// Whether an event may hold a reference.
#[derive(Debug)]
pub struct EventScreen {
    seams: Seams,
    raised: bool,
}

impl Default for EventScreen {
    fn default() -> Self {
        Self { seams: Seams::for_needles_of(PREFIX.len()), raised: false }
    }
}

impl EventScreen {
    /// Screens the next piece. Returns whether the event must be searched as a whole, as far as is known.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        self.raised = self.raised || self.seams.search(piece, |text| REFERENCES.find(text).is_some());
        self.raised
    }

    /// Whether the event must be searched as a whole.
    pub fn is_raised(&self) -> bool {
        self.raised
    }
}

/// Whether a response may contain a string above the threshold, or one that looks like a reference.
#[derive(Debug)]
pub struct ResponseScreen {
    seams: Seams,
    spellings: Spellings,
    gaps: Gaps,
    raised: bool,
}

impl ResponseScreen {
    /// A screen for strings of more than `threshold` bytes.
    pub fn new(threshold: usize) -> Self {
        let (seams, spellings) = (Seams::for_needles_of(Spellings::LONGEST), Spellings::default());
        Self { seams, spellings, gaps: Gaps::new(threshold), raised: false }
    }

    /// Screens the next piece. Returns whether the response must be searched as a whole, as far as is known.
    pub fn push(&mut self, piece: &[u8]) -> bool {
        let spellings = &mut self.spellings;
        self.raised =
            self.raised || self.gaps.push(piece) || self.seams.search(piece, |text| spellings.may_stand_in(text));
        self.raised
    }

    /// Whether the response must be searched as a whole.
    pub fn is_raised(&self) -> bool {
        self.raised
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hydrate;
    use crate::offload::{self, Limits};
    use bytes::Bytes;
    use proptest::prelude::*;

    fn document() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            4 => "[a-zé ]{0,12}",
            1 => Just("@content:1:x".to_owned()),
            1 => Just("\\u0040content:1".to_owned()),
            1 => Just("\\u003cb\\u003e".to_owned()),
            1 => Just("\\\"\\\\".to_owned()),
        ];
        let string = proptest::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat());
        proptest::collection::vec(("[a-z]{1,5}", string), 0..8).prop_map(|members| {
            let member = |(key, value): &(String, String)| format!("\"{key}\":\"{value}\"");
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn what_an_event_screen_lets_pass_has_nothing_to_hydrate(text in document(), len in 1_usize..60) {
            let mut screen = EventScreen::default();
            text.as_bytes().chunks(len).for_each(|piece| { screen.push(piece); });
            let event = Bytes::from(text);
            prop_assert!(screen.is_raised() || hydrate::plan(&event).is_empty());
        }

        #[test]
        fn what_a_response_screen_lets_pass_has_nothing_to_offload(text in document(), len in 1_usize..60, threshold in 0_usize..40) {
            let mut screen = ResponseScreen::new(threshold);
            text.as_bytes().chunks(len).for_each(|piece| { screen.push(piece); });
            let plan = offload::plan(&Bytes::from(text), &Limits { threshold, ..Limits::default() });
            prop_assert!(screen.is_raised() || plan.is_empty());
        }
    }

    #[test]
    fn plain_payloads_pass_however_they_are_cut() {
        let text = format!("[{}]", "{\"name\": \"some \\\"words\\\" and \\u003cmarkup\\u003e\"},".repeat(200));
        for len in [1, 2, 3, 7, 64, 1_000, text.len()] {
            let (mut event, mut response) = (EventScreen::default(), ResponseScreen::new(100));
            text.as_bytes().chunks(len).for_each(|piece| {
                event.push(piece);
            });
            text.as_bytes().chunks(len).for_each(|piece| {
                response.push(piece);
            });
            assert!(!event.is_raised() && !response.is_raised(), "{len}");
        }
    }

    /// A reference in text inside of text, its escapes escaped once, twice and three times.
    #[test]
    fn a_look_alike_is_found_however_its_escapes_are_cut() {
        for backslash in ["\\", "\\u005c", "\\u005cu005c", "\\\\"] {
            let text = format!("{{\"t\":\"{{\\u0022a\\u0022:\\u0022{backslash}u0040content:1:x\\u0022}}\"}}");
            for cut in 0..=text.len() {
                for second in cut..=text.len() {
                    let mut screen = ResponseScreen::new(5_000);
                    let pieces = [&text[..cut], &text[cut..second], &text[second..]];
                    assert!(
                        pieces.into_iter().map(|piece| screen.push(piece.as_bytes())).last().unwrap(),
                        "{pieces:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_reference_is_found_across_any_seam() {
        let needle = "\"@content:1:";
        for len in 1..=needle.len() {
            let mut screen = EventScreen::default();
            needle.as_bytes().chunks(len).for_each(|piece| {
                screen.push(piece);
            });
            assert!(screen.is_raised(), "in pieces of {len}");
        }
    }
}
