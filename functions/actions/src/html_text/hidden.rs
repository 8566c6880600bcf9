//! The element that is being left out, with what is in it.

use html5ever::tokenizer::Tag;

use super::attributes;

/// Elements whose text nobody sees.
const UNSEEN: [&str; 8] = ["script", "style", "template", "svg", "math", "iframe", "object", "noscript"];

/// Elements that may be hidden by an attribute, and always have an end tag.
const HIDEABLE: [&str; 21] = [
    "div", "span", "section", "article", "main", "nav", "header", "footer", "aside", "ul", "ol", "table", "form",
    "figure", "details", "dialog", "a", "button", "h1", "h2", "h3",
];

/// An element that nobody sees, and how many of its name are open.
#[derive(Debug)]
pub(super) struct Hidden {
    name: String,
    open: usize,
    /// Whether another element of its name ends it, as with paragraphs.
    ends_at_next: bool,
}

impl Hidden {
    /// What is hidden from this tag on.
    pub(super) fn from(tag: &Tag) -> Option<Self> {
        let name = &*tag.name;
        let ends_at_next = ["p", "li"].contains(&name);
        let is_hidden = if UNSEEN.contains(&name) {
            // A script cannot close itself; a picture can.
            !tag.self_closing || ["script", "style", "iframe", "noscript"].contains(&name)
        } else {
            (ends_at_next || HIDEABLE.contains(&name)) && attributes::is_hidden(&tag.attrs)
        };
        is_hidden.then(|| Self { name: name.to_owned(), open: 1, ends_at_next })
    }

    /// Takes a start tag in it. Whether the element ends here, and the tag is the first after it.
    pub(super) fn ends_at_start(&mut self, tag: &Tag) -> bool {
        let is_its_name = self.name == *tag.name;
        self.open += usize::from(is_its_name && !self.ends_at_next && !tag.self_closing);
        is_its_name && self.ends_at_next
    }

    /// Takes an end tag in it. Whether it ends the element.
    pub(super) fn ends_at_end(&mut self, name: &str) -> bool {
        let is_its_list = self.name == "li" && ["ul", "ol"].contains(&name);
        self.open -= usize::from(self.name == name || is_its_list);
        self.open == 0
    }
}
