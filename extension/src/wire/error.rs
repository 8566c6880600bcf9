//! The limits of a connection, and why a connection cannot be used any more.

/// Bytes that the head of a message may have: Lambda accepts an `XRay-Error-Cause` of 1 MiB.
pub const MAX_HEAD: usize = (1 << 20) + (128 << 10);

/// Fields that a message may have.
pub const MAX_FIELDS: usize = 128;

/// Bytes that are read before they are needed: enough for the longest response that Lambda accepts, with its head. One step
/// of reading more is possible.
pub const READ_AHEAD: usize = 8 << 20;

/// Why a connection cannot be used any more.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// I/O error.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It ended in the middle of a message.
    #[error("the connection was closed in the middle of a message")]
    Closed,
    /// The head is not one of HTTP/1.
    #[error("not HTTP/1: {0}")]
    NotHttp(#[from] httparse::Error),
    /// The end of the message is not defined, or defined in two ways.
    #[error("not HTTP/1: {0}")]
    Malformed(&'static str),
    /// The head is larger than [`MAX_HEAD`], or has more than [`MAX_FIELDS`] fields.
    #[error("a head of more than {MAX_HEAD} bytes or {MAX_FIELDS} fields")]
    HeadTooLarge,
    /// A client sent more than [`READ_AHEAD`] before it was answered.
    #[error("more than {READ_AHEAD} bytes after a request that has not been answered yet")]
    TooFarAhead,
}
