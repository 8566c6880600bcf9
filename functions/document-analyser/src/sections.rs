//! Where a document divides: at Markdown or reStructuredText headings, else at form feeds, else into equal parts.

/// More than these would make the answer long and tell a reader little.
pub(crate) const MAX_SECTIONS: usize = 20;
/// In characters, an ellipsis included.
const LONGEST_TITLE: usize = 80;
/// A text without any division is cut into parts of at least this size, in bytes.
const SMALLEST_PART: usize = 16 * 1024;
const UNTITLED: &str = "(before the first heading)";

/// A part of the text and what it is called. Sections follow each other without gaps.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Section<'text> {
    pub(crate) title: String,
    pub(crate) text: &'text str,
}

/// At most [`MAX_SECTIONS`] sections that together are `text`; none for a text of white space.
pub(crate) fn of(text: &str) -> Vec<Section<'_>> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    let mut starts = headings(text);
    if starts.is_empty() {
        starts = pages(text);
    }
    if starts.is_empty() {
        starts = equal_parts(text);
    }
    cut(text, joined(topmost(starts), text.len()))
}

/// Where a section begins, how deep it is (smaller is higher) and its title.
#[derive(Debug, Clone)]
struct Start {
    offset: usize,
    depth: usize,
    title: String,
}

/// While there are too many, the deepest level is dropped: a book's chapters rather than its first twenty paragraphs.
fn topmost(mut starts: Vec<Start>) -> Vec<Start> {
    while starts.len() > MAX_SECTIONS {
        let deepest = starts.iter().map(|start| start.depth).max().unwrap_or_default();
        if starts.iter().all(|start| start.depth == deepest) {
            break;
        }
        starts.retain(|start| start.depth < deepest);
    }
    starts
}

/// Still too many of one level: of each twentieth of the text, the first one represents all that start in it.
fn joined(starts: Vec<Start>, length: usize) -> Vec<Start> {
    if starts.len() <= MAX_SECTIONS {
        return starts;
    }
    // One section may come before the first heading.
    let slots = MAX_SECTIONS - 1;
    let slot = |start: &Start| start.offset * slots / length;
    let mut joined: Vec<Start> = Vec::with_capacity(MAX_SECTIONS);
    for start in starts {
        if joined.last().is_none_or(|last| slot(last) != slot(&start)) {
            joined.push(start);
        }
    }
    joined
}

/// Cuts the text at the starts. What is before the first one is a section too, unless it is white space, which then
/// belongs to the first; the last but one gives way when that would be one section too many.
fn cut(text: &str, mut starts: Vec<Start>) -> Vec<Section<'_>> {
    let before = starts.first().map_or(0, |first| first.offset);
    if text[..before].trim().is_empty() {
        if let Some(first) = starts.first_mut() {
            first.offset = 0;
        }
    } else {
        starts.truncate(MAX_SECTIONS - 1);
        let title = UNTITLED.to_owned();
        starts.insert(0, Start { offset: 0, depth: 0, title });
    }
    let ends: Vec<usize> = starts.iter().skip(1).map(|start| start.offset).chain([text.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| Section { title: start.title, text: &text[start.offset..end] })
        .collect()
}

/// The headings of a Markdown (`## Title`) or reStructuredText (a title underlined) document, outside fenced code.
fn headings(text: &str) -> Vec<Start> {
    let mut headings = Vec::new();
    let mut underlines = Underlines::default();
    let mut fence = Fence::default();
    let mut previous = (0, "");
    for (offset, line) in lines(text) {
        if fence.holds(line) {
            previous = (offset, "");
            continue;
        }
        if let Some((depth, title)) = hashes(line) {
            headings.push(Start { offset, depth, title: shortened(title) });
        } else if let Some(depth) = underlines.depth_of(previous.1, line) {
            headings.push(Start { offset: previous.0, depth, title: shortened(previous.1) });
        }
        previous = (offset, line);
    }
    headings
}

/// Lines without their ends, and where they begin.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut offset = 0;
    text.split_inclusive('\n').map(move |line| {
        let start = offset;
        offset += line.len();
        (start, line.trim_end())
    })
}

