//! What goes wrong with the content table.

use dynoxide::DynoxideError;

/// Why the content table could not be started or asked.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The database refused; its file cannot be opened, or the request is not valid.
    #[error("content table: {0}")]
    Database(#[from] DynoxideError),
    /// The port cannot be listened on.
    #[error("content table: cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// Something that is not an item in DynamoDB JSON (`{"id":{"S":"…"}}`).
    #[error("content table: not an item in DynamoDB JSON: {0}")]
    Item(#[from] serde_json::Error),
    /// The thread that asked the database ended.
    #[error("content table: {0}")]
    Ended(#[from] tokio::task::JoinError),
}
