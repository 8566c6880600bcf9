//! A guard, a site that it may ask, and a trap: every address that must not be reached leads there, and it counts.

use std::time::Duration;

use http_guard::{AllowedHosts, Guard, Limits, Network};

use crate::site::{Asked, Authority, Reply, Site, page};

pub const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(10), redirects: 3 };

/// Addresses that must never be reached. The trap stands behind each of them, on the ports that the table asks for.
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

/// The world of one test.
pub struct World {
    pub authority: Authority,
    /// `documents.test`, with a page of its own at every path but `/to?…`, which redirects.
    pub site: Site,
    pub trap: Site,
}

impl World {
    pub async fn new() -> Self {
        Self::answering(|_| page("text/plain", "public")).await
    }

    pub async fn answering(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let authority = Authority::new();
        let site = Site::start(&authority, "documents.test", answer).await;
        let trap = Site::start(&authority, "documents.test", |_| page("text/plain", "private")).await;
        Self { authority, site, trap }
    }

    /// A guard for `hosts` to which the names in `endpoints` are known besides `documents.test`.
    pub fn guard(&self, hosts: &str, endpoints: &[String]) -> Guard {
        self.guard_within(LIMITS, hosts, endpoints)
    }

    pub fn guard_within(&self, limits: Limits, hosts: &str, endpoints: &[String]) -> Guard {
        let trapped = FORBIDDEN.map(|address| self.trap.named(address));
        let entries = [&[self.site.named("documents.test")], &trapped[..], endpoints].concat().join(",");
        let variable = |name: &str| match name {
            "TEST_ENDPOINTS" => Some(entries.clone()),
            "TEST_CA_FILE" => Some(self.authority.path()),
            _ => None,
        };
        let network = Network::from_variables(variable).expect("a network");
        Guard::new(network, hosts.parse::<AllowedHosts>().expect("hosts"), limits)
    }
}
