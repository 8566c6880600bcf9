//! The server in front of the table: counts every request, and lets a fault happen to it.
//!
//! Each connection of a client has its own connection to the table behind it, so that requests are answered in the order and with
//! the parallelism the client chose. Requests and answers pass as the bytes they are; only [`Fault::Stale`] edits an answer.

use super::clock;
use super::faults::{Fault, FaultScript, TableRequest};
use super::meter::{Meter, Pending};
use bytes::Bytes;
use dynoxide::Database;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};

const AMZ_JSON: &str = "application/x-amz-json-1.0";
const SERVICE: &str = "com.amazonaws.dynamodb.v20120810";
const CORAL: &str = "com.amazon.coral.service";
const CRC32: HeaderName = HeaderName::from_static("x-amz-crc32");

/// Seconds for which a signature is good before and after the time in it.
pub(super) const SIGNATURE_LIFE: i64 = 300;

/// What all connections share.
pub(super) struct Relay {
    /// The content table's name: other tables of the same server are not counted.
    pub(super) table: String,
    pub(super) upstream: SocketAddr,
    pub(super) database: Database,
    pub(super) meter: watch::Sender<Meter>,
    pub(super) faults: FaultScript,
}

/// The tables that a request is about.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct TableNames {
    table_name: Option<String>,
    #[expect(clippy::zero_sized_map_values, reason = "a map on the wire, of which the names matter")]
    request_items: Option<HashMap<String, IgnoredAny>>,
}

/// One client's way through; opened upstream with its first request.
#[derive(Debug)]
pub(super) struct Passage {
    /// Which connection it is.
    number: u64,
    sender: Mutex<Option<SendRequest<Full<Bytes>>>>,
}

/// A request that has come whole.
struct Asked<'a> {
    passage: &'a Passage,
    operation: String,
    head: http::request::Parts,
    body: Bytes,
}

