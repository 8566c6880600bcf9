//! What somebody may try in order to reach what is private, as a table: what fetches URLs of others is held against it.

use super::Site;

/// A URL, and the beginning of the reason for which it is refused.
pub const REFUSED: &[(&str, &str)] = &[
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
    ("https://dοcuments.test/", "its host is not in its normalised spelling, `xn--dcuments-zdg.test`"),
    ("https://ｄocuments.test/", "its host is not in its normalised spelling, `documents.test`"),
    ("https://ⓓocuments.test/", "its host is not in its normalised spelling, `documents.test`"),
    ("https://documents。test/", "its host is not in its normalised spelling, `documents.test`"),
    ("https://documents%2etest/", "its host is not in its normalised spelling, `documents.test`"),
    ("https://docu\tments.test/", "its host is not in its normalised spelling, `documents.test`"),
    ("https:\\\\documents.test/", "its host is not in its normalised spelling, `documents.test`"),
    ("https:documents.test/", "its host is not in its normalised spelling, `documents.test`"),
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

/// The value of `ALLOWED_HOSTS` that the table supposes.
pub const ALLOWED: &str = "documents.test rebind.test inside.test metadata.test half.test mapped.test nat64.test 6to4.test \
    unique.local.test zero.test *.below.test";

/// Addresses that must never be reached. The trap listens at each of them, on the ports that the table names.
const FORBIDDEN: [&str; 16] = [
    "127.0.0.1:443",
    "127.0.0.1:80",
    "127.0.0.1:8443",
    "[::1]:443",
    "[::ffff:10.0.0.1]:443",
    "[::ffff:a00:5]:443",
    "[fd00:ec2::254]:443",
    "[64:ff9b::a00:5]:443",
    "[2002:7f00:1::]:443",
    "0.0.0.0:443",
    "10.0.0.1:443",
    "10.0.0.5:443",
    "100.64.0.1:443",
    "169.254.169.254:443",
    "169.254.169.254:80",
    "192.168.1.1:443",
];

/// The entries of `TEST_ENDPOINTS` that put a trap behind every address that must not be reached.
pub fn trapped(trap: &Site) -> Vec<String> {
    FORBIDDEN.iter().map(|address| trap.named(address)).collect()
}

/// The entries for the table's names, all of which lead somewhere private. One leads to `site` as well.
pub fn inside(site: &Site) -> Vec<String> {
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
    let half = format!("half.test={}+10.0.0.5:443", site.address);
    names.into_iter().map(str::to_owned).chain([half]).collect()
}
