//! Every version of the protocol, by the client of the crate that the server is made of; each request reaches a sandbox that has just started.

use std::sync::Arc;

use http::{HeaderMap, Response};
use http_body_util::combinators::MapErr;
use http_body_util::{BodyExt, Full};
use http_guard::FetchError;
use mcp_client::{Connection, Posting};
use rmcp::RoleClient;
use rmcp::model::{CallToolRequestParams, ClientConfig, ProtocolVersion};
use rmcp::service::{ClientLifecycleMode, RunningService};
use serde_json::{Map, Value, json};

use crate::site::{Asked, Reply, page, status};
use crate::world::{KEY, World, event};

/// The way from a client to a function that starts anew for each request.
#[derive(Clone)]
struct ColdStarts(Arc<World>);

impl Posting for ColdStarts {
    type Body = MapErr<Full<bytes::Bytes>, fn(std::convert::Infallible) -> FetchError>;

    async fn post(&self, _: &str, headers: HeaderMap, body: Vec<u8>) -> Result<Response<Self::Body>, FetchError> {
        assert!(!headers.contains_key("mcp-session-id"), "there are no sessions");
        let mut sent = json!({ "x-api-key": KEY });
        for (name, value) in &headers {
            sent[name.as_str()] = json!(value.to_str().expect("text"));
        }
        let body = String::from_utf8(body).expect("text");
        let reply = self.0.server().invoke(&event("POST", "/mcp", &sent, &body)).await;
        let mut response = Response::builder().status(reply["statusCode"].as_u64().expect("a status") as u16);
        for (name, value) in reply["headers"].as_object().expect("headers") {
            response = response.header(name, value.as_str().expect("text"));
        }
        let body = Full::from(reply["body"].as_str().unwrap_or_default().to_owned());
        Ok(response.body(body.map_err((|never| match never {}) as fn(_) -> _)).expect("a response"))
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
    let mut client = ClientConfig::default();
    client.protocol_version = version.clone();
    let lifecycle = if version.has_initialize() {
        ClientLifecycleMode::Initialize
    } else {
        ClientLifecycleMode::Discover { preferred_versions: vec![version.clone()] }
    };
    let connection = Connection::new(ColdStarts(Arc::clone(world)));
    connection.served("https://mcp.test/mcp", client, lifecycle, 1 << 20).await.expect("a server")
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
