//! The endpoint of the table: the one that is set, or the one that the SDK's own rules give. The rules are evaluated once,
//! because neither the region nor anything else that they depend on changes between requests.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_sdk_dynamodb::config::endpoint::{DefaultResolver, Endpoint, EndpointFuture, Params, ResolveEndpoint};

use super::settings_error::SettingsError;

/// The endpoint of every operation.
#[derive(Debug)]
pub(in crate::store) struct Fixed(Endpoint);

impl Fixed {
    pub(in crate::store) fn url(&self) -> &str {
        self.0.url()
    }
}

impl ResolveEndpoint for Fixed {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(self.0.clone()))
    }
}

/// The endpoint at a URL, which is used whatever else is set.
pub(super) fn given(url: String) -> Fixed {
    Fixed(Endpoint::builder().url(url).build())
}

/// The endpoint of a region. Without FIPS and dual-stack, every region has one.
pub(in crate::store) fn of_region(region: &str, fips: bool, dual_stack: bool) -> Result<Fixed, SettingsError> {
    let params = Params::builder().region(region).use_fips(fips).use_dual_stack(dual_stack).build();
    let params = params.expect("BUG: no parameter is required");
    let resolver = DefaultResolver::new();
    let found = pin!(resolver.resolve_endpoint(&params)).poll(&mut Context::from_waker(Waker::noop()));
    match found {
        Poll::Ready(Ok(endpoint)) => Ok(Fixed(endpoint)),
        Poll::Ready(Err(error)) => {
            Err(SettingsError::NoEndpoint { region: region.to_owned(), reason: error.to_string() })
        }
        Poll::Pending => unreachable!("BUG: the rules wait for nothing"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_region_has_its_partitions_endpoint() {
        for (region, fips, dual_stack, url) in [
            ("eu-central-1", false, false, "https://dynamodb.eu-central-1.amazonaws.com"),
            ("us-east-1", true, false, "https://dynamodb-fips.us-east-1.amazonaws.com"),
            ("eu-central-1", false, true, "https://dynamodb.eu-central-1.api.aws"),
            ("us-gov-west-1", true, false, "https://dynamodb.us-gov-west-1.amazonaws.com"),
            ("us-gov-east-1", false, false, "https://dynamodb.us-gov-east-1.amazonaws.com"),
            ("cn-north-1", false, false, "https://dynamodb.cn-north-1.amazonaws.com.cn"),
            ("cn-northwest-1", false, true, "https://dynamodb.cn-northwest-1.api.amazonwebservices.com.cn"),
            ("us-iso-east-1", false, false, "https://dynamodb.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", false, false, "https://dynamodb.us-isob-east-1.sc2s.sgov.gov"),
            ("eu-isoe-west-1", false, false, "https://dynamodb.eu-isoe-west-1.cloud.adc-e.uk"),
            ("us-isof-south-1", false, false, "https://dynamodb.us-isof-south-1.csp.hci.ic.gov"),
            ("eusc-de-east-1", false, false, "https://dynamodb.eusc-de-east-1.amazonaws.eu"),
            ("moon-east-1", false, false, "https://dynamodb.moon-east-1.amazonaws.com"),
        ] {
            assert_eq!(of_region(region, fips, dual_stack).unwrap().url(), url, "{region} {fips} {dual_stack}");
        }
    }

    #[test]
    fn what_a_region_does_not_have_is_said() {
        let error = of_region("local", true, false).unwrap_err();
        assert!(error.to_string().contains("FIPS and local endpoint are not supported"), "{error}");
    }
}
