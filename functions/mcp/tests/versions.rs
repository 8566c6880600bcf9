//! Every version of the protocol, by the client of the crate that the server is made of; each request reaches a sandbox that has just started.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use http::{HeaderName, HeaderValue};
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ClientConfig, ClientJsonRpcMessage, ProtocolVersion, ServerJsonRpcMessage};
use rmcp::service::{ClientLifecycleMode, ClientServiceExt, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpClientTransportConfig, StreamableHttpError,
    StreamableHttpPostResponse,
};
use serde_json::{Map, Value, json};
use sse_stream::Sse;

use crate::site::{Asked, Reply, page, status};
use crate::world::{KEY, World, event};

/// The way from a client to a function that starts anew for each request.
#[derive(Clone)]
struct ColdStarts(Arc<World>);

type Failed = StreamableHttpError<std::io::Error>;

impl StreamableHttpClient for ColdStarts {
    type Error = std::io::Error;

    async fn post_message(
        &self,
        _: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _: Option<String>,
        headers: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        assert!(session.is_none(), "there are no sessions");
        let mut sent = json!({ "x-api-key": KEY, "accept": "application/json, text/event-stream" });
        for (name, value) in &headers {
            sent[name.as_str()] = json!(value.to_str().expect("text"));
        }
        let body = serde_json::to_string(&message).expect("JSON");
        let reply = self.0.server().invoke(&event("POST", "/mcp", &sent, &body)).await;
        if reply["statusCode"] == 202 {
            return Ok(StreamableHttpPostResponse::Accepted);
        }
        let text = reply["body"].as_str().unwrap_or_default();
        let message: ServerJsonRpcMessage = serde_json::from_str(text).unwrap_or_else(|_| panic!("{reply}"));
        Ok(StreamableHttpPostResponse::Json(message, None))
    }

    async fn delete_session(
        &self,
        _: Arc<str>,
        _: Arc<str>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Failed> {
        unreachable!("there are no sessions")
    }

    async fn get_stream(
        &self,
        _: Arc<str>,
        _: Option<Arc<str>>,
        _: Option<String>,
        _: Option<String>,
        _: HashMap<HeaderName, HeaderValue>,
    ) -> Result<BoxStream<'static, Result<Sse, SseError>>, Failed> {
        Err(StreamableHttpError::ServerDoesNotSupportSse)
    }
}

/// The weather service, as far as one place goes.
fn weather(asked: &Asked) -> Reply {
    let period = json!({
        "name": "Tonight", "startTime": "2026-11-29T18:00:00-06:00", "temperature": 31.0, "temperatureUnit": "F",
        "windSpeed": "5 mph", "windDirection": "N", "shortForecast": "Clear", "detailedForecast": "Clear and cold.",
    });
    match asked.path.as_str() {
        "/points/39.7456,-97.0892" => {
            let forecast = "https://api.weather.gov/gridpoints/TOP/32,81/forecast";
            page("application/geo+json", json!({ "properties": { "forecast": forecast } }).to_string())
        }
        "/gridpoints/TOP/32,81/forecast" => {
            page("application/geo+json", json!({ "properties": { "periods": [period] } }).to_string())
        }
        _ => status(404),
    }
}

async fn connected(world: &Arc<World>, version: &ProtocolVersion) -> RunningService<RoleClient, ClientConfig> {
    let config = StreamableHttpClientTransportConfig::with_uri("https://mcp.test/mcp");
    let transport = StreamableHttpClientTransport::with_client(ColdStarts(Arc::clone(world)), config);
    let mut client = ClientConfig::default();
    client.protocol_version = version.clone();
    let lifecycle = if version.has_initialize() {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Discover { preferred_versions: vec![version.clone()] }
    };
    client.serve_with_lifecycle(transport, lifecycle).await.expect("a server")
}

fn arguments(value: Value) -> Map<String, Value> {
    let Value::Object(arguments) = value else { panic!("an object") };
    arguments
}

#[tokio::test]
async fn every_version_lists_and_calls_although_each_request_meets_a_cold_start() {
    let world = Arc::new(World::new(weather).await);
    for version in ProtocolVersion::KNOWN_VERSIONS {
        let client = connected(&world, version).await;
        let agreed = client.peer_info().expect("a server").protocol_version.clone();
        assert_eq!(agreed, *version);
        let tools = client.list_all_tools().await.expect("tools");
        let names: Vec<_> = tools.iter().map(|tool| &*tool.name).collect();
        assert!(names.contains(&"get_weather_forecast") && names.contains(&"get_result"), "{version}: {names:?}");
        assert!(tools.iter().all(|tool| tool.input_schema["type"] == "object" && tool.output_schema.is_some()));
        let place = arguments(json!({ "latitude": 39.7456, "longitude": -97.0892, "days": 1 }));
        for name in ["get_weather_forecast", "get_weather"] {
            let call = CallToolRequestParams::new(name).with_arguments(place.clone());
            let result = serde_json::to_value(client.call_tool(call).await.expect("a result")).expect("JSON");
            let text = result["content"][0]["text"].as_str().expect("text");
            assert!(text.starts_with("Tonight (2026-11-29): Clear, 31 °F"), "{version}: {text}");
            assert_eq!(result["structuredContent"]["text"], text);
        }
        client.cancel().await.expect("an end");
    }
}
