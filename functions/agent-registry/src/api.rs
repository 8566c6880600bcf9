//! The paths under `/agents`, and `/usage`.

use crate::registry::Agents;
use functions_shared::Refusal;
use http_api::{Request, Response};
use registries::agents::{Agent, AgentStatus, Version};
use registries::fields::Fields;
use registries::pages::{Listed, Page};
use serde_json::{Value, json};

impl Agents {
    /// One request.
    pub(crate) async fn routed(&self, request: &Request) -> Result<Response, Refusal> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["usage"]) => match &self.usage {
                Some(usage) => usage.answer(request).await,
                None => Ok(Response::no_such_path()),
            },
            ("GET", ["agents"]) => self.list(request).await,
            ("POST", ["agents"]) => self.create(request).await,
            ("GET", ["agents", name]) => self.get(name, request).await,
            (_, ["usage"] | ["agents", _]) => Ok(Response::other_methods("GET")),
            ("GET", ["agents", name, "versions"]) => self.versions(name, request).await,
            ("POST", ["agents", name, "versions"]) => self.derive(name, request).await,
            (_, ["agents"] | ["agents", _, "versions"]) => Ok(Response::other_methods("GET, POST")),
            ("GET", ["agents", name, "versions", version]) => self.version(name, version).await,
            ("DELETE", ["agents", name, "versions", version]) => self.delete(name, version).await,
            (_, ["agents", _, "versions", _]) => Ok(Response::other_methods("DELETE, GET")),
            ("POST", ["agents", name, verb @ ("activate" | "deprecate")]) => {
                let mut body = Fields::of_body(request.json()?)?;
                self.set_status(name, &body.required_text("version")?, verb).await
            }
            ("POST", ["agents", name, "versions", version, verb @ ("activate" | "deprecate")]) => {
                self.set_status(name, version, verb).await
            }
            (_, ["agents", _, "activate" | "deprecate"] | ["agents", _, "versions", _, "activate" | "deprecate"]) => {
                Ok(Response::other_methods("POST"))
            }
            _ => Ok(Response::no_such_path()),
        }
    }

    async fn list(&self, request: &Request) -> Result<Response, Refusal> {
        let status = request.parameter("status").map(AgentStatus::read).transpose()?;
        Ok(page_of(&self.registry.list(status, page(request)?).await?))
    }

    async fn create(&self, request: &Request) -> Result<Response, Refusal> {
        let agent = self.described(request.json()?).await?;
        Ok(created(&self.registry.create(agent, None).await?))
    }

    /// The newest active version, unless `version` names one.
    async fn get(&self, name: &str, request: &Request) -> Result<Response, Refusal> {
        match request.parameter("version") {
            Some(version) if version != "latest" => self.version(name, version).await,
            _ => Ok(found(&self.registry.newest_active(name).await?)),
        }
    }

    async fn versions(&self, name: &str, request: &Request) -> Result<Response, Refusal> {
        Ok(page_of(&self.registry.versions(name, &page(request)?).await?))
    }

    /// A new version: `changes` made to `base_version`.
    async fn derive(&self, name: &str, request: &Request) -> Result<Response, Refusal> {
        let mut body = Fields::of_body(request.json()?)?;
        let base = Version::read("base_version", &body.required_text("base_version")?)?;
        let version = body.text("version")?.map(|text| Version::read("version", &text)).transpose()?;
        let changes = body.object("changes")?.ok_or_else(|| Refusal::invalid("changes", "is missing"))?;
        body.finish()?;
        let base = self.registry.version(name, &base).await?.row;
        let agent = base.changed(version, Value::Object(changes), &self.defaults)?;
        self.check_tools(&agent).await?;
        Ok(created(&self.registry.create(agent, None).await?))
    }

    async fn version(&self, name: &str, version: &str) -> Result<Response, Refusal> {
        Ok(found(&self.registry.version(name, &Version::read("version", version)?).await?.row))
    }

    async fn delete(&self, name: &str, version: &str) -> Result<Response, Refusal> {
        self.registry.delete(name, &Version::read("version", version)?).await?;
        Ok(Response::no_content())
    }

    /// A version that is activated must still have its tools.
    async fn set_status(&self, name: &str, version: &str, verb: &str) -> Result<Response, Refusal> {
        let version = Version::read("version", version)?;
        if verb == "deprecate" {
            return Ok(found(&self.registry.set_status(name, &version, AgentStatus::Deprecated).await?));
        }
        self.check_tools(&self.registry.version(name, &version).await?.row).await?;
        Ok(found(&self.registry.set_status(name, &version, AgentStatus::Active).await?))
    }
}

fn page(request: &Request) -> Result<Page, Refusal> {
    Page::asked(request.parameter("limit"), request.parameter("next_token"))
}

fn page_of(listed: &Listed<Agent>) -> Response {
    Response::ok(json!({ "agents": listed.rows, "next_token": listed.next_token }))
}

fn found(agent: &Agent) -> Response {
    Response::ok(json!(agent))
}

fn created(agent: &Agent) -> Response {
    let location = format!("/agents/{}/versions/{}", agent.agent_name, agent.version);
    Response::created(location, json!(agent))
}
