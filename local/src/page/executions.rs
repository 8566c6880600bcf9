//! What the page asks Step Functions, on the page's own address: questions only, so that looking changes nothing.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
/// The actions that a page may ask for.
const QUESTIONS: [&str; 5] = [
    "AWSStepFunctions.ListStateMachines",
    "AWSStepFunctions.ListExecutions",
    "AWSStepFunctions.DescribeExecution",
    "AWSStepFunctions.DescribeStateMachineForExecution",
    "AWSStepFunctions.GetExecutionHistory",
];

/// Where executions are.
#[derive(Debug)]
pub(crate) struct Executions {
    /// `127.0.0.1:port` of the Step Functions API; none where there are no state machines.
    authority: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExecutionsError {
    /// Nothing runs executions here.
    #[error("there are no state machines here: see step_functions in the configuration")]
    Nowhere,
    /// Not one of the questions that a page has.
    #[error("this page may not call that action")]
    NoQuestion,
    /// The interpreter went away.
    #[error("Step Functions cannot be reached: {0}")]
    Connect(#[from] std::io::Error),
    /// It broke off.
    #[error("Step Functions did not answer: {0}")]
    Wire(#[from] hyper::Error),
}

impl Executions {
    /// Those of a Step Functions API at `http://authority`.
    pub(crate) fn at(endpoint: Option<&str>) -> Self {
        Self { authority: endpoint.map(|endpoint| endpoint.trim_start_matches("http://").to_owned()) }
    }

    /// Hands a question on.
    pub(crate) async fn ask(
        &self,
        region: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ExecutionsError> {
        let action = headers.get(TARGET).filter(|action| QUESTIONS.iter().any(|known| known == *action));
        let action = action.ok_or(ExecutionsError::NoQuestion)?;
        let authority = self.authority.as_ref().ok_or(ExecutionsError::Nowhere)?;
        let mut question = Request::post("/").body(Full::new(body)).expect("BUG: the path is a path");
        let head = question.headers_mut();
        head.insert(HOST, authority.parse().expect("BUG: an address is a header"));
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-amz-json-1.0"));
        head.insert(TARGET, action.clone());
        head.insert(AUTHORIZATION, unsigned(region));
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(TcpStream::connect(authority).await?)).await?;
        tokio::spawn(connection);
        let (head, body) = sender.send_request(question).await?.into_parts();
        Ok((head.status, body.collect().await?.to_bytes()))
    }
}

/// Nobody checks the signature, but the interpreter looks there for the service and the region that are meant.
fn unsigned(region: &str) -> HeaderValue {
    let scope = format!("local/20260101/{region}/states/aws4_request");
    let text = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none");
    text.parse().expect("BUG: a region's name is part of a header")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(endpoint: Option<&str>, action: &str) -> String {
        let headers = HeaderMap::from_iter([(TARGET, action.parse().unwrap())]);
        Executions::at(endpoint).ask("us-east-1", &headers, Bytes::new()).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn a_page_only_asks() {
        for action in
            ["AWSStepFunctions.StartExecution", "AWSStepFunctions.StopExecution", "DynamoDB_20120810.Scan", ""]
        {
            assert_eq!(refused(Some("http://127.0.0.1:1"), action).await, "this page may not call that action");
        }
    }

    #[tokio::test]
    async fn who_is_missing_is_named() {
        let absent = refused(None, QUESTIONS[0]).await;
        assert!(absent.contains("step_functions"), "{absent}");
        let gone = refused(Some("http://127.0.0.1:1"), QUESTIONS[0]).await;
        assert!(gone.starts_with("Step Functions cannot be reached"), "{gone}");
    }
}
