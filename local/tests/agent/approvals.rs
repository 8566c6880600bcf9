//! Where people are asked: a queue behind the topic of approvals.

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Seconds until somebody is asked.
const PATIENCE: usize = 60;

/// The queue of one person.
pub(super) struct Approvals {
    endpoint: String,
    queue: Value,
}

impl Approvals {
    /// Subscribed to the topic from now on.
    pub(super) async fn of(endpoint: &str) -> Self {
        let mut approvals = Self { endpoint: endpoint.to_owned(), queue: Value::Null };
        approvals.queue = approvals.sqs("CreateQueue", json!({ "QueueName": "approvals" })).await["QueueUrl"].clone();
        let arn = |service: &str| format!("arn%3Aaws%3A{service}%3Aus-east-1%3A123456789012%3Aapprovals");
        let (topic, queue) = (arn("sns"), arn("sqs"));
        let form = format!("Action=Subscribe&Version=2010-03-31&Protocol=sqs&TopicArn={topic}&Endpoint={queue}");
        approvals.post("sns", &[("content-type", "application/x-www-form-urlencoded")], form).await;
        approvals
    }

    /// The next message: what somebody is asked.
    pub(super) async fn next(&self) -> Value {
        let receive = json!({ "QueueUrl": self.queue, "WaitTimeSeconds": 1 });
        for _ in 0..PATIENCE {
            let received = self.sqs("ReceiveMessage", receive.clone()).await;
            let Some(body) = received["Messages"][0]["Body"].as_str() else { continue };
            let handle = &received["Messages"][0]["ReceiptHandle"];
            self.sqs("DeleteMessage", json!({ "QueueUrl": self.queue, "ReceiptHandle": handle })).await;
            let notification: Value = serde_json::from_str(body).unwrap();
            return serde_json::from_str(notification["Message"].as_str().unwrap()).unwrap();
        }
        panic!("nobody was asked");
    }

    async fn sqs(&self, action: &str, input: Value) -> Value {
        let target = format!("AmazonSQS.{action}");
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", &target)];
        serde_json::from_str(&self.post("sqs", &headers, input.to_string()).await).unwrap_or_default()
    }

    async fn post(&self, service: &str, headers: &[(&str, &str)], body: String) -> String {
        let scope = format!("AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request");
        let signature = format!("{scope}, SignedHeaders=host, Signature=none");
        let mut request = Request::post(&self.endpoint).header("authorization", signature);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        assert!(response.status().is_success(), "{service}: {}", response.status());
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }
}
