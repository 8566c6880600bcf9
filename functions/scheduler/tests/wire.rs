//! The wire between the function and AWS. A test says what happens to one of its requests; "the function ends" is a sandbox that is
//! killed, or an invocation that has run out of time, while it waits for the response.

use crate::services::{Answer, Services, refusal};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The function ends, and the request never arrives.
    EndsBefore,
    /// The function ends, and the request is carried out.
    EndsAfter,
    /// The service is asked too often.
    Throttled,
    /// The service fails, after it has carried the request out.
    Fails,
    /// The service carries the request out, and answers after this time.
    Late(Duration),
    /// The request is carried out, and somebody else answers.
    Garbage,
    /// The service refuses the request with this error, as it would again.
    Refuses(&'static str),
}

/// Clones are the same wire.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    tables: SharedHttpClient,
    endpoint: String,
    state: Mutex<State>,
    ended: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) services: Services,
    /// Every request so far, such as `PutItem messages`.
    pub(crate) requests: Vec<String>,
    /// What happens to the request with this number, from now on.
    pub(crate) fault: Option<(usize, Fault)>,
}

#[derive(Debug)]
struct Connector {
    shared: Arc<Shared>,
    tables: SharedHttpConnector,
}

impl Wire {
    /// To the database at `endpoint`.
    pub(crate) fn new(endpoint: String) -> Self {
        let tables = Builder::new().build_http();
        Self(Arc::new(Shared { tables, endpoint, state: Mutex::default(), ended: Notify::new() }))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    /// When the function has to end.
    pub(crate) async fn ended(&self) {
        self.0.ended.notified().await;
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let tables = self.0.tables.http_connector(settings, components);
        SharedHttpConnector::new(Connector { shared: Arc::clone(&self.0), tables })
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let operation = operation(&request);
        let fault = self.shared.state.lock().unwrap().fault_of(&operation);
        let shared = Arc::clone(&self.shared);
        match fault {
            None => self.carry_out(request),
            Some(Fault::Throttled) => answered(error(&operation, 429, "ThrottlingException")),
            Some(Fault::Refuses(name)) => answered(error(&operation, 400, name)),
            Some(Fault::EndsBefore) => HttpConnectorFuture::new(async move { end(&shared).await }),
            Some(Fault::EndsAfter) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async move {
                    carried_out.await?;
                    end(&shared).await
                })
            }
            Some(Fault::Late(time)) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async move {
                    let response = carried_out.await;
                    tokio::time::sleep(time).await;
                    response
                })
            }
            Some(Fault::Garbage) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async move {
                    carried_out.await?;
                    answered((200, "<html><title>Sign in to the network</title></html>".to_owned())).await
                })
            }
            Some(Fault::Fails) => {
                let carried_out = self.carry_out(request);
                HttpConnectorFuture::new(async move {
                    carried_out.await?;
                    answered(error(&operation, 500, "InternalServerException")).await
                })
            }
        }
    }
}

impl Connector {
    fn carry_out(&self, mut request: HttpRequest) -> HttpConnectorFuture {
        let path = request.uri().split('?').next().unwrap_or_default().to_owned();
        if request.headers().get("x-amz-target").is_some() {
            request.set_uri(self.shared.endpoint.as_str()).unwrap();
            return self.tables.call(request);
        }
        let services = &mut self.shared.state.lock().unwrap().services;
        let body = request.body().bytes().unwrap_or_default();
        answered(match path.split_once("/schedules/") {
            Some((_, name)) => services.schedule(request.method(), name, body),
            None => services.publish(body),
        })
    }
}

impl State {
    fn fault_of(&mut self, operation: &str) -> Option<Fault> {
        self.requests.push(operation.to_owned());
        match &mut self.fault {
            Some((0, _)) => self.fault.take().map(|(_, fault)| fault),
            Some((number, _)) => {
                *number -= 1;
                None
            }
            None => None,
        }
    }
}

async fn end<T>(shared: &Shared) -> T {
    shared.ended.notify_one();
    pending().await
}

fn operation(request: &HttpRequest) -> String {
    if let Some(target) = request.headers().get("x-amz-target") {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let table = body["TableName"].as_str().unwrap().split('-').nth(2).unwrap();
        return format!("{} {table}", target.rsplit('.').next().unwrap());
    }
    let operation = match (request.uri().contains("/schedules/"), request.method()) {
        (false, _) => "Publish",
        (true, "POST") => "CreateSchedule",
        (true, "PUT") => "UpdateSchedule",
        (true, "DELETE") => "DeleteSchedule",
        (true, _) => "GetSchedule",
    };
    operation.to_owned()
}

fn error(operation: &str, status: u16, name: &str) -> Answer {
    if operation == "Publish" {
        let error = format!("<Error><Type>Sender</Type><Code>{name}</Code><Message>no</Message></Error>");
        return (
            status,
            format!("<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">{error}</ErrorResponse>"),
        );
    }
    refusal(status, name, "no")
}

fn answered((status, body): Answer) -> HttpConnectorFuture {
    HttpConnectorFuture::ready(Ok(HttpResponse::new(StatusCode::try_from(status).unwrap(), SdkBody::from(body))))
}
