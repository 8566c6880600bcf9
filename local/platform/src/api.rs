//! The platform's HTTP API, and the few things of AWS on this machine that a person would look at.

use crate::secrets::KEY;
use anyhow::{Context, Result, ensure};
use demo::aws::Service;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// Requests of the API are signed for IAM, where they need no key; here only that there is a signature is looked at.
const SIGNATURE: &str =
    "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=none";

/// Clients of everything.
pub(crate) struct Api {
    client: Client,
    /// With the API's id in it: not every machine resolves names below `localhost`.
    routes: String,
    endpoint: String,
    queues: Service,
    tables: Service,
}

impl Api {
    /// `url` is `http://ID.execute-api.localhost:PORT`.
    pub(crate) fn new(endpoint: &str, url: &str) -> Result<Self> {
        let host = url.trim_start_matches("http://");
        let id = host.split('.').next().filter(|id| !id.is_empty()).context("the URL has no API id")?;
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            routes: format!("{endpoint}/_aws/execute-api/{id}/$default"),
            endpoint: endpoint.to_owned(),
            queues: Service::at(endpoint, "sqs"),
            tables: Service::at(endpoint, "dynamodb"),
        })
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, &format!("{}{path}", self.routes), Some(body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, &format!("{}{path}", self.routes), None).await
    }

    /// Moves the clock of all services, such as `{"advance": 60}`; what it shows then.
    pub(crate) async fn clock(&self, change: &Value) -> Result<String> {
        let url = format!("{}/_lambda-local/clock", self.endpoint);
        let clock = self.ask(Method::POST, &url, Some(change)).await?;
        Ok(clock["now"].as_str().unwrap_or_default().to_owned())
    }

    /// The status of a row. Not by the API, whose own calls would be among those that are shown.
    pub(crate) async fn status(&self, table: &str, id: &str) -> Result<String> {
        let asked = json!({ "TableName": table, "Key": { "id": { "S": id } } });
        let found = self.tables.call("DynamoDB_20120810.GetItem", &asked).await?;
        Ok(found["Item"]["status"]["S"].as_str().unwrap_or_default().to_owned())
    }

    /// How many messages of a queue can be received.
    pub(crate) async fn waiting(&self, queue: &str) -> Result<u64> {
        let url = self.queues.call("AmazonSQS.GetQueueUrl", &json!({ "QueueName": queue })).await?;
        let names = ["ApproximateNumberOfMessages"];
        let asked = json!({ "QueueUrl": url["QueueUrl"], "AttributeNames": names });
        let found = self.queues.call("AmazonSQS.GetQueueAttributes", &asked).await?;
        let number = found["Attributes"][names[0]].as_str().and_then(|number| number.parse().ok());
        number.context("SQS did not return the depth of the queue")
    }

    async fn ask(&self, method: Method, url: &str, body: Option<&Value>) -> Result<Value> {
        let request = self.client.request(method.clone(), url);
        let mut request = request.header("authorization", SIGNATURE).header("x-api-key", KEY);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {url} was not answered"))?;
        let (status, text) = (response.status(), response.text().await?);
        ensure!(status.is_success(), "{method} {url}: {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("the answer to {method} {url} is not JSON"))
    }
}
