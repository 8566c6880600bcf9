//! The settings for signing, from variables: the keys, or where their secret is. No other file reads these variables.

use super::secret::{SecretArn, SecretSettings};
use crate::keys::Keyring;
use crate::store::dynamodb::Connections;
use crate::store::settings::variables::Variables;
use crate::store::settings::{names, service_access};

/// The keys themselves.
pub const SIGNING_KEY: &str = "LRAP_SIGNING_KEY";
/// The ARN of the secret that holds them.
pub const SIGNING_SECRET: &str = "LRAP_SIGNING_SECRET_ARN";

/// What the variables say about signing.
#[derive(Debug, Clone, Default)]
pub struct SigningSettings {
    /// The keys in the variable; none by default.
    pub keys: Keyring,
    /// The secret that contains the keys instead.
    pub secret: Option<SecretSettings>,
}

impl SigningSettings {
    /// Reads them. The secret is reached over the `connections` of the store, since both are in one process.
    pub fn read(variables: &mut Variables<'_>, connections: &Connections) -> Self {
        Self { keys: keys(variables), secret: secret(variables, connections) }
    }

    /// Whether references are signed.
    pub fn signs(&self) -> bool {
        self.secret.is_some() || !self.keys.is_empty()
    }
}

/// Messages about wrong keys do not quote them.
fn keys(variables: &mut Variables<'_>) -> Keyring {
    let Some(text) = variables.text(SIGNING_KEY) else { return Keyring::default() };
    if variables.is_set(SIGNING_SECRET) {
        variables.unfit(SIGNING_KEY, format!("and {SIGNING_SECRET} are both set; set one"));
    }
    text.parse().unwrap_or_else(|error| {
        variables.unfit(SIGNING_KEY, format!("{error}"));
        Keyring::default()
    })
}

fn secret(variables: &mut Variables<'_>, connections: &Connections) -> Option<SecretSettings> {
    let text = variables.text(SIGNING_SECRET)?;
    let arn = text.parse::<SecretArn>().map_err(|error| variables.unfit(SIGNING_SECRET, error.to_string())).ok()?;
    let access = service_access(variables, names::ENDPOINT_SECRETS_MANAGER, arn.region(), connections.clone());
    Some(SecretSettings { arn, access })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::settings::variables::Mistakes;
    use std::ffi::OsStr;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:lrap-a1b2c3";

    fn read(given: &[(&str, &str)]) -> Result<SigningSettings, Mistakes> {
        let find = |name: &str| given.iter().find(|(given, _)| *given == name);
        let mut variables = Variables::new(|name| find(name).map(|(_, value)| OsStr::new(*value)));
        let settings = SigningSettings::read(&mut variables, &Connections::default());
        variables.checked_whole(settings)
    }

    #[test]
    fn without_keys_nothing_is_signed() {
        assert!(!read(&[]).unwrap().signs());
    }

    #[test]
    fn keys_are_given_or_in_a_secret() {
        let given = read(&[("LRAP_SIGNING_KEY", "a-hush-hush-key-of-some-length the-hush-hush-previous-one")]).unwrap();
        assert_eq!((given.keys.len(), given.secret.is_none(), given.signs()), (2, true, true));
        assert!(!format!("{given:?}").contains("hush"));
        let read = read(&[("LRAP_SIGNING_SECRET_ARN", ARN), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://here")]);
        let read = read.unwrap();
        assert!(read.signs());
        let secret = read.secret.unwrap();
        assert_eq!((secret.arn.region(), secret.access.endpoint.as_deref()), ("eu-west-1", Some("http://here")));
    }

    #[test]
    fn a_mistake_names_the_variable_and_quotes_no_key() {
        for (given, said) in [
            (&[("LRAP_SIGNING_KEY", "hush")][..], "LRAP_SIGNING_KEY holds a key of fewer than 16 bytes"),
            (&[("LRAP_SIGNING_KEY", "  ")], "LRAP_SIGNING_KEY holds no key"),
            (
                &[("LRAP_SIGNING_SECRET_ARN", "lrap")],
                "LRAP_SIGNING_SECRET_ARN is not the ARN of a Secrets Manager secret",
            ),
            (
                &[("LRAP_SIGNING_KEY", "a-hush-hush-key-of-some-length"), ("LRAP_SIGNING_SECRET_ARN", ARN)],
                "LRAP_SIGNING_KEY and LRAP_SIGNING_SECRET_ARN are both set; set one",
            ),
        ] {
            assert_eq!(read(given).unwrap_err().to_string(), said);
        }
    }
}
