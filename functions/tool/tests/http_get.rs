//! Pages as text, and what is no page.

use http_body_util::Full;
use serde_json::json;

use crate::site::{Asked, Reply, elsewhere, page, status};
use crate::world::World;

fn site(asked: &Asked) -> Reply {
    match asked.path.as_str() {
        "/html" => page(
            "text/html; charset=utf-8",
            "<title>Of</title><h1>Title</h1><p>One <b>bold</b> w&ouml;rd.<script>x()</script><ul><li>a<li><a href=b>b</a></ul>",
        ),
        "/latin" => page("text/html; charset=ISO-8859-1", &b"<p>Gr\xfc\xdfe</p>"[..]),
        "/meta" => page("text/html", &b"<head><meta charset='windows-1251'></head><p>\xcf\xf0\xe8\xe2\xe5\xf2</p>"[..]),
        "/guess" => page("text/plain", &b"Gr\xfc\xdfe"[..]),
        "/mark" => page("text/plain", &b"\xff\xfeh\0i\0"[..]),
        "/json" => page("application/json", r#"{"a": [1,  2]}"#),
        "/problem" => page("application/problem+json", "{}"),
        "/markdown" => page("text/markdown; charset=UTF-8", "# Title\n\n* a"),
        "/picture" => page("image/png", &b"\x89PNG"[..]),
        "/script" => page("text/javascript", "x()"),
        "/martian" => page("text/plain; charset=martian", "x"),
        "/typeless" => Reply::new(Full::default()),
        "/gone" => status(410),
        "/moved" => elsewhere(301, "/markdown"),
        "/old" => elsewhere(302, "/new/html"),
        "/new/html" => page("text/html", "<p>See <a href='../x'>this</a>."),
        "/feed" => page(
            "application/rss+xml",
            "<rss><channel><title>F</title><item><title>One</title><link>/1</link></item></channel></rss>",
        ),
        "/xml" => page("text/xml", "<svg/>"),
        "/inside" => elsewhere(302, "https://169.254.169.254/latest/meta-data/"),
        _ => status(404),
    }
}

#[tokio::test]
async fn a_page_is_read_as_what_it_is() {
    let world = World::new(site).await;
    let function = world.function();
    let cases = [
        (
            "/html",
            "Title: Of\nURL: https://documents.test/html\n\n# Title\n\nOne bold wörd.\n\n- a\n- [b](https://documents.test/b)",
        ),
        ("/old", "URL: https://documents.test/new/html\n\nSee [this](https://documents.test/x)."),
        ("/feed", "Title: F\nURL: https://documents.test/feed\n\n- [One](https://documents.test/1)"),
        ("/latin", "URL: https://documents.test/latin\n\nGrüße"),
        ("/meta", "URL: https://documents.test/meta\n\nПривет"),
        ("/guess", "Grüße"),
        ("/mark", "hi"),
        ("/json", r#"{"a": [1,  2]}"#),
        ("/problem", "{}"),
        ("/markdown", "# Title\n\n* a"),
        ("/moved", "# Title\n\n* a"),
    ];
    for (path, text) in cases {
        assert_eq!(function.text("http_get", json!({"url": format!("https://documents.test{path}")})).await, text);
    }
}

#[tokio::test]
async fn what_is_no_page_is_refused_in_words() {
    let world = World::new(site).await;
    let function = world.function();
    let cases = [
        ("https://documents.test/picture", "of type `image/png`"),
        ("https://documents.test/script", "of type `text/javascript`"),
        ("https://documents.test/xml", "is not a feed"),
        ("https://documents.test/typeless", "has no Content-Type"),
        ("https://documents.test/martian", "unknown encoding `martian`"),
        ("https://documents.test/gone", "410 Gone"),
        ("https://documents.test/nothing", "404 Not Found"),
        ("https://documents.test/inside", "redirects to a URL that is refused"),
        ("http://documents.test/", "only https://"),
        ("https://10.0.0.5/", "its host is the IP address"),
        ("nonsense", "not a whole URL"),
    ];
    for (url, reason) in cases {
        let error = function.error("http_get", json!({ "url": url })).await;
        assert!(error.starts_with("`url`") && error.contains(reason) || error.contains(reason), "{url}: {error}");
    }
}

#[tokio::test]
async fn a_list_of_hosts_is_kept_to() {
    let world = World::new(site).await;
    let function = world.function_with([("ALLOWED_HOSTS", "example.com, *.documents.test")]);
    let error = function.error("http_get", json!({"url": "https://documents.test/json"})).await;
    assert!(error.contains("`documents.test` is not among the hosts"), "{error}");
    assert_eq!(world.site.connections(), 0);
}

#[tokio::test]
async fn a_server_is_told_who_asks() {
    let world = World::new(site).await;
    world.function().text("http_get", json!({"url": "https://documents.test/json"})).await;
    let agent = world.site.asked()[0].headers["user-agent"].clone();
    assert!(agent.to_str().expect("text").starts_with("lrap-tool/"), "{agent:?}");
}
