//! One invocation of the function, for those who answer its requests.

use std::time::Instant;

use functions_content::Asking;

/// On whose behalf a request is answered, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) until: Instant,
    pub(crate) tenant: Option<String>,
    /// Whether the client gets what is written before the response is complete.
    pub(crate) streams: bool,
}

impl Invocation {
    /// The same for the content table.
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking { tenant: self.tenant.as_deref(), until: self.until }
    }
}
