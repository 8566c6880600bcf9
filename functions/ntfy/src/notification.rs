//! What a person is told, cut to what ntfy takes.

use serde::Serialize;
use std::borrow::Cow;

/// Bytes of a message: ntfy makes a longer one an attachment, <https://docs.ntfy.sh/publish/#limitations>.
pub const LONGEST_MESSAGE: usize = 4_096;
/// Bytes of a title.
pub const LONGEST_TITLE: usize = 1_024;
/// Bytes of all tags, joined by commas.
pub const LONGEST_TAGS: usize = 512;

/// One notification. What is too long is cut when it is made, at the end of a character.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notification {
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
}

/// How loud it is: 1 (no sound) to 5 (until somebody looks).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Priority(u8);

impl Priority {
    /// For what a person should look at soon.
    pub const HIGH: Self = Self(4);

    /// 1 to 5.
    pub fn of(number: u64) -> Option<Self> {
        u8::try_from(number).ok().filter(|number| (1..=5).contains(number)).map(Self)
    }
}

impl Notification {
    /// A message; of one that is too long the beginning, and then `whole`, which says where the rest is: a result's id, for example.
    pub fn new(message: &str, whole: &str) -> Self {
        let ending = format!("… [{}]", cut(whole, LONGEST_MESSAGE / 4));
        let message = shortened(message, LONGEST_MESSAGE, &ending).into_owned();
        Self { message, title: None, priority: None, tags: Vec::new() }
    }

    /// With a title, on one line.
    #[must_use]
    pub fn titled(self, title: &str) -> Self {
        let line: String = title.chars().map(|one| if one.is_control() { ' ' } else { one }).collect();
        Self { title: Some(shortened(&line, LONGEST_TITLE, "…").into_owned()), ..self }
    }

    /// With a priority.
    #[must_use]
    pub fn with_priority(self, priority: Priority) -> Self {
        Self { priority: Some(priority), ..self }
    }

    /// With tags, as many as there is room for. ntfy joins them by commas, so one with a comma would be two.
    #[must_use]
    pub fn tagged<'a>(self, tags: impl IntoIterator<Item = &'a str>) -> Self {
        let mut room = LONGEST_TAGS;
        let usable = tags.into_iter().filter(|tag| is_tag(tag)).take_while(|tag| take(&mut room, tag.len() + 1));
        Self { tags: usable.map(str::to_owned).collect(), ..self }
    }

    /// What is sent as the text.
    pub fn message(&self) -> &str {
        &self.message
    }
}

fn is_tag(tag: &str) -> bool {
    !tag.is_empty() && !tag.contains(|one: char| one == ',' || one.is_control())
}

fn take(room: &mut usize, bytes: usize) -> bool {
    let is_enough = bytes <= *room;
    *room = room.saturating_sub(bytes);
    is_enough
}

/// The text, or as much of it as fits before the ending.
fn shortened<'a>(text: &'a str, longest: usize, ending: &str) -> Cow<'a, str> {
    if text.len() <= longest {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{}{ending}", cut(text, longest - ending.len())))
}

fn cut(text: &str, longest: usize) -> &str {
    &text[..text.floor_char_boundary(longest)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_fits_stays_as_it_is() {
        let text = "é".repeat(LONGEST_MESSAGE / 2);
        assert_eq!(Notification::new(&text, "result_1").message(), text);
    }

    #[test]
    fn five_thousand_bytes_of_emoji_are_cut_between_two_and_name_the_result() {
        let text = "🏌".repeat(1_250);
        let notification = Notification::new(&text, "result_20240115120000_000001");
        let message = notification.message();
        assert!(message.len() <= LONGEST_MESSAGE && message.len() > LONGEST_MESSAGE - 8, "{}", message.len());
        let beginning = message.strip_suffix("… [result_20240115120000_000001]").expect("the id at the end");
        assert!(text.starts_with(beginning));
    }

    #[test]
    fn a_title_is_one_line_of_at_most_a_kilobyte() {
        let made = Notification::new("m", "i").titled(&format!("a\r\nX-Actions: b{}", "é".repeat(600)));
        let title = made.title.expect("a title");
        assert!(title.starts_with("a  X-Actions: bé") && title.ends_with("é…") && title.len() <= LONGEST_TITLE);
    }

    #[test]
    fn tags_are_at_most_512_bytes_together_and_none_is_two() {
        let long = "t".repeat(300);
        let made = Notification::new("m", "i").tagged(["warning", "a,b", "", "x\ny", &long, &long]);
        assert_eq!(made.tags, ["warning", &long]);
    }

    #[test]
    fn a_priority_is_one_of_five() {
        assert_eq!([0, 1, 5, 6, 261].map(|number| Priority::of(number).is_some()), [false, true, true, false, false]);
    }

    #[test]
    fn what_is_left_out_is_not_sent() {
        assert_eq!(serde_json::to_value(Notification::new("m", "i")).unwrap(), serde_json::json!({ "message": "m" }));
    }
}
