//! What is said about a document: sizes, a hash that proves what arrived, and the most frequent terms, overall and by section.
//!
//! The answer is small whatever the document is: at most [`MAX_SECTIONS`](crate::sections::MAX_SECTIONS) sections, short titles, few terms.

use crate::sections::{self, Section};
use crate::terms::{Tally, TermCounts};
use data_encoding::HEXLOWER;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

const TERMS: usize = 10;
const TERMS_PER_SECTION: usize = 3;

/// Sizes are those of the document's own bytes, decoded from base64 if it came so. Bytes that are not UTF-8 count as
/// one replacement character for each broken sequence.
#[derive(Debug, Serialize)]
pub(crate) struct Analysis {
    bytes: usize,
    chars: usize,
    words: u64,
    lines: usize,
    sha256: String,
    terms: Vec<Term>,
    sections: Vec<SectionAnalysis>,
}

/// A term in lower case and how often it occurs.
#[derive(Debug, Serialize, PartialEq, Eq)]
struct Term {
    term: String,
    count: u64,
}

#[derive(Debug, Serialize)]
struct SectionAnalysis {
    title: String,
    bytes: usize,
    words: u64,
    terms: Vec<Term>,
}

impl Analysis {
    /// Every word is looked at once: a section's counts are added to the document's when the section ends.
    pub(crate) fn of(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut overall = Tally::default();
        let sections = sections::of(&text).into_iter().map(|section| analyse_section(section, &mut overall)).collect();
        Self {
            bytes: content.len(),
            chars: text.chars().count(),
            words: overall.words,
            lines: lines(content),
            sha256: HEXLOWER.encode(&Sha256::digest(content)),
            terms: most_frequent(&overall.terms, TERMS),
            sections,
        }
    }
}

fn analyse_section<'text>(section: Section<'text>, overall: &mut Tally<'text>) -> SectionAnalysis {
    let tally = Tally::of(section.text);
    let analysis = SectionAnalysis {
        title: section.title,
        bytes: section.text.len(),
        words: tally.words,
        terms: most_frequent(&tally.terms, TERMS_PER_SECTION),
    };
    overall.add(tally);
    analysis
}

/// As an editor counts them: a last line without its newline is one too.
fn lines(content: &[u8]) -> usize {
    let newlines = memchr::memchr_iter(b'\n', content).count();
    newlines + usize::from(content.last().is_some_and(|byte| *byte != b'\n'))
}

/// The `limit` most frequent, ties in alphabetical order, so that the answer to one document is always the same.
fn most_frequent(counts: &TermCounts<'_>, limit: usize) -> Vec<Term> {
    let mut ranked: Vec<(&Cow<'_, str>, u64)> = counts.iter().map(|(term, count)| (term, *count)).collect();
    let by_rank = |a: &(&Cow<'_, str>, u64), b: &(&Cow<'_, str>, u64)| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0));
    if ranked.len() > limit {
        ranked.select_nth_unstable_by(limit, by_rank);
        ranked.truncate(limit);
    }
    ranked.sort_unstable_by(by_rank);
    ranked.into_iter().map(|(term, count)| Term { term: term.to_string(), count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn analysis_of(content: &[u8]) -> Value {
        serde_json::to_value(Analysis::of(content)).expect("JSON")
    }

    #[test]
    fn a_document_with_headings() {
        let text = "# Trees\n\nAn oak, an OAK and the elm.\n\n# Übung\n\nDie Übung: ÜBUNG!\n";
        assert_eq!(
            analysis_of(text.as_bytes()),
            json!({
                "bytes": 68, "chars": 65, "words": 12, "lines": 7,
                "sha256": HEXLOWER.encode(&Sha256::digest(text)),
                "terms": [
                    {"term": "übung", "count": 3}, {"term": "oak", "count": 2},
                    {"term": "elm", "count": 1}, {"term": "trees", "count": 1},
                ],
                "sections": [
                    {"title": "Trees", "bytes": 38, "words": 8, "terms": [
                        {"term": "oak", "count": 2}, {"term": "elm", "count": 1}, {"term": "trees", "count": 1},
                    ]},
                    {"title": "Übung", "bytes": 30, "words": 4, "terms": [{"term": "übung", "count": 3}]},
                ],
            })
        );
    }

    #[test]
    fn an_empty_document() {
        let analysis = analysis_of(b"");
        let empty = json!({
            "bytes": 0, "chars": 0, "words": 0, "lines": 0, "terms": [], "sections": [],
            "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        });
        assert_eq!(analysis, empty);
    }

    #[test]
    fn counts_lines_as_an_editor_does() {
        for (text, expected) in [("", 0), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(lines(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_text_are_counted_and_hashed_as_they_are() {
        let analysis = analysis_of(b"tree\xff\xfetree");
        assert_eq!(analysis["bytes"], 10);
        assert_eq!(analysis["terms"], json!([{"term": "tree", "count": 2}]));
        assert_eq!(analysis["sha256"], HEXLOWER.encode(&Sha256::digest(b"tree\xff\xfetree")));
    }

    #[test]
    fn the_answer_stays_small() {
        let title = "A rather long title of a chapter ".repeat(5);
        let chapter = |n| format!("# {title}{n}\n\n{} {n}th extraordinarily\n\n", "word".repeat(40));
        let text = (0..5000).map(chapter).collect::<Vec<_>>().concat();
        let answer = serde_json::to_string(&Analysis::of(text.as_bytes())).expect("JSON");
        assert!(answer.len() < 6 * 1024, "{} bytes", answer.len());
    }
}
