//! The paths.

use crate::deadline::Deadline;
use crate::gateways::{GatewayChange, NewGateway, Place};
use crate::identity;
use crate::multipart::Form;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::Caller;
use crate::tools::{ToolChange, ToolRequest};
use functions_content::refuse_references;
use functions_shared::Refusal;
use http_api::{Request, Response};
use serde_json::{Value, json};

/// A request, and who made it.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) request: Request,
    pub(crate) deadline: Deadline,
}

impl Asked {
    /// The body, which must be JSON and hold no reference to a content.
    fn body(&self) -> Result<Value, Refusal> {
        let body = self.request.json()?;
        refuse_references("", &body)?;
        Ok(body)
    }

    /// Who the API says is asking.
    fn who(&self) -> Option<String> {
        self.request.sender.name().map(str::to_owned)
    }

    /// Who asks, with the id that the query gives, or a new one.
    fn caller(&self) -> Result<Caller, Refusal> {
        let request_id = identity::request_id(self.request.parameter("request_id").map(str::to_owned))?;
        Ok(Caller { who: self.who().unwrap_or_else(|| "unknown".to_owned()), request_id })
    }

    /// Whether the query says so.
    fn is(&self, name: &str) -> bool {
        self.request.parameter(name) == Some("true")
    }
}

impl Registry {
    /// One request.
    pub(crate) async fn routed(&self, asked: &Asked) -> Result<Response, Refusal> {
        let path: Vec<&str> = asked.request.path.iter().map(String::as_str).collect();
        let reply = match (asked.request.method.as_str(), path.as_slice()) {
            ("GET", ["health"]) => Reply::new(200, json!({ "status": "ok" })),
            ("POST", ["reconcile"]) => {
                self.reconcile(asked.is("dry_run"), &asked.caller()?, asked.deadline.clone()).await?
            }
            (method, ["gateways", rest @ ..]) => match self.gateways_routed(method, rest, asked).await? {
                Some(reply) => reply,
                None => return Ok(other_methods(&path)),
            },
            ("POST", ["tools", rest @ ..]) if rest.len() <= 1 => {
                let Some(request) = tool_request(rest, asked)? else { return Ok(other_methods(&path)) };
                Box::pin(self.create_tool(request, asked.who(), asked.deadline.clone())).await?
            }
            (_, path) => return Ok(other_methods(path)),
        };
        Ok(Response::json(reply.status, reply.body))
    }

    /// What is behind `/gateways`. `None` if there is no such path or method.
    async fn gateways_routed(&self, method: &str, path: &[&str], asked: &Asked) -> Result<Option<Reply>, Refusal> {
        let deadline = asked.deadline.clone();
        Ok(Some(match (method, path) {
            ("GET", []) => self.list_gateways(&asked.request).await?,
            ("POST", []) => self.create(asked, NewGateway::with_jwt(asked.body()?, &self.place())?).await?,
            ("POST", ["no-auth"]) => {
                self.create(asked, NewGateway::without_auth(asked.body()?, &self.place())?).await?
            }
            ("GET", [id]) => self.get_gateway(id, asked.is("audit"), &asked.caller()?).await?,
            ("PUT", [id]) => self.change(id, asked).await?,
            ("DELETE", [id]) => self.delete_gateway(id, &asked.caller()?, deadline).await?,
            ("GET", [id, "tools"]) => self.list_tools(id, &asked.request).await?,
            ("GET", [id, "tools", tool]) => self.get_tool(id, tool, asked.is("audit"), &asked.caller()?).await?,
            ("PUT", [id, "tools", tool]) => self.change_tool(id, tool, asked).await?,
            ("DELETE", [id, "tools", tool]) => Box::pin(self.delete_tool(id, tool, &asked.caller()?, deadline)).await?,
            _ => return Ok(None),
        }))
    }

    fn place(&self) -> Place<'_> {
        Place { region: &self.region, stage: &self.stage, role: &self.role }
    }

    async fn create(&self, asked: &Asked, new: NewGateway) -> Result<Reply, Refusal> {
        self.create_gateway(new, asked.who(), asked.deadline.clone()).await
    }

    async fn change_tool(&self, id: &str, tool: &str, asked: &Asked) -> Result<Reply, Refusal> {
        let stored = self.live_tool(id, tool).await?;
        let change = ToolChange::read(asked.body()?, &stored.row.metadata.name)?;
        let caller = Caller { request_id: change.request_id.clone(), ..asked.caller()? };
        Box::pin(self.update_tool(stored, change, &caller, asked.deadline.clone())).await
    }

    async fn change(&self, id: &str, asked: &Asked) -> Result<Reply, Refusal> {
        let change = GatewayChange::read(asked.body()?, &self.place())?;
        let caller = Caller { request_id: change.request_id.clone(), ..asked.caller()? };
        self.update_gateway(id, change, &caller, asked.deadline.clone()).await
    }
}

/// A tool to be made, by where its document comes from.
fn tool_request(path: &[&str], asked: &Asked) -> Result<Option<ToolRequest>, Refusal> {
    Ok(Some(match path {
        [] => {
            let form = Form::read(asked.request.header("content-type").unwrap_or_default(), asked.request.body())?;
            let file = form.file.ok_or_else(|| Refusal::invalid("file", "is missing"))?;
            refuse_references("", &json!(form.texts))?;
            ToolRequest::from_file(form.texts, &file)?
        }
        ["from-url"] => ToolRequest::from_url(asked.body()?)?,
        ["from-api-info"] => ToolRequest::from_api_info(asked.body()?)?,
        ["from-spec"] => ToolRequest::from_spec(asked.body()?)?,
        ["from-registry"] => ToolRequest::from_registry(asked.body()?)?,
        _ => return Ok(None),
    }))
}

/// What takes other methods, or nothing.
fn other_methods(path: &[&str]) -> Response {
    match path {
        ["health"] | ["gateways", _, "tools"] => Response::other_methods("GET"),
        ["reconcile" | "tools"]
        | ["gateways", "no-auth"]
        | ["tools", "from-url" | "from-api-info" | "from-spec" | "from-registry"] => Response::other_methods("POST"),
        ["gateways"] => Response::other_methods("GET, POST"),
        ["gateways", _] | ["gateways", _, "tools", _] => Response::other_methods("DELETE, GET, PUT"),
        _ => Response::no_such_path(),
    }
}
