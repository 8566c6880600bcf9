//! Which service a request is for.
//!
//! A signature names it in its credential scope, in the header or, of a presigned URL, in the query. What is not signed may name it
//! by its target or its path.

use crate::gateways;
use crate::invoke_api::Named;
use http::Request;
use http::header::AUTHORIZATION;

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Service {
    /// An invocation of a function. Everything else of Lambda is of [`Service::Other`].
    Functions(Named),
    DynamoDb,
    StepFunctions,
    /// The control API of gateways, and the gateways.
    AgentCore,
    Other,
}

impl Service {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let signed = signed_for(request);
        let target = header(request, "x-amz-target").unwrap_or_default();
        match signed.as_deref() {
            Some("dynamodb") => Self::DynamoDb,
            Some("states") => Self::StepFunctions,
            _ if request.uri().path().starts_with(gateways::PREFIX) => Self::AgentCore,
            Some("bedrock-agentcore" | "bedrock-agentcore-control") => Self::AgentCore,
            Some(service) if service != "lambda" => Self::Other,
            _ if target.starts_with("DynamoDB") => Self::DynamoDb,
            _ if target.starts_with("AWSStepFunctions.") => Self::StepFunctions,
            _ => Named::by(request).map_or(Self::Other, Self::Functions),
        }
    }
}

/// `Credential=KEY/20260102/REGION/SERVICE/aws4_request`: the fourth part.
fn signed_for<B>(request: &Request<B>) -> Option<String> {
    scope(request).and_then(|scope| scope.split('/').nth(3).map(ToOwned::to_owned))
}

/// The region that a request was signed for.
pub(super) fn region<B>(request: &Request<B>) -> Option<String> {
    scope(request).and_then(|scope| scope.split('/').nth(2).map(ToOwned::to_owned))
}

fn scope<B>(request: &Request<B>) -> Option<String> {
    let signature = header(request, AUTHORIZATION.as_str()).and_then(|text| text.split_once("Credential="));
    let in_header = signature.map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default().to_owned());
    in_header.or_else(|| {
        let query = request.uri().query().unwrap_or_default();
        let credential = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "X-Amz-Credential");
        credential.map(|(_, value)| value.into_owned())
    })
}

fn header<'a, B>(request: &'a Request<B>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVOKE: &str = "/2015-03-31/functions/f/invocations";

    fn service(method: &str, uri: &str, headers: &[(&str, &str)]) -> Service {
        let request = headers
            .iter()
            .fold(Request::builder().method(method).uri(uri), |request, (name, value)| request.header(*name, *value));
        Service::of(&request.body(()).unwrap())
    }

    fn signed(service: &str) -> String {
        format!("AWS4-HMAC-SHA256 Credential=AKID/20260102/eu-central-1/{service}/aws4_request, SignedHeaders=host")
    }

    fn is_invocation(service: &Service) -> bool {
        matches!(service, Service::Functions(named) if named.name == "f")
    }

    #[test]
    fn the_credential_scope_names_the_service() {
        assert_eq!(service("POST", "/", &[("authorization", &signed("dynamodb"))]), Service::DynamoDb);
        assert_eq!(service("POST", "/", &[("authorization", &signed("states"))]), Service::StepFunctions);
        assert_eq!(service("POST", "/", &[("authorization", &signed("sqs"))]), Service::Other);
        assert_eq!(
            service("POST", "/gateways", &[("authorization", &signed("bedrock-agentcore"))]),
            Service::AgentCore
        );
        assert_eq!(service("POST", "/_agentcore/golf-1/mcp", &[]), Service::AgentCore);
        let presigned = "/?X-Amz-Credential=AKID%2F20260102%2Feu-central-1%2Fdynamodb%2Faws4_request";
        assert_eq!(service("GET", presigned, &[]), Service::DynamoDb);
        // A bucket may have a path like Lambda's.
        assert_eq!(service("POST", INVOKE, &[("authorization", &signed("s3"))]), Service::Other);
    }

    #[test]
    fn lambda_is_ours_to_invoke_and_the_engines_to_configure() {
        assert!(is_invocation(&service("POST", INVOKE, &[("authorization", &signed("lambda"))])));
        assert!(is_invocation(&service("POST", INVOKE, &[])));
        assert_eq!(service("GET", "/2015-03-31/functions/f", &[("authorization", &signed("lambda"))]), Service::Other);
    }

    #[test]
    fn what_is_not_signed_is_known_by_its_target() {
        let dynamodb = [("x-amz-target", "DynamoDB_20120810.GetItem")];
        assert_eq!(service("POST", "/", &dynamodb), Service::DynamoDb);
        assert_eq!(
            service("POST", "/", &[("x-amz-target", "AWSStepFunctions.StartExecution")]),
            Service::StepFunctions
        );
        assert_eq!(service("POST", "/", &[("x-amz-target", "AmazonSQS.SendMessage")]), Service::Other);
    }

    #[test]
    fn the_region_is_that_of_the_signature() {
        let request = Request::builder().header("authorization", signed("dynamodb")).body(()).unwrap();
        assert_eq!(region(&request).as_deref(), Some("eu-central-1"));
    }
}
