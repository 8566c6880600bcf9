use super::*;

fn url() -> Url {
    "https://site.test/a/b".parse().expect("a URL")
}

fn text(html: &str) -> String {
    of(html, &url()).expect("in time").text
}

#[test]
fn a_page_reads_as_its_reader_sees_it() {
    let cases = [
        ("<h1>A</h1><p>b\n  <b>c</b>d <i> e</i></p>f", "# A\n\nb cd e\n\nf"),
        ("one<br>two<br/>three<div>four</div>five", "one\ntwo\nthree\nfour\nfive"),
        ("<ul><li>a<li>b<ol><li>c<li>d</ol></ul>e", "- a\n- b\n  1. c\n  2. d\n\ne"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>c", "a | b\n1 | 2\n\nc"),
        ("<pre>a\n  b</pre>c  d", "a\n  b\n\nc d"),
        ("a <img alt='a picture' src=x> b<hr>c", "a a picture b\n\n---\n\nc"),
        ("a<script>if (1 < 2) '<p>'</script><style>p{}</style><!-- c --><noscript><p>d</noscript>b", "ab"),
        ("a<svg><path/><svg/><text>b</text></svg>c<svg/>d", "acd"),
        ("&lt;p&gt; &eacute;&#8364;&nbsp;x &unknown;", "<p> é€\u{a0}x &unknown;"),
        ("<h7>a</h7><hgroup>b</hgroup><é>c", "ab<é>c"),
        ("<p>a<", "a<"),
        ("</p></a></ul></svg></nav></main>a", "a"),
        ("", ""),
    ];
    for (html, expected) in cases {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn links_lead_to_whole_addresses() {
    let cases = [
        ("see <a href='/x?a&amp;b'>this <b>page</b></a>.", "see [this page](https://site.test/x?a&b)."),
        ("<a href=c>d</a>, <a href=' ../e '>f</a>", "[d](https://site.test/a/c), [f](https://site.test/e)"),
        ("<a href=//other.test>b<a href=c>d", "[b](https://other.test/)[d](https://site.test/a/c)"),
        ("<base href='/deep/er/'><a href=c>d</a>", "[d](https://site.test/deep/er/c)"),
        (
            "<a href='#a'>b</a> <a href='JavaScript:c()'>d</a> <a href='data:,x'>e</a> <a href=e></a> <a>f</a>",
            "b d e f",
        ),
    ];
    for (html, expected) in cases {
        assert_eq!(text(html), expected, "{html}");
    }
}

#[test]
fn the_title_is_apart_from_the_text() {
    let page = of("<title>T &amp;\n t</title><p>a</p>", &url()).expect("in time");
    assert_eq!((page.title.as_str(), page.text.as_str()), ("T & t", "a"));
    let long = of(&format!("<title>{}</title>", "é".repeat(1000)), &url()).expect("in time").title;
    assert_eq!(long.len(), 300);
}

#[test]
fn nobody_reads_what_is_hidden() {
    let cases = [
        "<div hidden>x<div>y</div>z</div>a",
        "<span style='color: red; Display : NONE'>x</span>a",
        "<section aria-hidden=true>x</section>a",
        "<ul><li hidden>x</ul>a",
        "<p hidden>x<p>a",
        "<p style='visibility:hidden'>x</p>a",
    ];
    for html in cases {
        assert_eq!(text(html), "a", "{html}");
    }
}

/// Prose that is long enough to be the content of a page.
fn prose() -> String {
    "It is said that the reactor was built in a year. ".repeat(6).trim_end().to_owned()
}

/// A menu of this many links.
fn menu(links: usize) -> String {
    let item = |link| format!("<li><a href='/{link}'>Link number {link}</a>");
    (0..links).map(item).collect::<Vec<_>>().concat()
}

#[test]
fn the_main_content_comes_without_what_is_around_it() {
    let (prose, menu) = (prose(), menu(60));
    let pages = [
        format!("<nav><ul>{menu}</ul></nav><main><p>{prose}</main><footer>Terms</footer>"),
        format!("<div role=navigation><div>{menu}</div></div><p>{prose}</p><aside>Read more</aside>"),
        format!("<ul>{menu}</ul><p>{prose}</p>"),
        format!("<header><a href=/>Home</a></header><article><header>{prose}</header></article>"),
        format!("<main><nav>{menu}</nav><p>{prose}</p></main>"),
    ];
    for html in pages {
        assert_eq!(text(&html), prose, "{html}");
    }
}

#[test]
fn a_page_of_nothing_but_links_is_its_links() {
    let links = text(&format!("<nav><ul>{}</ul></nav>", menu(60)));
    assert_eq!(links.lines().count(), 60);
    assert_eq!(links.lines().next_back(), Some("- [Link number 59](https://site.test/59)"));
}

#[test]
fn a_link_around_several_lines_leaves_the_lines_whole() {
    let prose = prose();
    let card = format!("<nav>x</nav><main><a href=/c><h2>Card</h2><p>{prose}</p></a></main><nav>y</nav>");
    assert_eq!(text(&card), format!("## [Card\n\n{prose}](https://site.test/c)"));
}

/// Tags in which a tree, or its text, would grow with the square of the page or worse.
#[test]
fn no_page_becomes_much_longer_than_it_is() {
    let units = [
        "<ul><li>",
        "<blockquote>a",
        "<table><tr><td>",
        "<div>",
        "<b><i>",
        "<a href=b>c",
        "<h6>a",
        "<p><td>",
        "<svg>",
        "<nav>a<main>b",
    ];
    for unit in units {
        let html = unit.repeat((1 << 18) / unit.len());
        let text = text(&html);
        assert!(text.len() <= 4 * html.len(), "{unit}: {} bytes", text.len());
    }
}

#[test]
fn a_long_address_is_not_repeated_in_every_link() {
    let url = format!("https://site.test/{}/", "a".repeat(2000)).parse().expect("a URL");
    let html = "<a href=b>c</a> ".repeat(20_000);
    let text = of(&html, &url).expect("in time").text;
    assert!(text.len() <= 3 * html.len(), "{} bytes of {}", text.len(), html.len());
}

#[test]
fn a_page_that_takes_too_long_is_given_up() {
    assert_eq!(within(Duration::ZERO, &"<p>a".repeat(PIECE), &url()), Err(TooSlow));
}
