//! What tests of the agent's state machine have in common: its placeholders, and where people are asked, which is a queue behind the
//! topic of approvals.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::message::Request;
use crate::runtime::Runtime;

/// Every ARN of a function begins so.
pub const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:";

/// The values of the definition's placeholders, but for the agent's name.
pub fn substitutions(agent: &str) -> BTreeMap<String, String> {
    let substitutions = [
        ("AgentName", agent.to_owned()),
        ("AgentRegistryTableName", "agents".to_owned()),
        ("ToolRegistryTableName", "tools".to_owned()),
        ("LlmTableName", "models".to_owned()),
        ("LlmFunctionArn", format!("{FUNCTION}llm")),
        ("ToolFunctionArn", format!("{FUNCTION}tool")),
        ("ApprovalTopicArn", "arn:aws:sns:us-east-1:123456789012:approvals".to_owned()),
    ];
    substitutions.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Seconds until somebody is asked.
const ATTEMPTS: usize = 60;

/// The queue of one person.
#[derive(Debug)]
pub struct Approvals {
    endpoint: String,
    queue: Value,
}

impl Approvals {
    /// Subscribed to the topic of the interpreter at this endpoint from now on.
    pub async fn of(endpoint: &str) -> Self {
        let mut approvals = Self { endpoint: endpoint.to_owned(), queue: Value::Null };
        approvals.queue = approvals.sqs("CreateQueue", json!({ "QueueName": "approvals" })).await["QueueUrl"].clone();
        let arn = |service: &str| format!("arn%3Aaws%3A{service}%3Aus-east-1%3A123456789012%3Aapprovals");
        let (topic, queue) = (arn("sns"), arn("sqs"));
        let form = format!("Action=Subscribe&Version=2010-03-31&Protocol=sqs&TopicArn={topic}&Endpoint={queue}");
        approvals.post("sns", &[("content-type", "application/x-www-form-urlencoded")], form).await;
        approvals
    }

    /// The next message: what somebody is asked.
    pub async fn next(&self) -> Value {
        let receive = json!({ "QueueUrl": self.queue, "WaitTimeSeconds": 1 });
        for _ in 0..ATTEMPTS {
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
        let request = Request::post("/", body).header("authorization", &signature);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let address = self.endpoint.trim_start_matches("http://").parse().unwrap();
        let answer = Runtime::new(address).send(request).await;
        assert!((200..300).contains(&answer.status), "{service}: {}", answer.status);
        answer.text()
    }
}
