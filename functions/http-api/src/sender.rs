//! Where a request came from, and who sent it, as API Gateway says. What the request itself claims is not in here.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Where a request came from, and who sent it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sender {
    /// The address of the client, or of the last proxy in front of API Gateway.
    pub ip: String,
    /// The request's id in API Gateway's access log.
    pub request_id: String,
    /// What the authorizer knows: `iam`, `jwt` or `lambda`, as in the event. None if the route has no authorizer.
    pub authorizer: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Context {
    pub(crate) stage: String,
    pub(crate) http: Http,
    request_id: String,
    authorizer: Option<Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Http {
    pub(crate) method: String,
    source_ip: String,
}

impl Sender {
    pub(crate) fn of(context: Context) -> Self {
        let authorizer = context.authorizer.filter(|authorizer| !authorizer.is_null());
        Self { ip: context.http.source_ip, request_id: context.request_id, authorizer }
    }

    /// The name of who sent it: the ARN of an IAM principal, the subject of a JWT, or `caller` of a Lambda authorizer's context.
    pub fn name(&self) -> Option<&str> {
        let authorizer = self.authorizer.as_ref()?;
        let places = ["/iam/userArn", "/jwt/claims/sub", "/lambda/caller"];
        places.iter().find_map(|place| authorizer.pointer(place)?.as_str()).filter(|name| !name.is_empty())
    }

    /// What a Lambda authorizer has put into its context.
    pub fn context(&self) -> Option<&Map<String, Value>> {
        self.authorizer.as_ref()?.get("lambda")?.as_object()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_authorizer_names_the_sender() {
        for (authorizer, name) in [
            (
                json!({"iam": {"userArn": "arn:aws:iam::123456789012:user/ann"}}),
                Some("arn:aws:iam::123456789012:user/ann"),
            ),
            (json!({"jwt": {"claims": {"sub": "ann"}, "scopes": null}}), Some("ann")),
            (json!({"lambda": {"caller": "key-1"}}), Some("key-1")),
            (json!({"lambda": {"caller": ""}}), None),
            (json!({"lambda": null}), None),
            (Value::Null, None),
        ] {
            let context = Context { authorizer: Some(authorizer), ..Context::default() };
            assert_eq!(Sender::of(context).name(), name);
        }
    }
}
