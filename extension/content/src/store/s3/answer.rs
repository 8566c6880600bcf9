//! What an answer of S3 means: its status, and the code in its XML.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>

use bytes::Bytes;
use http::Response;

use crate::store::dynamodb::retry::Failure;
use crate::store::settings::addresses::is_label;

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It was carried out.
    Done,
    /// There is no such object, or no such upload.
    Absent,
    /// The object was replaced meanwhile.
    Changed,
    /// The object ends before the range begins.
    TooShort,
    /// It was signed with keys that S3 does not accept.
    KeysRefused(Failure),
    /// It was signed at a time that is too far from S3's.
    Skewed,
    /// The bucket is in this region.
    Elsewhere(String),
    /// It was not carried out.
    Failed(Failure),
}

/// The longest error code that is passed on.
const MAX_CODE: usize = 64;

pub(super) fn judge(operation: &str, answer: &Response<Bytes>) -> Verdict {
    let code = code(answer.body());
    // Completing an upload may fail after its status was sent.
    if answer.status().is_success() && code.is_empty() {
        return Verdict::Done;
    }
    if let Some(region) = region(answer) {
        return Verdict::Elsewhere(region);
    }
    let status = answer.status().as_u16();
    let heard = if code.is_empty() { format!("{operation}: status {status}") } else { format!("{operation}: {code}") };
    match (status, code.as_str()) {
        // The answer to a HEAD has no body and so no code; a PUT says whether the bucket is missing.
        (404, "NoSuchKey" | "NoSuchUpload" | "") => Verdict::Absent,
        (412, _) => Verdict::Changed,
        (416, _) => Verdict::TooShort,
        (_, "RequestTimeTooSkewed") => Verdict::Skewed,
        (_, "ExpiredToken" | "InvalidAccessKeyId" | "InvalidToken" | "TokenRefreshRequired") => {
            Verdict::KeysRefused(permanent(operation, heard, &code, status))
        }
        _ if is_passing(status, &code) => Verdict::Failed(Failure::Transient(heard)),
        _ => Verdict::Failed(permanent(operation, heard, &code, status)),
    }
}

fn is_passing(status: u16, code: &str) -> bool {
    const PASSING: [&str; 11] = [
        "BadDigest",
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "ConditionalRequestConflict",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "XAmzContentSHA256Mismatch",
    ];
    matches!(status, 200..=299 | 307 | 408 | 429 | 500..) || PASSING.contains(&code) || code.starts_with("KMS.Throttl")
}

fn permanent(operation: &str, heard: String, code: &str, status: u16) -> Failure {
    Failure::Permanent(match hint(operation, code, status) {
        Some(hint) => format!("{heard} ({hint})"),
        None => heard,
    })
}

/// What an operator should check when the bucket refuses, for the usual mistakes.
fn hint(operation: &str, code: &str, status: u16) -> Option<String> {
    Some(match code {
        "NoSuchBucket" | "PermanentRedirect" => {
            "no such bucket: look at LRAP_CONTENT_BUCKET and AWS_REGION".to_owned()
        }
        "SignatureDoesNotMatch" | "InvalidAccessKeyId" | "InvalidToken" | "ExpiredToken" | "TokenRefreshRequired" => {
            "the credentials are not accepted: look at AWS_ACCESS_KEY_ID and AWS_REGION".to_owned()
        }
        _ if code.starts_with("KMS.") => "look at the key in LRAP_S3_KMS_KEY, or the bucket's own".to_owned(),
        _ if status == 403 => match operation {
            "GetObject" | "HeadObject" => "the function's role needs s3:GetObject on the bucket in LRAP_CONTENT_BUCKET, s3:ListBucket so \
                 that S3 can report a missing object, and kms:Decrypt with its KMS key"
                .to_owned(),
            "ListObjectsV2" => "s3:ListBucket on the bucket in LRAP_CONTENT_BUCKET is needed".to_owned(),
            _ => "the function's role needs s3:PutObject on the bucket in LRAP_CONTENT_BUCKET, and kms:GenerateDataKey and \
                 kms:Decrypt with its KMS key"
                .to_owned(),
        },
        _ => return None,
    })
}

