//! The account that everything on this machine belongs to.

/// The account that ARNs name.
pub(crate) const ACCOUNT: &str = "123456789012";
