//! Decides: where a document sends its calls, and whether a credential may go there.

use super::row::ToolRow;
use crate::control::OAuthUse;
use crate::identity;
use functions_shared::Refusal;
use http_guard::{AllowedHosts, Target};
use openapi::Document;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::str::FromStr;

/// Of a document with more, the row holds a hash of them all.
const MOST_HOSTS: usize = 100;
/// Of the URL of a server without a plain host.
const LONGEST_SHOWN: usize = 100;

/// The hosts of all servers that a document names anywhere.
pub(super) fn hosts(document: &Document) -> Vec<String> {
    let mut hosts = BTreeSet::new();
    collect(document.value(), &mut hosts);
    let hosts = Vec::from_iter(hosts);
    if hosts.len() <= MOST_HOSTS { hosts } else { vec![unlisted(&format!("{} hosts", hosts.len()), &hosts.into())] }
}

/// Servers may be those of the document, a path, an operation, or of what a reference leads to. What only looks like one costs a
/// refusal at most.
fn collect(value: &Value, hosts: &mut BTreeSet<String>) {
    match value {
        Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, hosts)),
        Value::Object(members) => {
            let servers = members.get("servers").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            hosts.extend(servers.iter().chain(members.get("server")).filter_map(host));
            members.values().for_each(|member| collect(member, hosts));
        }
        _ => {}
    }
}

/// A host as lists of hosts spell it, or, because of its scheme, its port, or a variable in it, none that is in a list.
fn host(server: &Value) -> Option<String> {
    let url = server["url"].as_str()?;
    let target = Target::parse(url, &AllowedHosts::AnyPublic).ok();
    let plain = target.map(|target| target.host().to_owned()).filter(|host| !host.contains(['{', '}']));
    Some(plain.unwrap_or_else(|| unlisted(url, server)))
}

/// A text that no list of hosts allows, and that stands for this value alone.
fn unlisted(what: &str, value: &Value) -> String {
    let shown: String = what.chars().take(LONGEST_SHOWN).collect();
    format!("{shown} ({})", &identity::digest(value)[..32])
}

/// Of these hosts, one that the tool's key was not given for.
pub(super) fn foreign<'a>(row: &ToolRow, hosts: &'a [String]) -> Option<&'a str> {
    hosts.iter().find(|host| !row.hosts.contains(host)).map(String::as_str)
}

/// The hosts that get tokens of each `OAuth2` provider: `corporate=api.example.com,*.corp.example,partner=partner.example`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenHosts(HashMap<String, AllowedHosts>);

impl TokenHosts {
    /// Refuses tokens for any other host.
    pub(super) fn check(&self, usage: &OAuthUse, hosts: &[String]) -> Result<(), Refusal> {
        let refused = |reason: &str| Err(Refusal::invalid("auth.provider_name", reason));
        let Some(allowed) = self.0.get(&usage.provider_name) else {
            return refused("is not among the providers in OAuthProviderHosts of the stack");
        };
        if hosts.is_empty() {
            return refused(
                "cannot be used: it is not known which servers the tool has; give a document that names them",
            );
        }
        match hosts.iter().find(|host| !allowed.allow(host)) {
            Some(host) => {
                refused(&format!("is not for {host}: OAuthProviderHosts of the stack does not name this host"))
            }
            None => Ok(()),
        }
    }
}

impl FromStr for TokenHosts {
    type Err = String;

    /// A word with `=` begins a provider; the words behind it are further hosts.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lists: HashMap<&str, String> = HashMap::new();
        let mut provider = None;
        for word in text.split([',', ' ', '\t', '\n']).filter(|word| !word.is_empty()) {
            let (name, host) = match word.split_once('=') {
                Some((name, host)) => (*provider.insert(name), host),
                None => (provider.ok_or("it must begin with provider=host")?, word),
            };
            let hosts = lists.entry(name).or_default();
            hosts.push(' ');
            hosts.push_str(host);
        }
        let list = |(name, hosts): (&str, String)| Ok((name.to_owned(), AllowedHosts::listed(&hosts)?));
        let lists = lists.into_iter().map(list).collect::<Result<_, http_guard::NotAHost>>();
        lists.map(Self).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(document: &Value) -> Vec<String> {
        let mut hosts = BTreeSet::new();
        collect(document, &mut hosts);
        hosts.into_iter().collect()
    }

    fn usage(provider_name: &str) -> OAuthUse {
        OAuthUse { provider_name: provider_name.to_owned(), provider_arn: None, scopes: vec![] }
    }

    fn lists(text: &str) -> TokenHosts {
        text.parse().expect("lists of hosts")
    }

    #[test]
    fn servers_of_every_place_count() {
        let server = |host: &str| json!([{ "url": format!("https://{host}/v1") }]);
        let link = json!({ "server": { "url": "https://d.example" } });
        let operation =
            json!({ "servers": server("c.example"), "responses": { "200": { "links": { "next": link } } } });
        let document = json!({
            "servers": server("A.example"), "x-items": { "one": { "servers": server("e.example") } },
            "paths": { "/a": { "servers": server("b.example"), "get": operation } },
        });
        assert_eq!(of(&document), ["a.example", "b.example", "c.example", "d.example", "e.example"]);
    }

    #[test]
    fn a_server_without_a_plain_host_is_in_no_list_and_equals_only_itself() {
        let all = lists("corporate=*.b.example");
        for url in [
            "https://{any}.b.example/",
            "https://a.{any}.b.example/",
            "{scheme}://a.b.example/",
            "http://a.b.example/",
            "https://a.b.example:8443/",
            "https://evil.test\\@a.b.example/",
            "https://a.b.example@evil.test/",
            "/relative",
        ] {
            let strange = of(&json!({ "servers": [{ "url": url }] }));
            assert!(strange.len() == 1 && all.check(&usage("corporate"), &strange).is_err(), "{url}: {strange:?}");
        }
        let with = |value: &str| {
            of(&json!({ "servers": [{ "url": "https://{a}.b.example/", "variables": { "a": { "default": value } } }] }))
        };
        assert!(with("a") == with("a") && with("a") != with("evil.test/"));
        assert_eq!(of(&json!({ "servers": [{ "url": "https://a.example/{version}" }] })), ["a.example"]);
    }

    #[test]
    fn tokens_go_to_the_hosts_of_their_provider_alone() {
        let lists = lists("corporate=a.example *.b.example, partner=c.example,d.example none=");
        let is_for = |provider: &str, host: &str| lists.check(&usage(provider), &[host.to_owned()]).is_ok();
        for (provider, host) in [("corporate", "a.example"), ("corporate", "x.b.example"), ("partner", "d.example")] {
            assert!(is_for(provider, host), "{provider} {host}");
        }
        for (provider, host) in
            [("corporate", "c.example"), ("partner", "a.example"), ("other", "a.example"), ("none", "a.example")]
        {
            assert!(!is_for(provider, host), "{provider} {host}");
        }
        let both = ["a.example".to_owned(), "evil.test".to_owned()];
        assert!(lists.check(&usage("corporate"), &both).is_err() && lists.check(&usage("corporate"), &[]).is_err());
    }

    #[test]
    fn lists_that_are_none_are_refused() {
        for text in ["a.example", "corporate=https://a.example", "corporate=10.0.0.1"] {
            assert!(text.parse::<TokenHosts>().is_err(), "{text}");
        }
        assert_eq!(" , ".parse(), Ok(TokenHosts::default()));
    }
}