/// Fenced code, where a `#` begins a comment and no heading.
#[derive(Default)]
struct Fence(Option<&'static str>);

impl Fence {
    /// Whether `line` is code, or the fence around it.
    fn holds(&mut self, line: &str) -> bool {
        let mark = ["```", "~~~"].into_iter().find(|mark| line.trim_start().starts_with(mark));
        match (self.0, mark) {
            (None, None) => false,
            (None, Some(_)) => {
                self.0 = mark;
                true
            }
            (open, _) => {
                self.0 = if open == mark { None } else { open };
                true
            }
        }
    }
}

/// `## Title ##`: two deep, "Title".
fn hashes(line: &str) -> Option<(usize, &str)> {
    let title = line.trim_start_matches('#');
    let depth = line.len() - title.len();
    let heading = (1..=6).contains(&depth) && title.starts_with([' ', '\t']);
    let title = title.trim_end_matches('#').trim();
    (heading && !title.is_empty()).then_some((depth, title))
}

/// Underlined titles. In reStructuredText the order in which the characters first appear says which is deeper.
#[derive(Default)]
struct Underlines(Vec<char>);

impl Underlines {
    /// How deep `title` is, if `line` underlines it: at least as long, three at least, one character throughout.
    fn depth_of(&mut self, title: &str, line: &str) -> Option<usize> {
        let mark = line.chars().next().filter(|mark| "=-~^*+#\"'`.:_".contains(*mark))?;
        let underlines = line.len() >= 3
            && line.chars().all(|other| other == mark)
            && line.len() >= title.chars().count()
            && title.chars().any(char::is_alphanumeric);
        underlines.then(|| self.depth(mark))
    }

    fn depth(&mut self, mark: char) -> usize {
        let known = self.0.iter().position(|known| *known == mark);
        1 + known.unwrap_or_else(|| {
            self.0.push(mark);
            self.0.len() - 1
        })
    }
}

/// One line of at most [`LONGEST_TITLE`] characters.
fn shortened(title: &str) -> String {
    let title = title.trim();
    if title.chars().count() <= LONGEST_TITLE {
        return title.to_owned();
    }
    title.chars().take(LONGEST_TITLE - 1).chain(['…']).collect()
}

/// Pages divided by form feeds; none when there is no form feed.
fn pages(text: &str) -> Vec<Start> {
    if !text.contains('\u{c}') {
        return Vec::new();
    }
    let later = text.match_indices('\u{c}').map(|(offset, feed)| offset + feed.len());
    let offsets = std::iter::once(0).chain(later).filter(|offset| *offset < text.len());
    let start = |(index, offset)| Start { offset, depth: 1, title: format!("Page {}", index + 1) };
    offsets.enumerate().map(start).collect()
}

/// Parts of about equal size, each beginning with a line if there is one near, else with a character.
fn equal_parts(text: &str) -> Vec<Start> {
    let parts = (text.len() / SMALLEST_PART).clamp(1, MAX_SECTIONS);
    let size = text.len() / parts;
    let start = |part| Start {
        offset: beginning_near(text, part * size),
        depth: 1,
        title: format!("Part {} of {parts}", part + 1),
    };
    (0..parts).map(start).collect()
}

/// The first beginning of a line within a quarter of the smallest part after `offset`, else the next character's.
fn beginning_near(text: &str, offset: usize) -> usize {
    let offset = text.ceil_char_boundary(offset);
    if offset == 0 {
        return 0;
    }
    let near = text.ceil_char_boundary((offset + SMALLEST_PART / 4).min(text.len()));
    text[offset..near].find('\n').map_or(offset, |newline| offset + newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(text: &str) -> Vec<String> {
        of(text).into_iter().map(|section| section.title).collect()
    }

    /// Whatever the text, its sections are the whole of it, in order.
    fn assert_whole(text: &str) {
        let sections = of(text);
        assert!(sections.len() <= MAX_SECTIONS, "{} sections", sections.len());
        assert_eq!(sections.iter().map(|section| section.text).collect::<String>(), text);
    }

    #[test]
    fn markdown_headings() {
        let text = "intro\n# One\na\n## Two ##\n#hashtag\n```sh\n# comment\n```\n####### seven\n";
        assert_eq!(titles(text), [UNTITLED, "One", "Two"]);
        assert_whole(text);
    }

    #[test]
    fn restructured_text_headings() {
        let text = "=====\nTitle\n=====\n\nText\n\nPart é\n------\n\nshort\n--\n\n| a |\n|---|\n\nLonger title\n---\n";
        assert_eq!(titles(text), [UNTITLED, "Title", "Part é"]);
        assert_whole(text);
    }

    #[test]
    fn text_before_the_first_heading_counts_unless_it_is_blank() {
        assert_eq!(titles("\n\n# One\n"), ["One"]);
        assert_whole("\n\n# One\n");
    }

    #[test]
    fn too_many_headings_lose_the_deepest_level_first() {
        let chapter = |n| format!("# Chapter {n}\n{}", "## Part\ntext\n".repeat(9));
        let text: String = (1..=3).map(chapter).collect();
        assert_eq!(titles(&text), ["Chapter 1", "Chapter 2", "Chapter 3"]);
        assert_whole(&text);
    }

    #[test]
    fn too_many_of_one_level_are_joined() {
        let chapter = |n| format!("# Chapter {n}\ntext\n");
        let text: String = (0..1000).map(chapter).collect();
        let sections = of(&text);
        assert_eq!(sections.len(), MAX_SECTIONS - 1);
        assert_eq!(sections[0].title, "Chapter 0");
        let smallest = sections.iter().map(|section| section.text.len()).min();
        assert!(smallest > Some(text.len() / 25), "{smallest:?}");
        assert_whole(&text);
        assert_whole(&format!("intro\n{text}"));
    }

    #[test]
    fn form_feeds_divide_pages() {
        let text = "one\u{c}two\u{c}\u{c}four\u{c}";
        assert_eq!(titles(text), ["Page 1", "Page 2", "Page 3", "Page 4"]);
        assert_whole(text);
    }

    #[test]
    fn a_text_without_division_is_cut_into_equal_parts() {
        assert_eq!(titles("just a text"), ["Part 1 of 1"]);
        for text in ["é".repeat(SMALLEST_PART), "line\n".repeat(SMALLEST_PART), "😀\n".repeat(9 * SMALLEST_PART)] {
            let count = (text.len() / SMALLEST_PART).min(MAX_SECTIONS);
            assert_eq!(of(&text).len(), count);
            assert_whole(&text);
        }
    }

    #[test]
    fn a_long_title_is_shortened() {
        let title = titles(&format!("# {}\n", "é".repeat(200))).remove(0);
        assert_eq!(title, format!("{}…", "é".repeat(79)));
    }

    #[test]
    fn white_space_has_no_sections() {
        assert_eq!(of(" \n\u{c}\n"), []);
    }
}
