//! What a text costs grows with its length and with nothing else: no page and no query makes it quadratic.
//!
//! Each shape is worked on at two lengths, one eight times the other. Time is the thread's own, so other load does not count;
//! quadratic work would take 64 times as long, and the gate is between.

use std::time::Duration;

use test_kit::linear_time::time;

use crate::passages::Query;
use crate::{feed_text, html_text};

/// Lengths of a text: the second is eight times the first.
const LENGTHS: [usize; 2] = [16 << 10, 128 << 10];
/// How much longer the second may take.
const MOST: u32 = 24;
/// Below this, what is measured is the clock.
const NOISE: Duration = Duration::from_millis(2);

/// The shapes on which `work` took more than linear time. A shape is what a text repeats.
fn slow(shapes: &[&str], work: impl Fn(&str)) -> Vec<String> {
    let slow = |shape: &&str| {
        let [short, long] = LENGTHS.map(|length| shape.repeat(length / shape.len()));
        let short = time(NOISE, || work(&short));
        let most = short.max(NOISE) * MOST;
        let long = time(most, || work(&long));
        (long > most).then(|| format!("{shape:?}: {short:?} became {long:?}"))
    };
    shapes.iter().filter_map(slow).collect()
}

#[test]
fn searching_takes_linear_time() {
    let shapes = ["a", "a ", "needle ", "needle hay ", "a needle in the hay. ", "\n", "北needle", "🦀", "needles'"];
    let queries = ["needle", "needle hay a in the 北", "a b c d e f g h i j k l"];
    for query in queries {
        let query = Query::of(query).expect("a query");
        assert_eq!(slow(&shapes, |text| drop(query.search(text, 8, 200))), [""; 0]);
    }
}

#[test]
fn reading_a_page_takes_linear_time() {
    let shapes = [
        "a",
        "a ",
        "<p>a",
        "<div>",
        "<ul><li>a",
        "</ul>",
        "<a href=b>c",
        "<a href=b></a>",
        "<b><i>",
        "<table><tr><td>",
        "<svg>",
        "<script>",
        "<script></script>",
        "<pre>a",
        "<!--",
        "&amp;",
        "&",
        "&#x",
        "<",
        "</",
        "<a b='",
        "<title>",
        "<br>",
        "<nav>a<main>b",
        "<nav>a</main>",
        "<p hidden>a",
        "<div role=main>a",
        "<a href=b><p>c<nav>d",
    ];
    let url = format!("https://site.test/{}/", "a".repeat(1000)).parse().expect("a URL");
    assert_eq!(slow(&shapes, |text| drop(html_text::of(text, &url))), [""; 0]);
}

#[test]
fn reading_a_feed_takes_linear_time() {
    let url = "https://site.test/".parse().expect("a URL");
    let shapes = [
        "a",
        "<item>",
        "<item><title>a",
        "<item><title>a</title></item>",
        "<![CDATA[",
        "&amp;",
        "&a",
        "<!--",
        "<a b='",
    ];
    assert_eq!(slow(&shapes, |text| drop(feed_text::of(&format!("<rss>{text}"), &url))), [""; 0]);
}

#[test]
fn the_gate_sees_quadratic_work() {
    let quadratic = |text: &str| {
        let sum = |limit: usize| text.bytes().take(limit).map(u64::from).sum::<u64>();
        assert!((0..text.len()).step_by(128).map(sum).sum::<u64>() > 0);
    };
    assert_eq!(slow(&["a"], quadratic).len(), 1);
}
