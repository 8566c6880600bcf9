//! Fitting: makes a response small enough for its destination if offloading long strings was not enough.
//!
//! The largest members of the root are offloaded, as few as possible, whether they are strings, objects or arrays. Nothing
//! deeper is offloaded, because offloading a member saves more than offloading anything inside it. The root itself is
//! offloaded only if offloading all of its members is not enough. Values that must stay readable in the workflow (see
//! [`keep`](crate::keep)) stay where they are; if a member contains such a value, its own members are offloaded in its
//! place.
//!
//! ```
//! use bytes::Bytes;
//! use long_content::fit::{self, Destination};
//! use long_content::reference::{Content, Ttl};
//!
//! let numbers = format!("[{}0]", "1,".repeat(5_000));
//! let response = Bytes::from(format!(r#"{{"status":"ok","numbers":{numbers}}}"#));
//! let destination = Destination { max_size: 1_000, keep: &[], ttl: Ttl::NONE, is_signed: false };
//! let plan = fit::plan(&response, &destination).unwrap();
//! assert_eq!(plan.contents(), [Content::json(numbers)]);
//! ```

use std::cmp::Reverse;
use std::ops::Range;

use bytes::Bytes;

use crate::json::{self, StringToken};
use crate::keep::{Paths, Pointer};
use crate::leaving::{Leaving, string_content};
use crate::reference::{Content, ContentRef, Ttl};

/// Values of this many bytes or fewer are not worth a separate content.
const WORTHWHILE: usize = 1024;

/// What a response must fit.
#[derive(Debug, Clone, Copy)]
pub struct Destination<'a> {
    /// Bytes that the destination accepts.
    pub max_size: usize,
    /// Values that stay inline, because something outside of functions reads them.
    pub keep: &'a [Pointer],
    /// TTL class of the references, on which their length depends.
    pub ttl: Ttl,
    /// Whether references are signed, which makes them longer.
    pub is_signed: bool,
}

/// A response that cannot be made to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the response has {size} bytes and cannot be made smaller than {smallest}, which is more than {max_size}")]
pub struct DoesNotFit {
    /// Bytes of the response, whose long strings are offloaded already.
    pub size: usize,
    /// The fewest bytes to which it can be reduced.
    pub smallest: usize,
    /// Bytes that its destination accepts.
    pub max_size: usize,
}

/// Decides what is taken out of `response`, in which long strings are references already. A response that fits, or that is
/// not valid JSON, stays unchanged.
pub fn plan(response: &Bytes, destination: &Destination<'_>) -> Result<Leaving, DoesNotFit> {
    let mut leaving = Leaving::nothing_of(response);
    if response.len() > destination.max_size && json::is_valid(response) {
        for span in choose(response, destination)? {
            let content = content_at(response, &span);
            leaving.push(span, content);
        }
    }
    Ok(leaving)
}

/// The spans that are taken out, in order.
fn choose(response: &[u8], destination: &Destination<'_>) -> Result<Vec<Range<usize>>, DoesNotFit> {
    let saves = |span: &Range<usize>| span.len().saturating_sub(reference_len(response, span, destination));
    let is_worthwhile = |span: &Range<usize>| content_len(response, span) > WORTHWHILE;
    let start = response.len() - response.trim_ascii_start().len();
    let root = start..start + response.trim_ascii().len();
    let (mut members, keep) = (Members::default(), Paths::new(destination.keep));
    let has_kept = keep.keeps_in_place(response, root.start) || members.collect(response, &root, &keep);
    members.spans.retain(is_worthwhile);
    members.spans.sort_by_key(|span| (Reverse(span.len()), span.start));

    let mut size = response.len();
    let mut chosen: Vec<_> = members
        .spans
        .into_iter()
        .take_while(|span| {
            let too_large = size > destination.max_size;
            size -= if too_large { saves(span) } else { 0 };
            too_large
        })
        .collect();
    if size > destination.max_size && !has_kept && is_worthwhile(&root) {
        size = response.len() - saves(&root);
        chosen = vec![root];
    }
    if size > destination.max_size {
        return Err(DoesNotFit { size: response.len(), smallest: size, max_size: destination.max_size });
    }
    chosen.sort_by_key(|span| span.start);
    Ok(chosen)
}

/// Bytes of the reference to a value, quotation marks included.
fn reference_len(response: &[u8], span: &Range<usize>, destination: &Destination<'_>) -> usize {
    let (size, count) = (content_len(response, span) as u64, json::element_count(&response[span.clone()]));
    ContentRef::text_len(size, count, destination.ttl, destination.is_signed) + 2
}

/// Bytes of the content that a value becomes. For a string, these are the bytes of its decoded text.
fn content_len(response: &[u8], span: &Range<usize>) -> usize {
    match string_at(response, span) {
        Some(token) if token.escaped => json::decode(response, &token).len(),
        Some(token) => token.raw(response).len(),
        None => span.len(),
    }
}

/// The string that a value is, if it is one.
fn string_at(response: &[u8], span: &Range<usize>) -> Option<StringToken> {
    (response[span.start] == b'"').then(|| StringToken::at(response, span.start)).flatten()
}

/// The largest values that may be taken out: members of the root, or of a value that contains a kept value.
#[derive(Default)]
struct Members {
    spans: Vec<Range<usize>>,
}

impl Members {
    /// Collects the members of `value`, except what `keep` leads to. Returns whether anything there stays.
    fn collect(&mut self, text: &[u8], value: &Range<usize>, keep: &Paths<'_>) -> bool {
        let mut stays = false;
        for (name, member) in json::members(text, value.start) {
            let below = keep.below(text, &name);
            if below.is_empty() {
                self.spans.push(member);
            } else {
                stays |= self.collect_around(text, member, &below);
            }
        }
        stays
    }

    /// The same for a member that pointers lead to. It may be taken out as a whole if the pointers lead to nothing. Recurses
    /// as deep as the longest pointer.
    fn collect_around(&mut self, text: &[u8], member: Range<usize>, keep: &Paths<'_>) -> bool {
        if keep.keeps_in_place(text, member.start) {
            return true;
        }
        let before = self.spans.len();
        let stays = self.collect(text, &member, keep);
        if !stays {
            self.spans.truncate(before);
            self.spans.push(member);
        }
        stays
    }
}

/// The value that is at `span`.
fn content_at(response: &Bytes, span: &Range<usize>) -> Content {
    match string_at(response, span) {
        Some(token) => string_content(response, &token, json::decode(response, &token)),
        None => Content::json(response.slice(span.clone())),
    }
}
