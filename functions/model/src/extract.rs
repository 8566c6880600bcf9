//! An answer without a model: the sentences of found passages that have most words of the question, word for word.

use std::collections::HashSet;

/// So many sentences make an answer.
const MOST: usize = 3;

/// Shorter words of a question say nothing of what it is about.
const SHORTEST_WORD: usize = 4;

/// Bytes of one sentence; data without sentences is cut.
const LONGEST: usize = 400;

/// The sentences of `found` that answer `question` best, best first, as a list. `found` is what `document_search` returned, or any text.
pub(crate) fn answer(question: &str, found: &str) -> String {
    let asked: HashSet<String> = words(question).collect();
    let mut known = HashSet::new();
    let mut sentences: Vec<_> = sentences(found)
        .filter(|sentence| known.insert(*sentence))
        .map(|sentence| (words(sentence).filter(|word| asked.contains(word)).collect::<HashSet<_>>().len(), sentence))
        .filter(|(shared, _)| *shared > 0)
        .collect();
    sentences.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let lines: Vec<_> = sentences.iter().take(MOST).map(|(_, sentence)| format!("- {sentence}")).collect();
    if lines.is_empty() { "- No passage says anything about it.".to_owned() } else { lines.join("\n") }
}

/// Words in lower case, without an `s` at their end.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() >= SHORTEST_WORD);
    words.map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
}

/// Paragraphs cut at sentence ends, without the headings of passages.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let paragraphs = text.split("\n\n").map(|paragraph| match paragraph.split_once("]\n") {
        Some((heading, passage)) if heading.starts_with("[offset ") => passage,
        _ => paragraph,
    });
    paragraphs.flat_map(|paragraph| paragraph.split_inclusive(". ")).map(cut)
}

fn cut(sentence: &str) -> &str {
    sentence[..sentence.floor_char_boundary(LONGEST)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = "2 passages of a document of 900 bytes, best first:\n\n[offset 70]\nThe reactor was built in 1974. It is said to be \
        green.\n\n[offset 400]\nAlma Ruiz designed reactors. The reactor was built in 1974. ";

    #[test]
    fn an_answer_quotes_the_sentences_that_have_most_of_the_question() {
        let answer = answer("Who designed the reactor?", FOUND);
        assert_eq!(answer, "- Alma Ruiz designed reactors.\n- The reactor was built in 1974.");
    }

    #[test]
    fn what_was_not_found_is_not_made_up() {
        assert_eq!(answer("Where is Oruro?", FOUND), "- No passage says anything about it.");
        assert_eq!(answer("", ""), "- No passage says anything about it.");
    }

    #[test]
    fn a_sentence_has_an_end() {
        assert_eq!(answer("needle", &format!("needle {}", "é".repeat(500))).len(), LONGEST + 2 - 1);
    }
}