/// The region of the bucket according to S3, if the request went to another region.
fn region(answer: &Response<Bytes>) -> Option<String> {
    const REGION: &str = "x-amz-bucket-region";
    if !matches!(answer.status().as_u16(), 301 | 307 | 400) {
        return None;
    }
    let header = answer.headers().get(REGION).and_then(|region| region.to_str().ok());
    let named = header.or_else(|| element(answer.body(), "Region"));
    named.filter(|region| is_label(region)).map(str::to_owned)
}

/// An error's code. The rest of the answer is not passed on.
fn code(body: &[u8]) -> String {
    let code = element(body, "Error").and_then(|error| element(error.as_bytes(), "Code"));
    code.unwrap_or_default().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '.').take(MAX_CODE).collect()
}

/// The text of the first element of this name, in the XML that S3 writes: no attributes, no comments.
pub(super) fn element<'a>(xml: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(xml).ok()?;
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Response<Bytes> {
        let body = if code.is_empty() { String::new() } else { format!("<Error><Code>{code}</Code></Error>") };
        Response::builder().status(status).body(body.into()).unwrap()
    }

    #[test]
    fn every_answer_is_judged_by_its_code_and_status() {
        for (status, code) in [
            (503, "SlowDown"),
            (500, "InternalError"),
            (200, "InternalError"),
            (400, "RequestTimeout"),
            (409, "OperationAborted"),
            (400, "BadDigest"),
            (429, ""),
            (502, ""),
        ] {
            let verdict = judge("Op", &answer(status, code));
            assert!(matches!(verdict, Verdict::Failed(Failure::Transient(_))), "{status} {code}: {verdict:?}");
        }
        for (status, code, hint) in [
            (403, "AccessDenied", "s3:PutObject"),
            (404, "NoSuchBucket", "LRAP_CONTENT_BUCKET"),
            (403, "SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID"),
            (400, "KMS.DisabledException", "LRAP_S3_KMS_KEY"),
            (400, "SomethingNew", "SomethingNew"),
        ] {
            let Verdict::Failed(Failure::Permanent(reason)) = judge("Op", &answer(status, code)) else {
                panic!("{code}")
            };
            assert!(reason.contains(code) && reason.contains(hint), "{reason}");
        }
        for (status, code, expected) in [
            (200, "", Verdict::Done),
            (206, "", Verdict::Done),
            (404, "NoSuchKey", Verdict::Absent),
            (404, "NoSuchUpload", Verdict::Absent),
            (404, "", Verdict::Absent),
            (412, "PreconditionFailed", Verdict::Changed),
            (416, "InvalidRange", Verdict::TooShort),
            (403, "RequestTimeTooSkewed", Verdict::Skewed),
        ] {
            assert_eq!(judge("Op", &answer(status, code)), expected, "{status} {code}");
        }
        assert!(matches!(judge("Op", &answer(400, "ExpiredToken")), Verdict::KeysRefused(_)));
    }

    #[test]
    fn a_bucket_elsewhere_says_where() {
        let mut moved = answer(301, "PermanentRedirect");
        moved.headers_mut().insert("x-amz-bucket-region", "eu-west-1".parse().unwrap());
        assert_eq!(judge("GetObject", &moved), Verdict::Elsewhere("eu-west-1".to_owned()));
        let body = "<Error><Code>AuthorizationHeaderMalformed</Code><Region>us-west-2</Region></Error>";
        let refused = Response::builder().status(400).body(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(judge("GetObject", &refused), Verdict::Elsewhere("us-west-2".to_owned()));
        assert!(matches!(
            judge("GetObject", &answer(301, "PermanentRedirect")),
            Verdict::Failed(Failure::Permanent(_))
        ));
    }

    #[test]
    fn nothing_of_an_answer_but_its_code_is_passed_on() {
        let body = "<Error><Code>Odd secret</Code><Message>secret</Message></Error>";
        let odd = Response::builder().status(400).body(Bytes::from_static(body.as_bytes())).unwrap();
        assert_eq!(judge("Op", &odd), Verdict::Failed(Failure::Permanent("Op: Odd".to_owned())));
    }
}
