//! The names of the variables that [`settings`](super) reads, each written once. Code that fills in variables, or lists them, names
//! them by these constants.

/// Name or ARN of the content table.
pub const TABLE: &str = "AGENT_CONTEXT_TABLE";
/// Seconds that contents are kept.
pub const CONTENT_TTL: &str = "LRAP_CONTENT_TTL";
/// Seconds that storing or reading may take.
pub const STORE_TIMEOUT: &str = "LRAP_STORE_TIMEOUT";
/// Bytes of contents to remember.
pub const CACHE_SIZE: &str = "LRAP_CACHE_SIZE";
/// The bucket for long contents.
pub const CONTENT_BUCKET: &str = "LRAP_CONTENT_BUCKET";
/// Bytes of a stored form above which a content goes to the bucket.
pub const S3_MIN_SIZE: &str = "LRAP_S3_MIN_SIZE";
/// The KMS key that encrypts what goes to the bucket.
pub const S3_KMS_KEY: &str = "LRAP_S3_KMS_KEY";
/// Whose certificates to trust.
pub const TLS_ROOTS: &str = "LRAP_TLS_ROOTS";

/// Megabytes that the function has.
pub const MEMORY_SIZE: &str = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE";
/// How the sandbox was initialized; `snap-start` means that a snapshot of it will be taken.
pub const INITIALIZATION_TYPE: &str = "AWS_LAMBDA_INITIALIZATION_TYPE";

/// The region.
pub const REGION: &str = "AWS_REGION";
/// The region, if the variable above is not set.
pub const DEFAULT_REGION: &str = "AWS_DEFAULT_REGION";
/// A URL in place of the table's own endpoint.
pub const ENDPOINT_DYNAMODB: &str = "AWS_ENDPOINT_URL_DYNAMODB";
/// A URL in place of the endpoint of the bucket.
pub const ENDPOINT_S3: &str = "AWS_ENDPOINT_URL_S3";
/// A URL in place of the endpoint of the signing keys' secret.
pub const ENDPOINT_SECRETS_MANAGER: &str = "AWS_ENDPOINT_URL_SECRETS_MANAGER";
/// A URL in place of every service's endpoint.
pub const ENDPOINT: &str = "AWS_ENDPOINT_URL";
/// Whether the four above are ignored.
pub const IGNORE_ENDPOINTS: &str = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS";
/// Whether to use FIPS endpoints.
pub const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
/// Whether to use endpoints for IPv4 and IPv6.
pub const DUAL_STACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";
/// A file with the only certificates to trust.
pub const CA_BUNDLE: &str = "AWS_CA_BUNDLE";

/// Credentials: the id of the key.
pub const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
/// Credentials: the key.
pub const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
/// Credentials: the session token of temporary keys.
pub const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";
/// Where a container's credentials are: a path at the address of ECS.
pub const CREDENTIALS_RELATIVE_URI: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
/// Where a container's credentials are: a URL.
pub const CREDENTIALS_FULL_URI: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
/// The authorization token for that endpoint.
pub const AUTHORIZATION_TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
/// A file that contains that token.
pub const AUTHORIZATION_TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Variables that are read in addition to our own, with the meaning that they have for Lambda and the AWS SDKs
/// (<https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>).
pub const AWS: [&str; 19] = [
    MEMORY_SIZE,
    INITIALIZATION_TYPE,
    REGION,
    DEFAULT_REGION,
    ENDPOINT_DYNAMODB,
    ENDPOINT_S3,
    ENDPOINT_SECRETS_MANAGER,
    ENDPOINT,
    IGNORE_ENDPOINTS,
    FIPS,
    DUAL_STACK,
    CA_BUNDLE,
    ACCESS_KEY_ID,
    SECRET_ACCESS_KEY,
    SESSION_TOKEN,
    CREDENTIALS_RELATIVE_URI,
    CREDENTIALS_FULL_URI,
    AUTHORIZATION_TOKEN,
    AUTHORIZATION_TOKEN_FILE,
];
