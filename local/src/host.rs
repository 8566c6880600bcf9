//! What all functions have in common: where they log, what they inherit, and where services are.

use crate::log::Logs;
use crate::mark::Mark;
use std::collections::BTreeMap;
use std::ffi::OsString;
use tokio::sync::watch;

/// What all functions share.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    pub(crate) logs: Logs,
    pub(crate) inherited: Inherited,
    pub(crate) table_endpoint: String,
    /// Where every AWS service is served that is neither Lambda nor `DynamoDB`.
    pub(crate) other_services: Option<String>,
    /// Where every AWS service is served, these two included.
    pub(crate) every_service: Option<String>,
    /// What every function gets of variables, under its own.
    pub(crate) variables: BTreeMap<String, String>,
    /// Marks every process of this lambda-local.
    pub(crate) mark: Mark,
    pub(crate) closing: watch::Receiver<bool>,
}

impl Host {
    /// The same for functions of another region.
    pub(crate) fn in_region(&self, region: &str) -> Self {
        let mut host = self.clone();
        region.clone_into(&mut host.inherited.region);
        host
    }

    /// Waits until lambda-local shuts down.
    pub(crate) async fn closed(&self) {
        // Without its sender, everything is being dropped.
        drop(self.closing.clone().wait_for(|closing| *closing).await);
    }

    pub(crate) fn is_closing(&self) -> bool {
        *self.closing.borrow() || self.closing.has_changed().is_err()
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        Self {
            logs: Logs::print(),
            inherited: Inherited::read(),
            table_endpoint: "http://127.0.0.1:1".to_owned(),
            other_services: None,
            every_service: None,
            variables: BTreeMap::new(),
            mark: Mark::new(),
            closing: watch::channel(false).1,
        }
    }
}

/// What functions inherit from this process.
#[derive(Clone, Debug)]
pub(crate) struct Inherited {
    pub(crate) path: OsString,
    pub(crate) region: String,
    /// The access key: this process's own, or one that is good for the local table only.
    pub(crate) credentials: BTreeMap<String, String>,
}

impl Inherited {
    /// Reads this process's environment.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads this process's environment")]
    pub(crate) fn read() -> Self {
        Self::from(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from(lookup: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            path: lookup("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".to_owned()).into(),
            region: lookup("AWS_REGION")
                .or_else(|| lookup("AWS_DEFAULT_REGION"))
                .unwrap_or_else(|| "us-east-1".to_owned()),
            credentials: credentials(lookup),
        }
    }
}

fn credentials(lookup: impl Fn(&str) -> Option<String>) -> BTreeMap<String, String> {
    const NAMES: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];
    let own: BTreeMap<_, _> = NAMES.iter().filter_map(|name| Some(((*name).to_owned(), lookup(name)?))).collect();
    if own.contains_key(NAMES[0]) && own.contains_key(NAMES[1]) {
        return own;
    }
    NAMES.iter().map(|name| ((*name).to_owned(), "local".to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_pair_is_none() {
        let half = Inherited::from(|name| (name == "AWS_ACCESS_KEY_ID").then(|| "AKIA".to_owned())).credentials;
        assert_eq!(half["AWS_ACCESS_KEY_ID"], "local");
        let whole = Inherited::from(|name| (name != "AWS_SESSION_TOKEN").then(|| "own".to_owned())).credentials;
        assert_eq!(whole["AWS_SECRET_ACCESS_KEY"], "own");
        assert!(!whole.contains_key("AWS_SESSION_TOKEN"));
    }
}
