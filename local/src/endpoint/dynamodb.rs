//! Requests for tables. dynoxide's ARNs name its own region and account; here they name the caller's.

use super::service::region;
use super::upstream::{AnyResponse, Upstream, unreachable, whole};
use crate::account::ACCOUNT;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

const OWN: &str = "arn:aws:dynamodb:dynoxide:000000000000:";
const DEFAULT_REGION: &str = "us-east-1";

pub(super) async fn forward(tables: &Upstream, request: Request<Incoming>) -> AnyResponse {
    if !is_about_tables(&request) {
        return tables.forward(request).await;
    }
    let region = region(&request).unwrap_or_else(|| DEFAULT_REGION.to_owned());
    let answer = match tables.send(request).await {
        Ok(answer) => answer,
        Err(error) => return unreachable(&error),
    };
    let (mut head, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(body) => named_after(&body.to_bytes(), &region),
        Err(error) => return unreachable(&error),
    };
    // Of the bytes before.
    head.headers.remove("x-amz-crc32");
    head.headers.insert(CONTENT_LENGTH, body.len().into());
    whole(Response::from_parts(head, Full::new(body)))
}

/// Whether the answer describes tables. Items are handed on as they are, whatever is in them.
fn is_about_tables<B>(request: &Request<B>) -> bool {
    let target = request.headers().get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default();
    ["Table", "TimeToLive", "Tag", "Stream", "Backup"].iter().any(|word| operation.contains(word))
}

fn named_after(body: &Bytes, region: &str) -> Bytes {
    match std::str::from_utf8(body) {
        Ok(text) if text.contains(OWN) => text.replace(OWN, &format!("arn:aws:dynamodb:{region}:{ACCOUNT}:")).into(),
        _ => body.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(operation: &str) -> Request<()> {
        Request::builder().header("x-amz-target", format!("DynamoDB_20120810.{operation}")).body(()).unwrap()
    }

    #[test]
    fn arns_are_the_callers_and_items_stay_as_they_are() {
        let body = Bytes::from(format!(r#"{{"TableArn":"{OWN}table/t"}}"#));
        let expected = r#"{"TableArn":"arn:aws:dynamodb:eu-central-1:123456789012:table/t"}"#;
        assert_eq!(named_after(&body, "eu-central-1"), expected);
        for (operation, about) in [("DescribeTable", true), ("ListTagsOfResource", true), ("GetItem", false)] {
            assert_eq!(is_about_tables(&request(operation)), about, "{operation}");
        }
    }
}
