//! Where AWS's services are, by region and partition.
//!
//! After the endpoint rules of the AWS SDKs, as far as these services go; a test asks the SDK about those of DynamoDB.

/// The URL of `DynamoDB` in a region.
pub(crate) fn dynamodb(region: &str, fips: bool) -> String {
    let partition = partition(region);
    // In the partition `aws-us-gov` every endpoint of DynamoDB is a FIPS endpoint.
    let service = if fips && partition != "aws-us-gov" { "dynamodb-fips" } else { "dynamodb" };
    format!("https://{service}.{region}.{}", suffix(partition))
}

/// The URL of Secrets Manager in a region of a partition.
pub(crate) fn secrets_manager(partition: &str, region: &str, fips: bool) -> String {
    let service = if fips { "secretsmanager-fips" } else { "secretsmanager" };
    format!("https://{service}.{region}.{}", suffix(partition))
}

/// Whether a text may be the name of a region or a partition: a part of a host's name, and no more.
pub(crate) fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The partition that a region is in, by how its name begins.
fn partition(region: &str) -> &'static str {
    const OTHERS: [(&str, &str); 7] = [
        ("us-gov-", "aws-us-gov"),
        ("cn-", "aws-cn"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    OTHERS.iter().find(|(start, _)| region.starts_with(start)).map_or("aws", |(_, partition)| partition)
}

/// What the host names of a partition end with.
fn suffix(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        "aws-iso-e" => "cloud.adc-e.uk",
        "aws-iso-f" => "csp.hci.ic.gov",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    /// A region of each partition, and some of the largest.
    const REGIONS: [&str; 14] = [
        "us-east-1",
        "eu-central-1",
        "ap-southeast-5",
        "il-central-1",
        "mx-central-1",
        "us-gov-west-1",
        "us-gov-east-1",
        "cn-north-1",
        "cn-northwest-1",
        "us-iso-east-1",
        "us-isob-east-1",
        "eu-isoe-west-1",
        "us-isof-south-1",
        "eusc-de-east-1",
    ];

    #[tokio::test]
    async fn a_regions_endpoint_is_the_one_that_the_sdk_asks() {
        for (region, fips) in REGIONS.into_iter().flat_map(|region| [(region, false), (region, true)]) {
            let params = Params::builder().region(region).use_fips(fips).use_dual_stack(false).build().unwrap();
            let theirs = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
            assert_eq!(dynamodb(region, fips), theirs.url(), "{region} {fips}");
        }
    }

    #[test]
    fn a_secrets_endpoint_follows_its_partition() {
        for (partition, region, fips, url) in [
            ("aws", "us-west-2", false, "https://secretsmanager.us-west-2.amazonaws.com"),
            ("aws", "us-west-2", true, "https://secretsmanager-fips.us-west-2.amazonaws.com"),
            ("aws-cn", "cn-north-1", false, "https://secretsmanager.cn-north-1.amazonaws.com.cn"),
        ] {
            assert_eq!(secrets_manager(partition, region, fips), url);
        }
    }
}
