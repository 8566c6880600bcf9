//! How a token is asked for: the two grants of OAuth 2.0 that need no browser.

use secrets::Secret;

/// What is given in exchange for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// Resource owner password credentials (RFC 6749, section 4.3).
    Password {
        /// Of the person in whose name is asked.
        username: Secret,
        /// Theirs.
        password: Secret,
        /// The client, where the service wants to know it.
        client_id: Option<Secret>,
        /// Its secret, where it has one.
        client_secret: Option<Secret>,
        /// What the token is for.
        scope: Option<String>,
    },
    /// Client credentials (RFC 6749, section 4.4).
    ClientCredentials {
        /// The client.
        client_id: Secret,
        /// Its secret.
        client_secret: Secret,
        /// What the token is for.
        scope: Option<String>,
    },
}

impl Grant {
    /// The request's body, as a form.
    pub(crate) fn form(&self) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.fields().into_iter().filter_map(|(name, value)| Some((name, value?))) {
            form.append_pair(name, value);
        }
        form.finish()
    }

    fn fields(&self) -> Vec<(&'static str, Option<&str>)> {
        match self {
            Self::Password { username, password, client_id, client_secret, scope } => vec![
                ("grant_type", Some("password")),
                ("username", Some(username.expose())),
                ("password", Some(password.expose())),
                ("client_id", client_id.as_ref().map(Secret::expose)),
                ("client_secret", client_secret.as_ref().map(Secret::expose)),
                ("scope", scope.as_deref()),
            ],
            Self::ClientCredentials { client_id, client_secret, scope } => vec![
                ("grant_type", Some("client_credentials")),
                ("client_id", Some(client_id.expose())),
                ("client_secret", Some(client_secret.expose())),
                ("scope", scope.as_deref()),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_spelt_as_a_form_and_never_printed() {
        let grant = Grant::Password {
            username: "me@example.com".into(),
            password: "a&b=c".into(),
            client_id: Some("js1".into()),
            client_secret: None,
            scope: Some("onlinereservation".to_owned()),
        };
        let form =
            "grant_type=password&username=me%40example.com&password=a%26b%3Dc&client_id=js1&scope=onlinereservation";
        assert_eq!(grant.form(), form);
        assert!(!format!("{grant:?}").contains("a&b"), "{grant:?}");
    }
}
