//! What the attributes of a tag say.

use html5ever::Attribute;
use html5ever::tendril::StrTendril;

/// More of a style is not looked at.
const LONGEST_STYLE: usize = 1024;

/// An attribute's value.
pub(super) fn value(attributes: &[Attribute], name: &str) -> Option<StrTendril> {
    attributes.iter().find(|attribute| &*attribute.name.local == name).map(|attribute| attribute.value.clone())
}

/// Whether readers do not see the element: a page may say there what is meant for machines only.
pub(super) fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &*attribute.name.local {
        "hidden" => true,
        "aria-hidden" => attribute.value.eq_ignore_ascii_case("true"),
        "style" => hides(&attribute.value),
        _ => false,
    })
}

fn hides(style: &str) -> bool {
    let style = &style[..style.floor_char_boundary(LONGEST_STYLE)];
    let style: String = style.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_lowercase();
    style.contains("display:none") || style.contains("visibility:hidden")
}
