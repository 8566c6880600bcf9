//! A feed (RSS 2.0, RSS 1.0, Atom) as text: its entries as a list, newest as the feed has them, each with its link, its day and what it
//! says.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use url::Url;

use crate::html_text::{self, Page};

/// So many entries are read; feeds have some dozens.
const MOST: usize = 200;

/// Bytes of one field of an entry. Some feeds hold whole pages, which their links lead to.
const LONGEST: usize = 4 << 10;

/// Why a text is no feed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotAFeed;

/// One entry, or the feed itself.
#[derive(Debug, Default)]
struct Entry {
    title: String,
    link: String,
    date: String,
    summary: String,
}

/// What has been read so far.
#[derive(Default)]
struct Feed {
    /// Whether the outermost element is that of a feed.
    is_one: bool,
    own: Entry,
    entries: Vec<Entry>,
    in_entry: bool,
    field: Option<Field>,
    depth_in_field: usize,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Title,
    Link,
    Date,
    Summary,
}

/// The feed in `xml`, whose links are relative to `url`.
pub(crate) fn of(xml: &str, url: &Url) -> Result<Page, NotAFeed> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = false;
    let mut feed = Feed::default();
    loop {
        match reader.read_event().map_err(|_| NotAFeed)? {
            Event::Start(tag) => feed.start(&tag)?,
            Event::Empty(tag) => {
                feed.start(&tag)?;
                feed.end(tag.local_name().as_ref());
            }
            Event::End(tag) => feed.end(tag.local_name().as_ref()),
            Event::Text(text) => feed.add(&text),
            Event::CData(text) => feed.add(&text),
            Event::GeneralRef(name) => feed.add(&referred(&name)),
            Event::Eof => break,
            _ => {}
        }
        if feed.entries.len() > MOST {
            feed.entries.pop();
            break;
        }
    }
    if feed.is_one { Ok(feed.page(url)) } else { Err(NotAFeed) }
}

/// What an entity or a character's number stands for. Feeds define none of their own that are read: these may grow without end.
fn referred(name: &str) -> String {
    let number = name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
        None => number.parse().ok(),
    });
    match name {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        _ => number.and_then(char::from_u32).map_or_else(|| format!("&{name};"), String::from),
    }
}

impl Feed {
    fn start(&mut self, tag: &BytesStart<'_>) -> Result<(), NotAFeed> {
        let name = tag.local_name();
        let name = name.as_ref();
        if !self.is_one {
            self.is_one = ["rss", "feed", "RDF"].contains(&name);
            return if self.is_one { Ok(()) } else { Err(NotAFeed) };
        }
        if self.field.is_some() {
            self.depth_in_field += 1;
            return Ok(());
        }
        if ["item", "entry"].contains(&name) {
            self.in_entry = true;
            self.entries.push(Entry::default());
        }
        self.field = field(name);
        if self.field == Some(Field::Link) {
            self.text = link(tag).unwrap_or_default();
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        if self.depth_in_field > 0 {
            self.depth_in_field -= 1;
        } else if let Some(field) = self.field.take() {
            let text = std::mem::take(&mut self.text);
            self.entry().set(field, &text);
        } else if ["item", "entry"].contains(&name) {
            self.in_entry = false;
        }
    }

    fn add(&mut self, text: &str) {
        if self.field.is_some() {
            let room = LONGEST.saturating_sub(self.text.len());
            self.text.push_str(&text[..text.floor_char_boundary(room)]);
        }
    }

    fn entry(&mut self) -> &mut Entry {
        match self.entries.last_mut() {
            Some(entry) if self.in_entry => entry,
            _ => &mut self.own,
        }
    }

    fn page(self, url: &Url) -> Page {
        let entries: Vec<_> = self.entries.iter().map(|entry| entry.line(url)).collect();
        let title = said(&self.own.title, url);
        let text = if entries.is_empty() { "The feed has no entries.".to_owned() } else { entries.join("\n\n") };
        Page { title, text }
    }
}

/// By the names of RSS, of Atom and of Dublin Core.
fn field(name: &str) -> Option<Field> {
    match name {
        "title" => Some(Field::Title),
        "link" => Some(Field::Link),
        "pubDate" | "updated" | "published" | "date" => Some(Field::Date),
        "description" | "summary" | "content" | "encoded" => Some(Field::Summary),
        _ => None,
    }
}

/// Where a link of Atom leads. Other kinds than `alternate` are of no use to a reader.
fn link(tag: &BytesStart<'_>) -> Option<String> {
    let value = |name: &str| {
        let attribute = tag.try_get_attribute(name).ok()??;
        Some(attribute.value.replace("&amp;", "&"))
    };
    let is_main = value("rel").is_none_or(|rel| rel == "alternate");
    value("href").filter(|_| is_main)
}

impl Entry {
    /// The first that is said counts.
    fn set(&mut self, field: Field, text: &str) {
        let place = match field {
            Field::Title => &mut self.title,
            Field::Link => &mut self.link,
            Field::Date => &mut self.date,
            Field::Summary => &mut self.summary,
        };
        if place.is_empty() {
            text.trim().clone_into(place);
        }
    }

