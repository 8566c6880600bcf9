//! The client of the control API.

use aws_sdk_bedrockagentcorecontrol::Client;

/// The client. What it is asked is in files of their own, by what it is about.
#[derive(Clone, Debug)]
pub(crate) struct Control {
    pub(super) client: Client,
}

impl Control {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }
}
