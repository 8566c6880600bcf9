//! The table of attacks against the guard. A trap at every private address counts connections: no attack may open
//! one.

use http_guard::{Call, FetchError, Refusal};

use crate::guard::World;
use crate::site::attacks::{ALLOWED, REFUSED, inside};
use crate::site::{Asked, Reply, Site, elsewhere, page};

#[tokio::test]
async fn what_is_refused_opens_no_connection() {
    let world = World::new().await;
    let guard = world.guard(ALLOWED, &inside(&world.site));
    for (url, reason) in REFUSED {
        for call in [Call::get(*url), Call::post(*url, "text/plain", "a body")] {
            let refusal = match guard.send(&call).await {
                Err(FetchError::Refused(refusal)) => refusal.to_string(),
                other => panic!("{url} is not refused: {other:?}"),
            };
            assert!(refusal.starts_with(reason), "{url}: {refusal}");
            assert_eq!((world.site.connections(), world.trap.connections()), (0, 0), "{url}");
        }
    }
}

/// The same world, and what it shows when nothing is wrong: the site can be reached, and the trap does count.
#[tokio::test]
async fn what_is_allowed_is_fetched() {
    let world = World::new().await;
    let page = world.guard(ALLOWED, &[]).get("https://Documents.test:443/a?b#c", &[]).await.expect("a page");
    assert_eq!((page.url.as_str(), page.body.as_ref()), ("https://documents.test/a?b", &b"public"[..]));
    assert_eq!((world.site.connections(), world.trap.connections()), (1, 0));

    let open = world.guard(ALLOWED, &[world.trap.named("inside.test")]);
    assert!(
        matches!(open.get("https://inside.test/", &[]).await, Err(FetchError::Tls(..))),
        "another name's certificate"
    );
    assert_eq!(world.trap.connections(), 1);
}

#[tokio::test]
async fn without_a_list_every_public_host_is_allowed_and_nothing_else() {
    let world = World::new().await;
    let guard = world.guard("", &inside(&world.site));
    assert!(guard.get("https://documents.test/", &[]).await.is_ok());
    for url in ["https://inside.test/", "https://metadata.test/", "https://localhost/", "https://127.0.0.1/"] {
        assert!(matches!(guard.get(url, &[]).await, Err(FetchError::Refused(_))), "{url}");
    }
    assert_eq!((world.site.connections(), world.trap.connections()), (1, 0));
}

/// One lookup, whose answer is both checked and used.
#[tokio::test]
async fn a_name_that_changes_its_answer_gains_nothing() {
    let world = World::answering(|_| page("text/plain", "public")).await;
    let site = Site::start(&world.authority, "rebind.test", |_| page("text/plain", "public")).await;
    let guard = world.guard(ALLOWED, &[site.named("rebind.test"), "rebind.test=10.0.0.5:443".to_owned()]);
    let refused = FetchError::Refused(Refusal::Private("rebind.test".to_owned()));

    assert!(guard.get("https://rebind.test/", &[]).await.is_ok(), "the first answer is public");
    assert_eq!(guard.get("https://rebind.test/", &[]).await.expect_err("the next is not"), refused);
    assert_eq!((site.connections(), world.trap.connections()), (1, 0));

    let turned = world.guard(ALLOWED, &["rebind.test=10.0.0.5:443".to_owned(), site.named("rebind.test")]);
    assert_eq!(turned.get("https://rebind.test/", &[]).await.expect_err("private first"), refused);
    assert_eq!((site.connections(), world.trap.connections()), (1, 0));
}

/// Redirects to every URL of the table, and to some that are relative.
#[tokio::test]
async fn a_redirect_is_checked_like_the_url_itself() {
    let world = World::answering(redirect).await;
    let guard = world.guard(ALLOWED, &inside(&world.site));
    let relative = ["//127.0.0.1/", "//inside.test/", "\\\\inside.test/", "//localhost/"];
    // A header cannot hold what is not ASCII, and what is no whole URL is relative to the page's.
    let absolute = REFUSED.iter().filter(|(_, reason)| *reason != "it is not a whole URL").map(|(url, _)| *url);
    for (count, location) in absolute.filter(|url| url.is_ascii() && !url.contains('\t')).chain(relative).enumerate() {
        let url = format!("https://documents.test/to?{location}");
        let error = guard.get(&url, &[]).await.expect_err("refused");
        assert!(matches!(error, FetchError::Redirected(_)), "{location}: {error:?}");
        assert_eq!((world.site.asked().len(), world.trap.connections()), (count + 1, 0), "{location}");
    }
}

fn redirect(asked: &Asked) -> Reply {
    let location = asked.path.strip_prefix("/to?").unwrap_or("/to?/");
    elsewhere(302, &location.replace("%5C", "\\"))
}
