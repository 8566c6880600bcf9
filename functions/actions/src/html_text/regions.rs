//! Which part of a page a text is in: its main content, what is around that, or neither as far as the tags tell.

use html5ever::tokenizer::Tag;

use super::attributes;

/// A part of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Region {
    /// In `main` or `article`.
    Main,
    /// In neither.
    Body,
    /// Navigation, and what else is the same on every page of a site.
    Around,
}

/// The open elements that tell. Pages nest them wrongly, so each name is only counted.
#[derive(Debug, Default)]
pub(super) struct Regions {
    main: usize,
    /// Open elements of each name of [`AROUND`].
    around: [usize; AROUND.len()],
    /// An element that has a role, and how many of its name are open.
    role: Option<(String, usize, Region)>,
}

const AROUND: [&str; 5] = ["nav", "aside", "header", "footer", "menu"];

impl Regions {
    /// The part that text is in now.
    pub(super) fn now(&self) -> Region {
        let role = self.role.as_ref().map(|(.., region)| *region);
        if role == Some(Region::Around) || self.around.iter().any(|open| *open > 0) {
            Region::Around
        } else if role == Some(Region::Main) || self.main > 0 {
            Region::Main
        } else {
            Region::Body
        }
    }

    pub(super) fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        match &mut self.role {
            Some((element, open, _)) => *open += usize::from(element == name),
            None => self.role = role(tag).map(|region| (name.to_owned(), 1, region)),
        }
        if ["main", "article"].contains(&name) {
            self.main += 1;
        } else if let Some(at) = AROUND.iter().position(|around| *around == name) {
            // An article has its own header and footer.
            let is_own = self.main > 0 && ["header", "footer"].contains(&name);
            self.around[at] += usize::from(!is_own);
        }
    }

    pub(super) fn end(&mut self, name: &str) {
        if let Some((element, open, _)) = &mut self.role {
            *open -= usize::from(element == name);
            if *open == 0 {
                self.role = None;
            }
        }
        if ["main", "article"].contains(&name) {
            self.main = self.main.saturating_sub(1);
        } else if let Some(at) = AROUND.iter().position(|around| *around == name) {
            self.around[at] = self.around[at].saturating_sub(1);
        }
    }
}

/// By the roles of WAI-ARIA, which sites use that have no elements for them. Elements without an end tag have none.
fn role(tag: &Tag) -> Option<Region> {
    if tag.self_closing || !["div", "section", "ul", "span", "table", "form"].contains(&&*tag.name) {
        return None;
    }
    match &*attributes::value(&tag.attrs, "role")? {
        "main" | "article" => Some(Region::Main),
        "navigation" | "banner" | "contentinfo" | "complementary" | "search" | "menu" | "menubar" => {
            Some(Region::Around)
        }
        _ => None,
    }
}
