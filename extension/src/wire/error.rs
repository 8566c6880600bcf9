//! What a connection bears, and why nothing more can be made of one.

/// Bytes that the head of a message may have: Lambda takes an `XRay-Error-Cause` of 1 MiB.
pub const MAX_HEAD: usize = (1 << 20) + (128 << 10);

/// Fields that a message may have.
pub const MAX_FIELDS: usize = 128;

/// Bytes that are read before they are needed, or a step more: a response as long as Lambda takes, and its head.
pub const READ_AHEAD: usize = 8 << 20;

/// Why nothing more can be made of a connection.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// As the kernel reports it.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It ended in the middle of a message.
    #[error("the connection was closed in the middle of a message")]
    Closed,
    /// The head is not one of HTTP/1.
    #[error("not HTTP/1: {0}")]
    NotHttp(#[from] httparse::Error),
    /// Where the message ends cannot be told, or can be told in two ways.
    #[error("not HTTP/1: {0}")]
    Malformed(&'static str),
    /// The head is larger than [`MAX_HEAD`], or has more than [`MAX_FIELDS`] fields.
    #[error("a head of more than {MAX_HEAD} bytes or {MAX_FIELDS} fields")]
    HeadTooLarge,
    /// A client sent more than [`READ_AHEAD`] before it was answered.
    #[error("more than {READ_AHEAD} bytes after a request that has not been answered yet")]
    TooFarAhead,
}
