//! Who asks, as servers are told. Not in `action.rs`, which names the golf provider, which asks too.

/// What a server is told about who asks. The weather service wants an application's name.
pub(crate) const USER_AGENT: &str = concat!("lrap-tool/", env!("CARGO_PKG_VERSION"));
