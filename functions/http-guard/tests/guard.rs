//! A guard, a site that it may ask, and a trap: every address that must not be reached leads there, and it counts.

use std::time::Duration;

use http_guard::{AllowedHosts, Guard, Limits, Network};

use crate::site::attacks::trapped;
use crate::site::{Asked, Authority, Reply, Site, page};

pub const LIMITS: Limits = Limits { bytes: 1 << 20, time: Duration::from_secs(10), redirects: 3 };

/// The world of one test.
pub struct World {
    pub authority: Authority,
    /// `documents.test`, with a different page at every path but `/to?…`, which redirects.
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
        let entries = [&[self.site.named("documents.test")], &trapped(&self.trap)[..], endpoints].concat().join(",");
        let variable = |name: &str| match name {
            "TEST_ENDPOINTS" => Some(entries.clone()),
            "TEST_CA_FILE" => Some(self.authority.path()),
            _ => None,
        };
        let network = Network::from_variables(variable).expect("a network");
        Guard::new(network, hosts.parse::<AllowedHosts>().expect("hosts"), limits)
    }
}
