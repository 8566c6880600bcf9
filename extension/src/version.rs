//! The version of the extension and of the tool for operators.

/// The workspace's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that this was built from. Only builds by `layer/build` have it.
pub const COMMIT: Option<&str> = option_env!("LRAP_BUILD_ID");

/// The commit, or `local build` if it is unknown.
pub fn build() -> &'static str {
    COMMIT.unwrap_or("local build")
}
