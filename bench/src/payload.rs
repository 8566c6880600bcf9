//! What events and responses hold: JSON as functions write it, of an exact size, full of prose that compresses as prose does.

use std::sync::LazyLock;

use fastrand::Rng;

/// Strings of a payload that nothing leaves are no longer than this; the extension's threshold is 5000.
const LONGEST: usize = 3_000;

static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| TEXT.split_whitespace().collect());

const TEXT: &str = "a about above according account across after again against agreement all also although amount an and \
    another any application are as at available back based be because become been before being between both business \
    but by calculate called can case change clear come company complete condition contain context contract could country \
    court create current customer data date day decide delivery describe detail develop did different do document does \
    down due during each early effect either end enough entry even event every example except experience fact figure final \
    find first follow for found from function further general give given go good government great group had has have he \
    help her here high his history hold house how however if important in include increase information interest into \
    invoice is issue it item its just keep kind know language large last later law least left less letter level life like \
    line list little local long made make many market matter may mean measure member might money month more most much must \
    name national nature necessary need never new next no not note notice now number of off offer office often old on once \
    one only open or order other our out over own page paragraph part party pay people per period person place plan point \
    policy possible present price problem process product program provide public purpose put question quite rate rather \
    read reason receive record refer report request require research response result return review right rule said same \
    say section see seem sentence service set several shall should show side since small so some special state still \
    subject such sum summary support sure system take tell term text than that the their them then there therefore these \
    they thing think this those though through time to today together total toward trade two under until up upon us use \
    value various very view was water way we week well were what when where whether which while who whole whose will with \
    within without word work world would write year yet you your";

/// Text of `len` bytes, none of which JSON escapes. The same seed gives the same.
pub(crate) fn prose(random: &mut Rng, len: usize) -> String {
    let words = &*WORDS;
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        text.push_str(words[random.usize(..words.len())]);
        text.push_str(if random.u8(..12) == 0 { ". " } else { " " });
    }
    text.truncate(len);
    text
}

/// A document of `len` bytes (300 and more) with nothing to offload: records with fields of all kinds, many of them short.
pub(crate) fn records(random: &mut Rng, len: usize) -> Vec<u8> {
    const END: &str = "\"}";
    let mut json = String::with_capacity(len);
    json.push_str("{\"records\":[");
    // Left for the last field, which makes the size exact.
    while json.len() + LONGEST + 500 < len {
        let summary = random.usize(40..LONGEST);
        json.push_str(&record(random, summary));
        json.push(',');
    }
    json.push_str(&record(random, 20));
    json.push_str("],\"note\":[\"");
    fill(random, &mut json, len - END.len() - 1);
    json.push_str("\"]}");
    json.into_bytes()
}

/// An array of strings of 2900 bytes each, or a little more, as `text` writes them between their quotation marks: `len` bytes of
/// it, or a little more.
pub(crate) fn strings(random: &mut Rng, len: usize, text: fn(&mut Rng, usize) -> String) -> Vec<u8> {
    let mut strings = Vec::new();
    let mut written = 0;
    while written < len {
        let string = format!("\"{}\"", text(random, 2_900));
        written += string.len() + 1;
        strings.push(string);
    }
    format!("[{}]", strings.join(",")).into_bytes()
}

/// An array of small objects: `len` bytes of it, or a little more.
pub(crate) fn small(random: &mut Rng, len: usize) -> Vec<u8> {
    let mut json = String::from("[");
    while json.len() < len {
        json.push_str(&small_object(random));
        json.push(',');
    }
    json.push_str("null]");
    json.into_bytes()
}

fn small_object(random: &mut Rng) -> String {
    let (id, name, tag) = (random.u16(..), prose(random, 12), prose(random, 5));
    format!(r#"{{"id":{id},"name":"{name}","tag":"{tag}","ok":true}}"#)
}

/// JSON that is text in a string, as messages carry it: every fifth character or so is an escaped quotation mark.
pub(crate) fn json_in_text(random: &mut Rng, len: usize) -> String {
    let mut text = String::with_capacity(len + 100);
    while text.len() < len {
        text.push_str(&small_object(random).replace('"', "\\\""));
        text.push_str("\\n");
    }
    text
}

/// Lines of text with quotations: every eighth character or so is escaped.
pub(crate) fn escaped(random: &mut Rng, len: usize) -> String {
    let mut text = String::with_capacity(len + 20);
    while text.len() < len {
        let letters = random.usize(3..12);
        text.push_str(&prose(random, letters));
        text.push_str(["\\n", "\\\"", "\\\\", "\\t"][random.usize(..4)]);
    }
    text
}

/// Markup as encoders write it that let no markup through.
pub(crate) fn html(random: &mut Rng, len: usize) -> String {
    let mut text = String::with_capacity(len + 100);
    while text.len() < len {
        let words = random.usize(20..100);
        text.push_str("\\u003cp\\u003e");
        text.push_str(&prose(random, words));
        text.push_str("\\u003c/p\\u003e");
    }
    text
}

/// Strings up to `len` bytes of JSON, inside of an array's first string.
fn fill(random: &mut Rng, json: &mut String, len: usize) {
    while json.len() < len {
        let left = len - json.len();
        if left > LONGEST {
            json.push_str(&prose(random, LONGEST - 10));
            json.push_str("\",\"");
        } else {
            json.push_str(&prose(random, left));
        }
    }
}

fn record(random: &mut Rng, summary: usize) -> String {
    let (id, score, active) = (random.u32(..), f64::from(random.u16(..)) / 100.0, random.bool());
    let (title, author, summary) = (prose(random, 32), prose(random, 12), prose(random, summary));
    format!(
        r#"{{"id":"doc-{id:08x}","score":{score},"active":{active},"parent":null,"title":"{title}","author":{{"name":"{author}","tags":["a","b\n"]}},"summary":"{summary}"}}"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn longest(value: &Value) -> usize {
        match value {
            Value::String(text) => text.len(),
            Value::Array(values) => values.iter().map(longest).max().unwrap_or(0),
            Value::Object(fields) => fields.values().map(longest).max().unwrap_or(0),
            _ => 0,
        }
    }

    #[test]
    fn records_are_json_of_the_size_asked_for_without_long_strings() {
        for len in [300, 1 << 10, 3_900, 32 << 10, 1 << 20] {
            let json = records(&mut Rng::with_seed(7), len);
            assert_eq!(json.len(), len);
            assert!(longest(&serde_json::from_slice(&json).unwrap()) <= LONGEST, "{len}");
        }
    }

    #[test]
    fn prose_needs_no_escapes_and_repeats_for_a_seed() {
        let text = prose(&mut Rng::with_seed(1), 20_000);
        assert_eq!(serde_json::to_string(&text).unwrap().len(), 20_002);
        assert_eq!(text, prose(&mut Rng::with_seed(1), 20_000));
    }
}
