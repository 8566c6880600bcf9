//! Which hosts may be asked: a list of names and of patterns, or every public host.

use std::str::FromStr;

/// The hosts that may be asked. An IP address never is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AllowedHosts {
    /// Every name that leads to public addresses.
    AnyPublic,
    /// These, as long as they lead to public addresses.
    Listed(Vec<HostPattern>),
}

/// One entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostPattern {
    /// Exactly this name.
    Name(String),
    /// Every name below this one, at any depth, but not the name itself. Written `*.example.com`.
    Below(String),
}

/// An entry that is neither a name nor a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host: give names, or `*.example.com` for every name below example.com")]
pub struct NotAHost(String);

impl AllowedHosts {
    /// The hosts in a list, where a list without entries allows none.
    pub fn listed(text: &str) -> Result<Self, NotAHost> {
        entries(text).map(Self::Listed)
    }

    /// Of this list, the names that the other one has as well; its patterns are left out.
    #[must_use]
    pub fn among(self, other: &Self) -> Self {
        let Self::Listed(mut patterns) = self else { return other.clone() };
        patterns.retain(|pattern| matches!(pattern, HostPattern::Name(name) if other.allow(name)));
        Self::Listed(patterns)
    }

    /// Whether the list has this host, which is in lower case.
    pub fn allow(&self, host: &str) -> bool {
        match self {
            Self::AnyPublic => true,
            Self::Listed(patterns) => patterns.iter().any(|pattern| pattern.fits(host)),
        }
    }
}

impl FromStr for AllowedHosts {
    type Err = NotAHost;

    /// Entries separated by commas or white space; without any, every public host is allowed.
    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let patterns = entries(text)?;
        Ok(if patterns.is_empty() { Self::AnyPublic } else { Self::Listed(patterns) })
    }
}

fn entries(text: &str) -> Result<Vec<HostPattern>, NotAHost> {
    let entries = text.split([',', ' ', '\t', '\n']).filter(|entry| !entry.is_empty());
    entries.map(HostPattern::from_str).collect()
}

impl HostPattern {
    fn fits(&self, host: &str) -> bool {
        match self {
            Self::Name(name) => host == name,
            Self::Below(parent) => {
                host.strip_suffix(parent).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
            }
        }
    }
}

impl FromStr for HostPattern {
    type Err = NotAHost;

    fn from_str(entry: &str) -> Result<Self, NotAHost> {
        let lower = entry.to_ascii_lowercase();
        let parent = lower.strip_prefix("*.");
        let name = parent.unwrap_or(&lower).to_owned();
        if !is_name(&name) {
            return Err(NotAHost(entry.to_owned()));
        }
        Ok(if parent.is_some() { Self::Below(name) } else { Self::Name(name) })
    }
}

/// At least two labels of letters, digits and hyphens, the last with a letter: neither an address nor a whole top-level domain.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let (_, last) = text.rsplit_once('.').unwrap_or_default();
    text.split('.').all(is_label) && last.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(list: &str, host: &str) -> bool {
        list.parse::<AllowedHosts>().expect("a list").allow(host)
    }

    #[test]
    fn an_empty_list_allows_every_public_host() {
        assert_eq!(" , ".parse(), Ok(AllowedHosts::AnyPublic));
        assert!(allow("", "example.com"));
    }

    #[test]
    fn an_empty_list_of_those_allowed_allows_none() {
        let listed = |text| AllowedHosts::listed(text).expect("a list");
        assert!(!listed(" , ").allow("example.com"));
        assert!(listed("example.com").allow("example.com") && !listed("example.com").allow("example.org"));
    }

    #[test]
    fn a_list_is_narrowed_by_another() {
        let fixed = || AllowedHosts::listed("api.weather.gov, example.com").expect("a list");
        let narrowed = fixed().among(&AllowedHosts::listed("*.weather.gov").expect("a list"));
        assert!(
            narrowed.allow("api.weather.gov") && !narrowed.allow("example.com") && !narrowed.allow("a.weather.gov")
        );
        assert!(!fixed().among(&AllowedHosts::listed("").expect("a list")).allow("api.weather.gov"));
        assert_eq!(fixed().among(&AllowedHosts::AnyPublic), fixed());
    }

    #[test]
    fn a_name_is_that_name_only() {
        assert!(allow("api.weather.gov, Example.com", "example.com"));
        for other in ["weather.gov", "xapi.weather.gov", "a.api.weather.gov", "api.weather.gov.evil.example"] {
            assert!(!allow("api.weather.gov", other), "{other}");
        }
    }

    #[test]
    fn a_pattern_is_what_stands_below() {
        assert!(allow("*.example.com", "a.example.com") && allow("*.example.com", "b.a.example.com"));
        for other in ["example.com", "evilexample.com", ".example.com", "a.example.com.evil.example"] {
            assert!(!allow("*.example.com", other), "{other}");
        }
    }

    #[test]
    fn what_is_no_host_is_a_mistake() {
        let wrong =
            ["*", "*.com", "a.*.com", "https://a.example", "a.example:443", "10.0.0.1", "[::1]", "a..b", "exämple.com"];
        for entry in wrong {
            assert_eq!(entry.parse::<AllowedHosts>(), Err(NotAHost(entry.to_owned())));
        }
    }
}
