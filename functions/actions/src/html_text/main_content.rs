//! Which stretches of a page's text are its main content.

use super::regions::Region;

/// Less text than this is no main content.
const ENOUGH: usize = 200;

/// So many lines of links in a row are a menu, where no tag says what they are.
const MENU: usize = 5;

/// Lines of one kind in a row, in the text as it was written.
#[derive(Debug)]
struct Stretch {
    start: usize,
    region: Region,
    /// Whether its lines are hardly more than links.
    is_links: bool,
    lines: usize,
    /// Bytes of its lines.
    bytes: usize,
}

/// Bytes of a line of a menu that are line breaks, the mark of a list's entry and the like.
const MARKS: usize = 8;

/// The stretches of a page, and the line that is being written.
#[derive(Debug)]
pub(super) struct Stretches {
    done: Vec<Stretch>,
    line: Line,
}

#[derive(Debug)]
struct Line {
    /// With the line breaks in front of it.
    start: usize,
    region: Region,
    /// Bytes of it that are the text of links.
    linked: usize,
    /// Bytes of the targets of its links, and of their marks.
    targets: usize,
}

impl Stretches {
    pub(super) fn new() -> Self {
        Self { done: vec![], line: Line { start: 0, region: Region::Body, linked: 0, targets: 0 } }
    }

    /// Ends the line, and begins the next one at `start`, in this region.
    pub(super) fn begin(&mut self, start: usize, region: Region) {
        self.finish(start);
        self.line = Line { start, region, linked: 0, targets: 0 };
    }

    /// A link with text from `at` to `end`, whose mark was put in front of it and whose target behind it, `added` bytes together.
    pub(super) fn link(&mut self, at: usize, end: usize, added: usize) {
        self.line.linked += end - at.max(self.line.start).min(end);
        self.line.targets += added;
        if self.line.start > at {
            self.line.start += 1;
        }
        self.done.iter_mut().rev().take_while(|stretch| stretch.start > at).for_each(|stretch| stretch.start += 1);
    }

    fn finish(&mut self, end: usize) {
        let Line { start, region, linked, targets } = self.line;
        let bytes = (end - start).saturating_sub(targets);
        if bytes == 0 {
            return;
        }
        let is_links = linked > 0 && (linked * 10 >= bytes * 7 || linked + MARKS >= bytes);
        match self.done.last_mut() {
            Some(last) if last.region == region && last.is_links == is_links => {
                last.lines += 1;
                last.bytes += bytes;
            }
            _ => self.done.push(Stretch { start, region, is_links, lines: 1, bytes }),
        }
    }

    /// The main content of the whole text: what tags say is main; else what tags do not say is around it, and is no menu; else everything.
    pub(super) fn main_content(mut self, text: &str) -> String {
        self.finish(text.len());
        let is_main = |stretch: &Stretch| stretch.region == Region::Main;
        let is_menu = |stretch: &Stretch| stretch.is_links && stretch.lines >= MENU;
        let is_body = |stretch: &Stretch| stretch.region == Region::Body && !is_menu(stretch);
        if self.has_enough(is_main) {
            self.joined(text, is_main)
        } else if self.has_enough(is_body) {
            self.joined(text, is_body)
        } else {
            text.trim().to_owned()
        }
    }

    fn has_enough(&self, keeps: impl Fn(&Stretch) -> bool) -> bool {
        self.done.iter().filter(|stretch| keeps(stretch)).map(|stretch| stretch.bytes).sum::<usize>() >= ENOUGH
    }

    fn joined(&self, text: &str, keeps: impl Fn(&Stretch) -> bool) -> String {
        let ends = self.done.iter().skip(1).map(|stretch| stretch.start).chain([text.len()]);
        let kept = self.done.iter().zip(ends).filter(|(stretch, _)| keeps(stretch));
        let joined: String = kept.map(|(stretch, end)| &text[stretch.start..end]).collect();
        joined.trim().to_owned()
    }
}
