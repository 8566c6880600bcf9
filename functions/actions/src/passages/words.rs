//! Words, in every script.

/// The words of a text and where they begin: runs of letters and digits. Where words have no spaces between them, each sign is a word.
pub(super) fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(char::is_alphanumeric)?;
        let first = text[start..].chars().next()?;
        let ends = |letter: char| !letter.is_alphanumeric() || is_sign(letter);
        let end = text[start + first.len_utf8()..].find(ends).filter(|_| !is_sign(first));
        at = match end {
            Some(end) => start + first.len_utf8() + end,
            None if is_sign(first) => start + first.len_utf8(),
            None => text.len(),
        };
        Some((start, &text[start..at]))
    })
}

/// Scripts without spaces: Chinese, Japanese, Thai, Lao, Burmese, Khmer.
fn is_sign(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3040}'..='\u{30ff}' |
        '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_single_signs() {
        assert_eq!(words("a1 — 北京b’c").map(|(_, word)| word).collect::<Vec<_>>(), ["a1", "北", "京", "b", "c"]);
    }
}
