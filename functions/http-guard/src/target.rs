//! What a URL must be before anything is looked up: pure rules, each with its own reason that a model can read.

use url::{Host, Url};

use crate::hosts::AllowedHosts;

/// Longer URLs are not asked for; servers take less.
const LONGEST: usize = 8 << 10;

/// Names that belong to one machine or one network, wherever they are asked (RFC 6761, RFC 6762, RFC 8375, ICANN for `internal`).
const LOCAL_DOMAINS: [&str; 6] = ["localhost", "local", "localdomain", "internal", "intranet", "home.arpa"];

/// A URL that may be asked for, as far as its text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
    host: String,
}

/// Why a URL is not asked for. No connection was opened for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a URL, or one without a host.
    #[error("it is not a whole URL: {0}")]
    NotAUrl(String),
    /// Longer than any server takes.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// Another scheme than `https`.
    #[error("only https:// is fetched, not {0}:")]
    Scheme(String),
    /// `https://user:password@…`.
    #[error("it holds user info in front of the host")]
    UserInfo,
    /// Another port than 443.
    #[error("only port 443 is allowed, not {0}")]
    Port(u16),
    /// An IP address, in whatever spelling.
    #[error("its host is the IP address {0}; a name is needed")]
    Address(std::net::IpAddr),
    /// The host's name ends in a dot.
    #[error("its host ends in a dot")]
    TrailingDot,
    /// The host is spelt in a way that means another one: full-width letters, percent escapes, and their like.
    #[error("its host is not in its normalised spelling, `{0}`; use that spelling if you mean this host")]
    Disguised(String),
    /// A name that every network has its own of.
    #[error("`{0}` is a name of a local network")]
    Local(String),
    /// Not in the list.
    #[error("`{0}` is not among the hosts that may be asked")]
    NotAllowed(String),
    /// The name leads to an address that not everybody could reach. Which one is not said: the answer goes to the caller.
    #[error("`{0}` leads to an address that is not public")]
    Private(String),
    /// The call has credentials, and they are not for the URL's host.
    #[error("its credentials are for `{of}`, not for `{host}`")]
    ForeignSecret {
        /// Whose they are.
        of: String,
        /// The URL's host.
        host: String,
    },
}

impl Target {
    /// Checks a URL as somebody wrote it.
    pub fn parse(text: &str, allowed: &AllowedHosts) -> Result<Self, Refusal> {
        let text = text.trim();
        if text.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        let mut url = Url::parse(text).map_err(|error| Refusal::NotAUrl(error.to_string()))?;
        url.set_fragment(None);
        check_scheme(&url)?;
        check_authority(&url, text)?;
        let host = name_of(&url)?;
        check_spelling(text, &host)?;
        check_name(&host, allowed)?;
        Ok(Self { url, host })
    }

    /// Where a `Location` leads from here, checked like any other URL.
    pub(crate) fn redirected(&self, location: &str, allowed: &AllowedHosts) -> Result<Self, Refusal> {
        if Url::parse(location).is_ok() {
            return Self::parse(location, allowed);
        }
        let joined = self.url.join(location).map_err(|error| Refusal::NotAUrl(error.to_string()))?;
        Self::parse(joined.as_str(), allowed)
    }

    /// The host's name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The whole URL, without a fragment.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Path and query, as a request line has them.
    pub(crate) fn origin_form(&self) -> &str {
        &self.url[url::Position::BeforePath..url::Position::AfterQuery]
    }
}

fn check_scheme(url: &Url) -> Result<(), Refusal> {
    if url.scheme() == "https" { Ok(()) } else { Err(Refusal::Scheme(url.scheme().to_owned())) }
}

fn check_authority(url: &Url, text: &str) -> Result<(), Refusal> {
    if authority(text).is_some_and(|authority| authority.contains('@')) || !url.username().is_empty() {
        return Err(Refusal::UserInfo);
    }
    match url.port() {
        Some(port) => Err(Refusal::Port(port)), // 443 is the scheme's own, and not told
        None => Ok(()),
    }
}

fn name_of(url: &Url) -> Result<String, Refusal> {
    match url.host() {
        Some(Host::Domain(name)) if name.ends_with('.') => Err(Refusal::TrailingDot),
        Some(Host::Domain(name)) => Ok(name.to_owned()),
        Some(Host::Ipv4(address)) => Err(Refusal::Address(address.into())),
        Some(Host::Ipv6(address)) => Err(Refusal::Address(address.into())),
        None => Err(Refusal::NotAUrl("it has no host".to_owned())),
    }
}

/// What a reader takes for the host must be the host. Browsers accept much else: backslashes, tabs, percent escapes, letters that
/// only look like others.
fn check_spelling(text: &str, host: &str) -> Result<(), Refusal> {
    let spelt = authority(text).map(|authority| authority.strip_suffix(":443").unwrap_or(authority));
    if spelt.is_some_and(|spelt| spelt.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(Refusal::Disguised(host.to_owned()))
}

fn check_name(host: &str, allowed: &AllowedHosts) -> Result<(), Refusal> {
    let is_in = |domain: &&str| host.strip_suffix(*domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if !host.contains('.') || LOCAL_DOMAINS.iter().any(is_in) {
        return Err(Refusal::Local(host.to_owned()));
    }
    if allowed.allow(host) { Ok(()) } else { Err(Refusal::NotAllowed(host.to_owned())) }
}

/// The text between `//` and the path, as it was written.
fn authority(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("://")?;
    rest.split(['/', '?', '#', '\\']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, Refusal> {
        Target::parse(text, &AllowedHosts::AnyPublic)
    }

    #[test]
    fn a_plain_address_is_asked_for_as_it_stands() {
        let target = parse(" https://Example.com:443/a%20b?c=d#e ").expect("a target");
        assert_eq!((target.host(), target.origin_form()), ("example.com", "/a%20b?c=d"));
        assert_eq!(target.as_str(), "https://example.com/a%20b?c=d");
        assert_eq!(parse("https://example.com").expect("a target").origin_form(), "/");
    }

    #[test]
    fn a_redirect_is_checked_like_any_other_url() {
        let target = parse("https://example.com/a/b").expect("a target");
        let redirected = |location: &str| target.redirected(location, &AllowedHosts::AnyPublic);
        assert_eq!(redirected("../c").expect("a target").as_str(), "https://example.com/c");
        assert_eq!(redirected("//example.org/").expect("a target").host(), "example.org");
        assert_eq!(redirected("http://example.com/"), Err(Refusal::Scheme("http".to_owned())));
        assert_eq!(redirected("//127.0.0.1/"), Err(Refusal::Address([127, 0, 0, 1].into())));
        assert_eq!(redirected("https://ex%61mple.com/"), Err(Refusal::Disguised("example.com".to_owned())));
    }

    #[test]
    fn a_url_has_an_end() {
        assert_eq!(parse(&format!("https://example.com/{}", "a".repeat(LONGEST))), Err(Refusal::TooLong));
    }
}
