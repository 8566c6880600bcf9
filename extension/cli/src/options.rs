//! Options that several commands take.

use std::ffi::OsString;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

// No documentation here: it would become that of the program.
#[derive(Debug, Default, Args)]
pub(crate) struct Common {
    /// Print one JSON document instead of text, errors included
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The content table, in place of AGENT_CONTEXT_TABLE
    #[arg(long, global = true, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) table: Option<String>,
    /// The region, in place of AWS_REGION
    #[arg(long, global = true, value_name = "REGION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) region: Option<String>,
    /// The endpoint of DynamoDB, in place of AWS_ENDPOINT_URL_DYNAMODB
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) endpoint_url: Option<String>,
}

// As above: of every command that reads or writes contents.
#[derive(Debug, Default, Args)]
pub(crate) struct Tenant {
    /// The tenant that the contents belong to, if the functions have tenant isolation
    #[arg(long = "tenant", value_name = "ID")]
    pub(crate) id: Option<OsString>,
}
