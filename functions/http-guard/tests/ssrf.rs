//! What somebody may try in order to reach what is private. Behind every private address stands a trap that counts connections:
//! none of these may open one.

use http_guard::{FetchError, Refusal};

use crate::guard::World;
use crate::site::{Asked, Reply, Site, elsewhere, page};

/// A URL, and the beginning of the reason for which it is refused.
const REFUSED: &[(&str, &str)] = &[
    // Scheme, user info, port.
    ("http://documents.test/", "only https://"),
    ("HTTP://documents.test/", "only https://"),
    ("ftp://documents.test/", "only https://"),
    ("file:///etc/passwd", "only https://"),
    ("gopher://127.0.0.1:443/", "only https://"),
    ("data:text/plain,hello", "only https://"),
    ("https://user:password@documents.test/", "it holds user info"),
    ("https://user@documents.test/", "it holds user info"),
    ("https://documents.test@127.0.0.1/", "it holds user info"),
    ("https://@documents.test/", "it holds user info"),
    ("https://documents.test:8443/", "only port 443"),
    ("https://documents.test:80/", "only port 443"),
    // Addresses, in every spelling that a browser takes.
    ("https://127.0.0.1/", "its host is the IP address 127.0.0.1"),
    ("https://2130706433/", "its host is the IP address 127.0.0.1"),
    ("https://0x7f.1/", "its host is the IP address 127.0.0.1"),
    ("https://0x7f000001/", "its host is the IP address 127.0.0.1"),
    ("https://0177.0.0.1/", "its host is the IP address 127.0.0.1"),
    ("https://127.1/", "its host is the IP address 127.0.0.1"),
    ("https://127.0.0.1./", "its host is the IP address 127.0.0.1"),
    ("https://%31%32%37.0.0.1/", "its host is the IP address 127.0.0.1"),
    ("https://１２７.0.0.1/", "its host is the IP address 127.0.0.1"),
    ("https://①②⑦.0.0.1/", "its host is the IP address 127.0.0.1"),
    ("https://[::1]/", "its host is the IP address ::1"),
    ("https://[::]/", "its host is the IP address ::"),
    ("https://[::ffff:10.0.0.1]/", "its host is the IP address ::ffff:10.0.0.1"),
    ("https://169.254.169.254/latest/meta-data/", "its host is the IP address 169.254.169.254"),
    ("https://[fd00:ec2::254]/latest/meta-data/", "its host is the IP address fd00:ec2::254"),
    ("https://100.64.0.1/", "its host is the IP address 100.64.0.1"),
    ("https://0.0.0.0/", "its host is the IP address 0.0.0.0"),
    ("https://10.0.0.5/", "its host is the IP address 10.0.0.5"),
    ("https://192.168.1.1/", "its host is the IP address 192.168.1.1"),
    ("https://[64:ff9b::10.0.0.5]/", "its host is the IP address 64:ff9b::a00:5"),
    ("https://[2002:7f00:1::]/", "its host is the IP address 2002:7f00:1::"),
    ("https://93.184.216.34/", "its host is the IP address 93.184.216.34"),
    // Trailing dot, mixed case, look-alikes.
    ("https://documents.test./", "its host ends in a dot"),
    ("https://localhost./", "its host ends in a dot"),
    ("https://LocalHost/", "`localhost` is a name of a local network"),
    ("https://API.LOCALHOST/", "`api.localhost` is a name of a local network"),
    ("https://MetaData.Google.Internal/", "`metadata.google.internal` is a name of a local network"),
    ("https://dοcuments.test/", "its host is spelt differently from what it means, `xn--dcuments-zdg.test`"),
    ("https://ｄocuments.test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https://ⓓocuments.test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https://documents。test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https://documents%2etest/", "its host is spelt differently from what it means, `documents.test`"),
    ("https://docu\tments.test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https:\\\\documents.test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https:documents.test/", "its host is spelt differently from what it means, `documents.test`"),
    ("https://127.0.0.1\\@documents.test/", "its host is the IP address 127.0.0.1"),
    // Names.
    ("https://localhost/", "`localhost` is a name of a local network"),
    ("https://intranet/", "`intranet` is a name of a local network"),
    ("https://printer.local/", "`printer.local` is a name of a local network"),
    ("https://example.com/", "`example.com` is not among the hosts"),
    ("https://documents.test.example.com/", "`documents.test.example.com` is not among the hosts"),
    ("https://adocuments.test/", "`adocuments.test` is not among the hosts"),
    ("https://below.test/", "`below.test` is not among the hosts"),
    // Allowed, but private: what the lookup answers decides.
    ("https://inside.test/", "`inside.test` leads to an address that is not public"),
    ("https://metadata.test/", "`metadata.test` leads to an address that is not public"),
    ("https://half.test/", "`half.test` leads to an address that is not public"),
    ("https://mapped.test/", "`mapped.test` leads to an address that is not public"),
    ("https://nat64.test/", "`nat64.test` leads to an address that is not public"),
    ("https://6to4.test/", "`6to4.test` leads to an address that is not public"),
    ("https://unique.local.test/", "`unique.local.test` leads to an address that is not public"),
    ("https://zero.test/", "`zero.test` leads to an address that is not public"),
    ("https://a.below.test/", "`a.below.test` leads to an address that is not public"),
    // No URL at all.
    ("", "it is not a whole URL"),
    ("documents.test", "it is not a whole URL"),
    ("//documents.test/", "it is not a whole URL"),
    ("https://", "it is not a whole URL"),
    ("https://docu ments.test/", "it is not a whole URL"),
];

