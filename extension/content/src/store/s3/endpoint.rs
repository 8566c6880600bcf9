//! The URL of a bucket: a host of AWS that the bucket has for itself, or a folder of the endpoint that is set.

use super::settings::BucketSettings;
use crate::store::dynamodb::SettingsError;
use crate::store::dynamodb::endpoint;

/// The URL of the bucket in `region`, without a slash at its end; keys follow after one.
pub(super) fn url(settings: &BucketSettings, region: &str) -> Result<String, SettingsError> {
    let bucket = &settings.bucket;
    if let Some(given) = &settings.access.endpoint {
        return Ok(format!("{}/{bucket}", given.trim_end_matches('/')));
    }
    let fips = if settings.access.fips { "-fips" } else { "" };
    let stack = if settings.access.dual_stack { ".dualstack" } else { "" };
    let host = format!("s3{fips}{stack}.{region}.{}", suffix(region)?);
    // Certificates are for one label before the host: a name with dots goes into the path.
    Ok(if bucket.contains('.') { format!("https://{host}/{bucket}") } else { format!("https://{bucket}.{host}") })
}

/// The suffix of host names in the region's partition, according to the SDK's rules.
fn suffix(region: &str) -> Result<String, SettingsError> {
    let table = endpoint::of_region(region, false, false)?;
    let suffix = table.url().strip_prefix(&format!("https://dynamodb.{region}."));
    Ok(suffix.unwrap_or("amazonaws.com").to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::store::dynamodb::{CredentialsSource, ServiceAccess};

    fn settings(bucket: &str, endpoint: Option<&str>) -> BucketSettings {
        let keys = CredentialsSource::Static {
            access_key_id: "AKID".to_owned(),
            secret_access_key: "SECRET".to_owned(),
            session_token: None,
        };
        let access = ServiceAccess::new(endpoint.map(str::to_owned), keys);
        BucketSettings { bucket: bucket.to_owned(), region: String::new(), min_size: 0, kms_key: None, access }
    }

    #[test]
    fn a_bucket_has_its_own_host_in_every_partition() {
        for (region, fips, dual_stack, url_of_it) in [
            ("eu-central-1", false, false, "https://contents.s3.eu-central-1.amazonaws.com"),
            ("us-east-1", false, false, "https://contents.s3.us-east-1.amazonaws.com"),
            ("us-east-1", true, false, "https://contents.s3-fips.us-east-1.amazonaws.com"),
            ("us-gov-west-1", true, true, "https://contents.s3-fips.dualstack.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", false, true, "https://contents.s3.dualstack.cn-north-1.amazonaws.com.cn"),
            ("us-iso-east-1", false, false, "https://contents.s3.us-iso-east-1.c2s.ic.gov"),
            ("eusc-de-east-1", false, false, "https://contents.s3.eusc-de-east-1.amazonaws.eu"),
        ] {
            let mut settings = settings("contents", None);
            (settings.access.fips, settings.access.dual_stack) = (fips, dual_stack);
            assert_eq!(url(&settings, region).unwrap(), url_of_it);
        }
    }

    #[test]
    fn a_bucket_is_a_folder_where_a_host_of_its_own_cannot_be() {
        let dotted = url(&settings("my.contents", None), "eu-central-1").unwrap();
        assert_eq!(dotted, "https://s3.eu-central-1.amazonaws.com/my.contents");
        let given = url(&settings("contents", Some("http://127.0.0.1:5000/")), "eu-central-1").unwrap();
        assert_eq!(given, "http://127.0.0.1:5000/contents");
    }
}
