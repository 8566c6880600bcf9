//! Which version this is, of the extension and of the tool for operators.

/// The workspace's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this was built from, which only `layer/build` vouches for.
pub const COMMIT: Option<&str> = option_env!("LRAP_BUILD_ID");

/// The commit, or that there is none to vouch for.
pub fn build() -> &'static str {
    COMMIT.unwrap_or("local build")
}