const ALLOWED: &str = "documents.test rebind.test inside.test metadata.test half.test mapped.test nat64.test 6to4.test \
    unique.local.test zero.test *.below.test";

/// Names that lead somewhere private.
fn inside(world: &World) -> Vec<String> {
    let names = [
        "inside.test=10.0.0.5:443",
        "metadata.test=169.254.169.254:443",
        "mapped.test=[::ffff:10.0.0.1]:443",
        "nat64.test=[64:ff9b::a00:5]:443",
        "6to4.test=[2002:7f00:1::]:443",
        "unique.local.test=[fd00:ec2::254]:443",
        "zero.test=0.0.0.0:443",
        "a.below.test=192.168.1.1:443",
    ];
    let half = format!("half.test={}+10.0.0.5:443", world.site.address);
    names.into_iter().map(str::to_owned).chain([half]).collect()
}

#[tokio::test]
async fn what_is_refused_opens_no_connection() {
    let world = World::new().await;
    let guard = world.guard(ALLOWED, &inside(&world));
    for (url, reason) in REFUSED {
        let refusal = match guard.get(url, &[]).await {
            Err(FetchError::Refused(refusal)) => refusal.to_string(),
            other => panic!("{url} is not refused: {other:?}"),
        };
        assert!(refusal.starts_with(reason), "{url}: {refusal}");
        assert_eq!((world.site.connections(), world.trap.connections()), (0, 0), "{url}");
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
    let guard = world.guard("", &inside(&world));
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
    let guard = world.guard(ALLOWED, &inside(&world));
    let relative = ["//127.0.0.1/", "//inside.test/", "\\\\inside.test/", "//localhost/"];
    // What is not ASCII cannot stand in a header, and what is no whole URL is relative to the page's.
    let absolute = REFUSED.iter().filter(|(_, reason)| *reason != "it is not a whole URL").map(|(url, _)| *url);
    for (count, location) in absolute.filter(|url| url.is_ascii() && !url.contains('\t')).chain(relative).enumerate() {
        let url = format!("https://documents.test/to?{location}");
        let error = guard.get(&url, &[]).await.expect_err("refused");
        assert!(matches!(error, FetchError::Redirected(_) | FetchError::Refused(_)), "{location}: {error:?}");
        assert_eq!((world.site.connections(), world.trap.connections()), (count + 1, 0), "{location}");
    }
}

fn redirect(asked: &Asked) -> Reply {
    let location = asked.path.strip_prefix("/to?").unwrap_or("/to?/");
    elsewhere(302, &location.replace("%5C", "\\"))
}