    /// `- [title](link) (date)`, and below it what it says.
    fn line(&self, url: &Url) -> String {
        let title = said(&self.title, url);
        let title = if title.is_empty() { "(without a title)" } else { &title };
        let target = url.join(&self.link).ok().filter(|_| !self.link.is_empty());
        let mut line = target.map_or_else(|| format!("- {title}"), |target| format!("- [{title}]({target})"));
        if !self.date.is_empty() {
            line.extend([" (", &self.date, ")"]);
        }
        let summary = said(&self.summary, url);
        if !summary.is_empty() {
            line.extend(["\n  ", &summary]);
        }
        line
    }
}

/// A field's text on one line. It may be HTML, in RSS without saying so.
fn said(field: &str, url: &Url) -> String {
    let text =
        if field.contains(['<', '&']) { html_text::of(field, url).map(|page| page.text) } else { Ok(field.to_owned()) };
    text.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(xml: &str) -> Result<Page, NotAFeed> {
        of(xml, &"https://site.test/feed".parse().expect("a URL"))
    }

    #[test]
    fn the_entries_of_rss_are_a_list() {
        let xml = "<?xml version='1.0'?><rss version='2.0'><channel><title>News &amp; more</title><link>https://site.test/</link>\
            <item><title>One</title><link>/1</link><pubDate>Sun, 29 Nov 2026 20:00:00 GMT</pubDate>\
            <description>&lt;p&gt;It &lt;b&gt;is&lt;/b&gt;.</description></item>\
            <item><title><![CDATA[Two <i>two</i>]]></title></item></channel></rss>";
        let page = page(xml).expect("a feed");
        assert_eq!(page.title, "News & more");
        let first = "- [One](https://site.test/1) (Sun, 29 Nov 2026 20:00:00 GMT)\n  It is.";
        assert_eq!(page.text, format!("{first}\n\n- Two two"));
    }

    #[test]
    fn the_entries_of_atom_are_a_list() {
        let xml = "<feed xmlns='http://www.w3.org/2005/Atom'><title>F</title><link rel='self' href='/feed'/>\
            <entry><link rel='edit' href='/e'/><link href='/1?a&amp;b'/><title>One</title><updated>2026-11-29</updated>\
            <content type='xhtml'><div>It <b>is</b>.</div></content></entry></feed>";
        assert_eq!(page(xml).expect("a feed").text, "- [One](https://site.test/1?a&b) (2026-11-29)\n  It is.");
    }

    #[test]
    fn what_is_no_feed_is_told() {
        for xml in ["", "<html/>", "<svg><item/></svg>", "text"] {
            assert_eq!(page(xml), Err(NotAFeed), "{xml}");
        }
        assert_eq!(page("<rss><channel/></rss>").expect("a feed").text, "The feed has no entries.");
    }

    #[test]
    fn no_feed_grows() {
        let entity = "<!DOCTYPE rss [<!ENTITY a 'aaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>";
        let xml = format!("{entity}<rss><channel><item><title>&b;</title></item></channel></rss>");
        assert_eq!(page(&xml).expect("a feed").text, "- &b;");
        let xml = format!("<rss>{}</rss>", "<item><title>a</title></item>".repeat(10_000));
        assert_eq!(page(&xml).expect("a feed").text.matches("- a").count(), MOST);
        let xml = format!("<rss><item><title>{}</title></item></rss>", "a".repeat(1 << 20));
        assert!(page(&xml).expect("a feed").text.len() <= LONGEST + 2);
    }
}
