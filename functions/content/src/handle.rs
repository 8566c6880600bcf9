//! Handles: references that the layer leaves alone, since they lack the prefix it looks for.

use std::fmt;

use long_content::reference::ContentRef;

/// The short name of a long result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(pub(crate) ContentRef);

/// A text that was meant as a handle, and is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAHandle;

impl Handle {
    /// The handle that a text is. `None` is any other text, however much like a handle it looks in part.
    pub fn of(text: &str) -> Option<Result<Self, NotAHandle>> {
        let reference = ContentRef::parse_handle(text.trim())?;
        Some(reference.map(Self).map_err(|_| NotAHandle))
    }

    /// Bytes of what it names, as stored before compression.
    pub fn size(&self) -> u64 {
        self.0.size
    }
}

impl fmt::Display for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.handle())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use long_content::reference::{Content, Scope, Ttl};

    fn reference() -> ContentRef {
        Scope::new("AgentContext-dev").reference(Ttl::seconds(86_400), &Content::string("text"))
    }

    #[test]
    fn a_handle_is_a_reference_that_the_layer_does_not_know() {
        let handle = Handle(reference());
        assert!(!handle.to_string().starts_with('@') && handle.to_string().parse::<ContentRef>().is_err());
        assert_eq!(Handle::of(&handle.to_string()), Some(Ok(handle)));
        assert_eq!(Handle::of(&format!(" {handle}\n")), Some(Ok(handle)));
    }

    #[test]
    fn a_handle_that_was_cut_is_not_taken_for_text() {
        let handle = Handle(reference()).to_string();
        assert_eq!(Handle::of(&handle[..handle.len() - 10]), Some(Err(NotAHandle)));
        assert_eq!(Handle::of(&format!("{handle}0x")), Some(Err(NotAHandle)));
    }

    #[test]
    fn text_is_text() {
        let about = format!("The handle {} is long.", Handle(reference()));
        for text in ["", "plain", "1:2:3", "about dynamodb", &about] {
            assert_eq!(Handle::of(text), None, "{text}");
        }
    }
}
