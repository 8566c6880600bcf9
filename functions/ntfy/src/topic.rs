//! Where notifications go: a server and a topic, which together are a secret.

use reqwest::Url;
use std::fmt;
use std::str::FromStr;

/// <https://docs.ntfy.sh/publish/#public-topics>: letters, digits, underscores and hyphens.
const LONGEST_NAME: usize = 64;

/// A topic of an ntfy server, read from its URL, such as `https://ntfy.sh/my-topic`. Its text shows the server only.
#[derive(Clone, PartialEq, Eq)]
pub struct Topic {
    server: Url,
    name: String,
}

/// Why a text is not the URL of a topic. It never quotes the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotATopic {
    /// It cannot be read as a URL.
    #[error("it is not a URL")]
    NotAUrl,
    /// What is sent could be read on its way.
    #[error("it must begin with https:// (http:// is only for this machine)")]
    NotEncrypted,
    /// There is more or less than a server and one topic in it.
    #[error("it must be a server and a topic and nothing else, such as https://ntfy.sh/my-topic")]
    NotServerAndTopic,
}

impl Topic {
    /// Where JSON is published: the server without the topic, which is in the JSON.
    pub(crate) fn server(&self) -> &Url {
        &self.server
    }

    /// The secret.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

impl FromStr for Topic {
    type Err = NotATopic;

    fn from_str(text: &str) -> Result<Self, NotATopic> {
        let mut server = Url::parse(text).map_err(|_| NotATopic::NotAUrl)?;
        if server.scheme() != "https" && !is_on_this_machine(&server) {
            return Err(NotATopic::NotEncrypted);
        }
        let name = server.path().trim_start_matches('/').to_owned();
        let has_more = server.query().is_some() || server.fragment().is_some() || has_credentials(&server);
        if has_more || !is_name(&name) {
            return Err(NotATopic::NotServerAndTopic);
        }
        server.set_path("/");
        Ok(Self { server, name })
    }
}

fn is_on_this_machine(server: &Url) -> bool {
    server.scheme() == "http" && matches!(server.host_str(), Some("127.0.0.1" | "localhost"))
}

fn has_credentials(server: &Url) -> bool {
    !server.username().is_empty() || server.password().is_some()
}

fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(allowed)
}

/// The server only.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[redacted]", self.server)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_server_and_a_name() {
        let topic: Topic = "https://ntfy.example/my_Topic-1".parse().unwrap();
        assert_eq!((topic.server().as_str(), topic.name()), ("https://ntfy.example/", "my_Topic-1"));
        assert!("http://127.0.0.1:8080/t".parse::<Topic>().is_ok());
    }

    #[test]
    fn what_is_printed_does_not_show_the_topic() {
        let topic: Topic = "https://ntfy.example/secret".parse().unwrap();
        assert_eq!(topic.to_string(), "https://ntfy.example/[redacted]");
        assert_eq!(format!("{topic:?}"), "Topic(https://ntfy.example/[redacted])");
    }

    #[test]
    fn other_texts_are_refused_without_a_quote() {
        for (text, reason) in [
            ("secret", NotATopic::NotAUrl),
            ("http://ntfy.example/secret", NotATopic::NotEncrypted),
            ("http://127.0.0.1.example/secret", NotATopic::NotEncrypted),
            ("ftp://ntfy.example/secret", NotATopic::NotEncrypted),
            ("https://ntfy.example", NotATopic::NotServerAndTopic),
            ("https://ntfy.example/secret/more", NotATopic::NotServerAndTopic),
            ("https://ntfy.example/secret?auth=x", NotATopic::NotServerAndTopic),
            ("https://ntfy.example/secret#x", NotATopic::NotServerAndTopic),
            ("https://me:secret@ntfy.example/secret", NotATopic::NotServerAndTopic),
            ("https://ntfy.example/secr%65t", NotATopic::NotServerAndTopic),
        ] {
            let error = text.parse::<Topic>().expect_err(text);
            assert_eq!(error, reason, "{text}");
            assert!(!error.to_string().contains("secret"));
        }
        assert!(format!("https://ntfy.example/{}", "a".repeat(65)).parse::<Topic>().is_err());
    }
}
