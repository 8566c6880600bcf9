//! The settings of an [`S3Store`](super::S3Store).

use crate::placing::Placing;
use crate::store::dynamodb::ServiceAccess;
use crate::store::encoding;

/// Where the bucket is, how to reach it, and what goes there.
#[derive(Debug, Clone)]
pub struct BucketSettings {
    /// The bucket's name.
    pub bucket: String,
    /// The region in which the bucket is looked for first.
    pub region: String,
    /// Contents whose stored form has more bytes than this are stored in it; others stay in the table.
    pub min_size: u64,
    /// ARN or id of the KMS key that encrypts what is written. Without one, the bucket's default encryption is used.
    pub kms_key: Option<String>,
    /// How S3 is reached.
    pub access: ServiceAccess,
}

impl BucketSettings {
    /// Which contents go to the bucket.
    pub fn placing(&self) -> Placing {
        Placing::in_bucket_above(self.min_size, encoding::is_longer)
    }
}
