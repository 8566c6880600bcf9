//! The paths.

use crate::deadline::Deadline;
use crate::gateways::{GatewayChange, NewGateway};
use crate::identity;
use crate::registry::Registry;
use crate::reply::Reply;
use crate::rows::Caller;
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
            ("GET", ["gateways"]) => self.list_gateways(&asked.request).await?,
            ("POST", ["gateways"]) => self.create(asked, NewGateway::with_jwt(asked.body()?, &self.region)?).await?,
            ("POST", ["gateways", "no-auth"]) => self.create(asked, NewGateway::without_auth(asked.body()?)?).await?,
            ("GET", ["gateways", id]) => self.get_gateway(id, asked.is("audit"), &asked.caller()?).await?,
            ("PUT", ["gateways", id]) => self.change(id, asked).await?,
            ("DELETE", ["gateways", id]) => self.delete_gateway(id, &asked.caller()?, asked.deadline.clone()).await?,
            (_, path) => return Ok(other_methods(path)),
        };
        Ok(Response::json(reply.status, reply.body))
    }

    async fn create(&self, asked: &Asked, new: NewGateway) -> Result<Reply, Refusal> {
        self.create_gateway(new, asked.who(), asked.deadline.clone()).await
    }

    async fn change(&self, id: &str, asked: &Asked) -> Result<Reply, Refusal> {
        let change = GatewayChange::read(asked.body()?, &self.region, &self.role)?;
        let caller = Caller { request_id: change.request_id.clone(), ..asked.caller()? };
        self.update_gateway(id, change, &caller, asked.deadline.clone()).await
    }
}

/// What takes other methods, or nothing.
fn other_methods(path: &[&str]) -> Response {
    match path {
        ["health"] => Response::other_methods("GET"),
        ["reconcile"] | ["gateways", "no-auth"] => Response::other_methods("POST"),
        ["gateways"] => Response::other_methods("GET, POST"),
        ["gateways", _] => Response::other_methods("DELETE, GET, PUT"),
        _ => Response::no_such_path(),
    }
}