impl Relay {
    /// Answers one request: counted first, so that who sees a fault sees it counted.
    pub(super) async fn answer(&self, passage: &Passage, request: Request<Incoming>) -> Response<BreakableBody> {
        if self.faults.is_silent(passage.number) {
            // Dropped with the connection, when the client closes it.
            return std::future::pending().await;
        }
        let (head, body) = request.into_parts();
        let body = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) => return unreachable(&format!("request body: {error}")),
        };
        let asked = Asked { passage, operation: operation(&head), head, body };
        if self.is_counted(&asked.body) {
            self.meter.send_modify(|meter| meter.arrived(&asked.operation));
        }
        self.undergo(self.fault_of(&asked), asked).await
    }

    fn fault_of(&self, asked: &Asked<'_>) -> Fault {
        // A health check (`GET /ping`) names no operation, and no script means it.
        if asked.operation.is_empty() {
            return Fault::Pass;
        }
        let (access_key_id, region) = signed_by(&asked.head).unwrap_or_default();
        let Asked { operation, body, .. } = asked;
        self.faults.decide(&TableRequest { operation, body, access_key_id, region })
    }

    /// What becomes of a request to which this happens.
    async fn undergo(&self, fault: Fault, asked: Asked<'_>) -> Response<BreakableBody> {
        match fault {
            Fault::Throttle => {
                refusal(StatusCode::BAD_REQUEST, SERVICE, "ProvisionedThroughputExceededException", THROTTLED)
            }
            Fault::InternalError => {
                refusal(StatusCode::INTERNAL_SERVER_ERROR, SERVICE, "InternalServerError", INTERNAL)
            }
            Fault::DenyCredentials => refusal(StatusCode::BAD_REQUEST, CORAL, "UnrecognizedClientException", DENIED),
            Fault::NoTable => refusal(StatusCode::BAD_REQUEST, SERVICE, "ResourceNotFoundException", NO_TABLE),
            Fault::Refuse(status, code) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                refusal(status, SERVICE, code, "refused on purpose")
            }
            Fault::Clock(ahead) => self.pass_by_clock(ahead, asked).await,
            Fault::Hang => std::future::pending().await,
            Fault::Unprocessed => match unprocessed(&asked.operation, &asked.body) {
                Some(answer) => answer,
                None => self.pass(asked, false).await,
            },
            Fault::Delay(duration) => {
                tokio::time::sleep(duration).await;
                self.pass(asked, false).await
            }
            Fault::Wait(gate) => {
                gate.opened().await;
                self.pass(asked, false).await
            }
            Fault::Reset => cut(self.pass(asked, false).await),
            Fault::Stale => self.pass(asked, true).await,
            Fault::Pass | Fault::Elsewhere(_) => self.pass(asked, false).await,
        }
    }

    /// The answer of a table whose clock is so many seconds ahead: what was signed too far from its time is refused.
    async fn pass_by_clock(&self, ahead: i64, asked: Asked<'_>) -> Response<BreakableBody> {
        let now = clock::now() + ahead;
        let signed = asked.head.headers.get("x-amz-date").and_then(|date| clock::seconds_of(date.to_str().ok()?));
        let mut answer = match signed {
            Some(signed) if (signed - now).abs() <= SIGNATURE_LIFE => self.pass(asked, false).await,
            _ => refusal(StatusCode::BAD_REQUEST, CORAL, "InvalidSignatureException", EXPIRED),
        };
        answer.headers_mut().insert(DATE, clock::http_date(now));
        answer
    }

    fn is_counted(&self, body: &[u8]) -> bool {
        // What names no table is a health check, or refused by the table.
        let named: TableNames = serde_json::from_slice(body).unwrap_or_default();
        named.table_name.is_none_or(|name| name == self.table)
            && named.request_items.is_none_or(|items| items.contains_key(&self.table))
    }

    /// Lets the table answer, and charges for it. `hide`: as a replica that has not seen the items yet.
    async fn pass(&self, asked: Asked<'_>, hide: bool) -> Response<BreakableBody> {
        let Asked { passage, operation, head, body } = asked;
        let pending =
            if self.is_counted(&body) { Pending::before(&operation, &body, &self.database) } else { Pending::Free };
        let request = Request::from_parts(head, Full::new(body.clone()));
        let (mut head, mut answer) = match passage.send(self.upstream, request).await {
            Ok(answered) => answered,
            Err(error) => return unreachable(&error.to_string()),
        };
        if head.status == StatusCode::OK {
            let charges = pending.charges(&answer, hide, &self.database);
            self.meter.send_modify(|meter| meter.apply(&charges));
            if let Some(edited) = hide.then(|| hidden(&operation, &body, &answer)).flatten() {
                head.headers.remove(CRC32);
                answer = edited;
            }
        } else if is_failed_condition(&answer) {
            self.meter.send_modify(|meter| meter.apply(&pending.charges_in_vain()));
        }
        head.headers.insert(CONTENT_LENGTH, HeaderValue::from(answer.len()));
        Response::from_parts(head, BreakableBody::whole(answer))
    }
}

impl Passage {
    pub(super) fn new(number: u64) -> Self {
        Self { number, sender: Mutex::default() }
    }

    /// Which connection it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    pub(super) async fn send(
        &self,
        upstream: SocketAddr,
        request: Request<Full<Bytes>>,
    ) -> Result<(http::response::Parts, Bytes), RelayError> {
        let mut slot = self.sender.lock().await;
        let mut sender = match slot.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => connect(upstream).await?,
        };
        sender.ready().await?;
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        *slot = Some(sender);
        Ok((head, body))
    }
}

