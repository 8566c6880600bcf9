//! Where the functions are, as they are shipped.

use std::path::PathBuf;

/// The folders of their programs and zips.
#[derive(Debug, Clone)]
pub(crate) struct Shipped {
    /// Holds each program by its function's name.
    pub(crate) programs: PathBuf,
    /// Holds `NAME.zip`.
    pub(crate) zips: PathBuf,
}
