//! A sandbox in three lines: a scripted Lambda, the real extension, and a runtime that talks to it.

use std::collections::BTreeMap;
use std::future::{Future, IntoFuture};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use lambda_local::ReservedPort;

use crate::extension::Extension;
use crate::fake_lambda::{EXTENSION_NEXT, FakeLambda, REGISTER};
use crate::message::{Event, Request};
use crate::peer::Exchange;
use crate::runtime::{Answer, Runtime};
use crate::stores::{Backing, Stores};
use crate::table::Table;

/// One sandbox under test.
pub struct World {
    pub lambda: FakeLambda,
    pub extension: Extension,
    pub runtime: Runtime,
    stores: Option<Stores>,
    invocations: usize,
    warmed_before: [u64; 2],
}

/// A sandbox that is about to start.
pub struct Builder {
    environment: BTreeMap<String, String>,
    stores: Setting,
    port: ReservedPort,
    is_read: bool,
    kept: Option<usize>,
}

enum Setting {
    /// Named, but out of reach: a test that does not expect store requests gets none answered.
    Absent,
    New(Backing),
    Shared(Stores),
}

/// The variables that Lambda and the stack set.
fn base_environment() -> BTreeMap<String, String> {
    let pairs = [
        ("AGENT_CONTEXT_TABLE", "content"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "example-secret"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

impl World {
    /// A sandbox with default settings; await it, or change it first.
    pub fn start() -> Builder {
        Builder {
            environment: base_environment(),
            stores: Setting::Absent,
            port: ReservedPort::new().unwrap(),
            is_read: true,
            kept: None,
        }
    }

    /// The content table.
    pub fn table(&self) -> &Arc<Table> {
        &self.stores().table
    }

    /// The table, and the bucket if it has one.
    pub fn stores(&self) -> &Stores {
        self.stores.as_ref().expect("a world that was started with a table")
    }

    /// An id as Lambda makes them, fresh each time.
    pub fn fresh_id(&mut self) -> String {
        self.invocations += 1;
        format!("8476a536-e9f4-11e8-9739-{:012x}", self.invocations)
    }

    /// Another sandbox with default settings on the same stores.
    pub async fn reader(&self) -> Self {
        Self::start().on(self.stores()).await
    }

    /// Another runtime in the same sandbox.
    pub fn another_runtime(&self) -> Runtime {
        Runtime::new(self.extension.listener)
    }

    /// One invocation whose event is `event`: what the runtime received. The runtime answers `null`.
    pub async fn deliver(&mut self, event: impl Into<Vec<u8>>) -> Answer {
        let id = self.fresh_id();
        self.deliver_event(Event::new(&id, event)).await
    }

    /// The same, for an event with its own headers and framing.
    pub async fn deliver_event(&mut self, event: Event) -> Answer {
        let id = event.id.clone();
        self.lambda.push(event);
        let delivered = self.runtime.next().await;
        assert_eq!(delivered.id(), id);
        self.runtime.respond(&id, "null").await;
        delivered
    }

    /// One invocation whose response is `response`: what reached Lambda.
    pub async fn respond(&mut self, response: impl Into<Vec<u8>>) -> Exchange {
        let id = self.invocation().await;
        let answer = self.runtime.respond(&id, response).await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        self.lambda.response(&id).await
    }

    /// One invocation with a response that cannot go as it is: the error that reached Lambda instead.
    pub async fn respond_in_vain(&mut self, response: impl Into<Vec<u8>>) -> Failure {
        let id = self.invocation().await;
        let answer = self.runtime.respond(&id, response).await;
        assert_eq!(answer.status, 202, "the runtime gets Lambda's answer to the error");
        let responded = format!("POST /2018-06-01/runtime/invocation/{id}/response");
        assert_eq!(self.lambda.count(&responded), 0, "nothing but the error reaches Lambda");
        Failure::of(&self.lambda.error(&id).await)
    }

    /// One invocation whose event cannot be hydrated: the error that reached Lambda. The runtime, which still polls, then gets
    /// the next event.
    pub async fn fail(&mut self, event: impl Into<Vec<u8>>) -> Failure {
        let id = self.fresh_id();
        self.fail_event(Event::new(&id, event)).await
    }

    /// The same, for an event with its own headers and framing.
    pub async fn fail_event(&mut self, event: Event) -> Failure {
        let id = event.id.clone();
        self.lambda.push(event);
        self.runtime.begin_next().await;
        let failure = Failure::of(&self.lambda.error(&id).await);
        let next = self.fresh_id();
        self.lambda.push(Event::new(&next, "\"works\""));
        let delivered = self.runtime.event().await;
        assert_eq!((delivered.id(), delivered.text().as_str()), (next.as_str(), "\"works\""));
        self.runtime.respond(&next, "null").await;
        failure
    }

    /// Begins an invocation with an event of no interest; its id.
    pub async fn invocation(&mut self) -> String {
        let id = self.fresh_id();
        self.lambda.push(Event::new(&id, "{}"));
        assert_eq!(self.runtime.next().await.id(), id);
        id
    }

    /// Sends `request` and gives what reached Lambda with what came back.
    pub async fn forward(&mut self, request: Request) -> (Exchange, Answer) {
        let name = format!("{} {}", request.method, request.target);
        let answer = self.runtime.send(request).await;
        (self.lambda.recorded(&name).await, answer)
    }
}

/// A failed invocation as Lambda heard of it.
#[derive(Debug)]
pub struct Failure {
    /// `errorType` of the body.
    pub error_type: String,
    pub message: String,
}

impl Failure {
    /// Reads the error, and checks that header and body say the same.
    pub fn of(error: &Exchange) -> Self {
        let body = error.json();
        let field = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("no {name} in {body}")).to_owned();
        let (error_type, message) = (field("errorType"), field("errorMessage"));
        assert_eq!(body["stackTrace"], serde_json::json!([]));
        let family = format!("Function.{}", error_type.replace('.', ""));
        assert_eq!(error.headers.all("Lambda-Runtime-Function-Error-Type"), [family]);
        Self { error_type, message }
    }
}

impl Builder {
    /// Sets a variable of the extension's environment.
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text reads better without a &")]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.insert(name.to_owned(), value.to_string());
        self
    }

    /// Nobody reads the extension's standard output and standard error, until the test asks for it.
    pub fn unread(mut self) -> Self {
        self.is_read = false;
        self
    }

    /// Lambda remembers the last exchanges only: for who invokes for hours.
    pub fn remembering(mut self, kept: usize) -> Self {
        self.kept = Some(kept);
        self
    }

    /// Removes a variable.
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Gives the sandbox a content table of its own.
    pub fn with_table(self) -> Self {
        self.with_store(Backing::Table)
    }

    /// Gives the sandbox stores of its own, of which this one takes all contents.
    pub fn with_store(mut self, backing: Backing) -> Self {
        self.stores = Setting::New(backing);
        self
    }

    /// Shares the content table of another sandbox.
    pub fn sharing(self, table: &Arc<Table>) -> Self {
        self.on(&Stores { table: Arc::clone(table), bucket: None })
    }

    /// Shares the stores of another sandbox.
    pub fn on(mut self, stores: &Stores) -> Self {
        self.stores = Setting::Shared(stores.clone());
        self
    }

    /// The address that the extension will listen at.
    pub fn listener(&self) -> SocketAddr {
        self.port.address()
    }

    /// Starts the process and does not wait for anything.
    pub async fn spawn(mut self) -> World {
        let stores = match std::mem::replace(&mut self.stores, Setting::Absent) {
            Setting::Absent => None,
            Setting::New(backing) => Some(Stores::start(backing).await),
            Setting::Shared(stores) => Some(stores),
        };
        for (name, value) in stores.iter().flat_map(Stores::variables) {
            self = self.with(name, value);
        }
        let lambda = match self.kept {
            Some(kept) => FakeLambda::start_keeping(kept).await,
            None => FakeLambda::start().await,
        };
        let listener = self.port.address();
        lambda.probe_at_register(listener);
        let defaults = [
            ("AWS_LAMBDA_RUNTIME_API", lambda.address.to_string()),
            ("LRAP_LISTENER_PORT", listener.port().to_string()),
        ];
        for (name, value) in defaults {
            self.environment.entry(name.to_owned()).or_insert(value);
        }
        let warmed_before = stores.as_ref().map_or([0; 2], Stores::warmed);
        let spawn = if self.is_read { Extension::spawn } else { Extension::spawn_unread };
        let extension = spawn(self.port, &self.environment);
        World { lambda, extension, runtime: Runtime::new(listener), stores, invocations: 0, warmed_before }
    }
}

impl IntoFuture for Builder {
    type Output = World;
    type IntoFuture = Pin<Box<dyn Future<Output = World>>>;

    /// Starts the sandbox and waits until its init phase is over.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            let world = self.spawn().await;
            world.lambda.recorded(&format!("POST {REGISTER}")).await;
            world.lambda.recorded(&format!("GET {EXTENSION_NEXT}")).await;
            // Counts of requests then begin with the first invocation.
            if let Some(stores) = &world.stores {
                stores.warmed_since(world.warmed_before).await;
            }
            world
        })
    }
}
