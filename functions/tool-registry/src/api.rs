//! The paths under `/tools`.

use crate::registry::Site;
use functions_shared::Refusal;
use http_api::{Request, Response};
use registries::fields::states;
use registries::pages::Page;
use registries::tools::{Tool, ToolStatus};
use serde_json::{Value, json};

impl Site {
    /// One request.
    pub(crate) async fn routed(&self, request: &Request) -> Result<Response, Refusal> {
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["tools"]) => self.list(request).await,
            ("POST", ["tools"]) => self.create(request).await,
            (_, ["tools"]) => Ok(Response::other_methods("GET, POST")),
            ("GET", ["tools", name]) => Ok(found(&self.tools.registry.get(name).await?.row)),
            ("PUT", ["tools", name]) => self.replace(name, request).await,
            ("DELETE", ["tools", name]) => self.delete(name).await,
            (_, ["tools", _]) => Ok(Response::other_methods("DELETE, GET, PUT")),
            ("POST", ["tools", name, "activate"]) => self.set_status(name, ToolStatus::Active).await,
            ("POST", ["tools", name, "deprecate"]) => self.set_status(name, ToolStatus::Deprecated).await,
            ("POST", ["tools", name, "disable"]) => self.set_status(name, ToolStatus::Disabled).await,
            (_, ["tools", _, "activate" | "deprecate" | "disable"]) => Ok(Response::other_methods("POST")),
            _ => Ok(Response::no_such_path()),
        }
    }

    async fn list(&self, request: &Request) -> Result<Response, Refusal> {
        let status = request.parameter("status").map(ToolStatus::read).transpose()?;
        let page = Page::asked(request.parameter("limit"), request.parameter("next_token"))?;
        let listed = self.tools.registry.list(status, page).await?;
        Ok(Response::ok(json!({ "tools": listed.rows, "next_token": listed.next_token })))
    }

    async fn create(&self, request: &Request) -> Result<Response, Refusal> {
        let tool = self.tools.registry.create(self.described(request.json()?)?).await?;
        Ok(Response::created(format!("/tools/{}", tool.tool_name), json!(tool)))
    }

    /// The path names the tool; the body may, if it says the same. A body without a status changes none.
    async fn replace(&self, name: &str, request: &Request) -> Result<Response, Refusal> {
        let mut body = request.json()?;
        if let Value::Object(fields) = &mut body {
            fields.entry("tool_name").or_insert_with(|| json!(name));
        }
        let keeps_status = !states(&body, "status");
        let tool = self.described(body)?;
        if tool.tool_name != name {
            return Err(Refusal::invalid("tool_name", "must be the one in the path"));
        }
        Ok(found(&self.tools.registry.replace(tool, keeps_status).await?))
    }

    async fn delete(&self, name: &str) -> Result<Response, Refusal> {
        self.tools.delete(&self.tools.registry.get(name).await?).await?;
        Ok(Response::no_content())
    }

    async fn set_status(&self, name: &str, status: ToolStatus) -> Result<Response, Refusal> {
        Ok(found(&self.tools.registry.set_status(name, status).await?))
    }
}

fn found(tool: &Tool) -> Response {
    Response::ok(json!(tool))
}