#[derive(Debug, thiserror::Error)]
pub(super) enum RelayError {
    #[error("cannot reach the table: {0}")]
    Connect(#[from] io::Error),
    #[error("the table's connection failed: {0}")]
    Http(#[from] hyper::Error),
}

async fn connect(upstream: SocketAddr) -> Result<SendRequest<Full<Bytes>>, RelayError> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends when the sender is dropped with its client's connection.
    tokio::spawn(connection);
    Ok(sender)
}

/// `PutItem` of `DynamoDB_20120810.PutItem`.
fn operation(head: &http::request::Parts) -> String {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Access key and region of `AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-central-1/dynamodb/aws4_request, …`.
pub(super) fn signed_by(head: &http::request::Parts) -> Option<(&str, &str)> {
    let authorization = head.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (_, scope) = authorization.split_once("Credential=")?;
    let mut fields = scope.split(',').next()?.split('/');
    Some((fields.next()?, fields.nth(1)?))
}

const THROTTLED: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";
const INTERNAL: &str = "The request processing has failed because of an unknown error.";
const NO_TABLE: &str = "Requested resource not found";
const EXPIRED: &str = "Signature expired, or not yet valid.";
const DENIED: &str = "The security token included in the request is invalid.";

fn refusal(status: StatusCode, namespace: &str, code: &str, message: &str) -> Response<BreakableBody> {
    answer_json(status, &json!({ "__type": format!("{namespace}#{code}"), "message": message }))
}

/// The table behind is part of this process: not reaching it is an error of ours, never one of DynamoDB's.
fn unreachable(reason: &str) -> Response<BreakableBody> {
    answer_json(StatusCode::BAD_GATEWAY, &json!({ "message": reason }))
}

fn answer_json(status: StatusCode, body: &Value) -> Response<BreakableBody> {
    let mut response = Response::new(BreakableBody::whole(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(AMZ_JSON));
    response
}

fn unprocessed(operation: &str, body: &[u8]) -> Option<Response<BreakableBody>> {
    let items = serde_json::from_slice::<Value>(body).ok()?.get_mut("RequestItems")?.take();
    let answer = match operation {
        "BatchGetItem" => json!({ "Responses": {}, "UnprocessedKeys": items }),
        "BatchWriteItem" => json!({ "UnprocessedItems": items }),
        _ => return None,
    };
    Some(answer_json(StatusCode::OK, &answer))
}

/// The answer without what an eventually consistent read would not see yet; nothing for operations that cannot be stale.
fn hidden(operation: &str, request: &[u8], answer: &[u8]) -> Option<Bytes> {
    let request: Value = serde_json::from_slice(request).ok()?;
    let mut answer: Value = serde_json::from_slice(answer).ok()?;
    match operation {
        "GetItem" => {
            if !is_consistent(&request) {
                answer.as_object_mut()?.remove("Item");
            }
        }
        "BatchGetItem" => hide_in_batch(&request, &mut answer)?,
        _ => return None,
    }
    Some(Bytes::from(answer.to_string()))
}

fn hide_in_batch(request: &Value, answer: &mut Value) -> Option<()> {
    for (table, wanted) in request.get("RequestItems")?.as_object()? {
        if !is_consistent(wanted) {
            answer.get_mut("Responses")?.as_object_mut()?.insert(table.clone(), json!([]));
        }
    }
    Some(())
}

fn is_consistent(request: &Value) -> bool {
    request.get("ConsistentRead").and_then(Value::as_bool).unwrap_or(false)
}

fn is_failed_condition(answer: &[u8]) -> bool {
    let code =
        |answer: &Value| answer.get("__type")?.as_str().map(|code| code.ends_with("#ConditionalCheckFailedException"));
    serde_json::from_slice(answer).ok().as_ref().and_then(code).unwrap_or(false)
}

/// The same answer, of which only the first half arrives.
pub(super) fn cut(response: Response<BreakableBody>) -> Response<BreakableBody> {
    let (mut head, answer) = response.into_parts();
    head.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    Response::from_parts(head, answer.cut())
}

/// A response body that may break off: its head promises all of it.
#[derive(Debug)]
pub(super) struct BreakableBody {
    promised: u64,
    data: Option<Bytes>,
    after: After,
}

#[derive(Debug, PartialEq)]
enum After {
    End,
    /// The first half is flushed before the connection breaks.
    Flush,
    Break,
}

impl BreakableBody {
    pub(super) fn whole(data: Bytes) -> Self {
        Self { promised: data.len() as u64, data: Some(data), after: After::End }
    }

    fn cut(self) -> Self {
        let half = self.data.map(|data| data.slice(..data.len() / 2));
        Self { data: half, after: After::Flush, ..self }
    }
}

impl Body for BreakableBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(data) = self.data.take().filter(|data| !data.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        match self.after {
            After::End => Poll::Ready(None),
            After::Flush => {
                self.after = After::Break;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            After::Break => Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.after == After::End && self.data.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
