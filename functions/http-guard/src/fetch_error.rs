//! Why there is no page.

use std::time::Duration;

use crate::target::Refusal;

/// Why there is no page. The texts hold hosts, never paths, queries or content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL, or where it redirected to, must not be asked. Nothing was.
    #[error("the URL is refused: {0}")]
    Refused(#[from] Refusal),
    /// The same of a redirect.
    #[error("the server redirects to a URL that is refused: {0}")]
    Redirected(Refusal),
    /// The name leads nowhere.
    #[error("the host `{0}` is not known")]
    Lookup(String),
    /// Nobody answers.
    #[error("`{0}` accepts no connection")]
    Connect(String),
    /// Not a certificate for this name from somebody trusted, or no common version of TLS.
    #[error("no secure connection to `{0}`: {1}")]
    Tls(String, String),
    /// The answer is not HTTP, or ended early.
    #[error("the response of `{0}` is incomplete: {1}")]
    Answer(String, String),
    /// The body is compressed in another way than gzip or brotli.
    #[error("`{0}` compressed its response in a way that the request did not offer")]
    Compressed(String),
    /// More bytes than allowed.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// More time than allowed.
    #[error("no complete response within {} seconds", .0.as_secs_f32())]
    Late(Duration),
    /// More redirects than allowed.
    #[error("it redirects more than {0} times")]
    TooManyRedirects(usize),
    /// A POST is not sent a second time, wherever the server says.
    #[error("`{0}` redirects a request that is not sent twice")]
    PostRedirected(String),
}

impl FetchError {
    /// The same error, of a URL that a server named.
    pub(crate) fn of_redirect(self) -> Self {
        match self {
            Self::Refused(refusal) => Self::Redirected(refusal),
            other => other,
        }
    }

    /// Whether the server may have got the request. `false` is certain; `true` says that nobody here knows.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(self, Self::Refused(_) | Self::Lookup(_) | Self::Connect(_) | Self::Tls(..))
    }

    /// Whether asking again later may help: the server could not be reached, or its answer was late or incomplete.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Lookup(_) | Self::Connect(_) | Self::Tls(..) | Self::Answer(..) | Self::Late(_))
    }
}
