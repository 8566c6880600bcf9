//! What there is.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::api_error::ApiError;
use crate::call::Call;
use crate::names;
use crate::script::{Ending, Script};

pub(crate) const ACCOUNT: &str = "123456789012";

/// Everything of the account.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) url: String,
    pub(crate) region: String,
    pub(crate) gateways: BTreeMap<String, Gateway>,
    pub(crate) providers: BTreeMap<String, Provider>,
    pub(crate) oauth_providers: BTreeMap<String, OauthProvider>,
    /// By operation and token: the request, and the identifiers of what it made.
    pub(crate) tokens: HashMap<(String, String), (Value, String)>,
    pub(crate) script: Script,
    pub(crate) calls: Vec<Call>,
    pub(crate) most_gateways: usize,
    pub(crate) most_targets: usize,
}

/// A gateway with its targets.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) thing: Thing,
    pub(crate) targets: BTreeMap<String, Target>,
}

/// A target.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) id: String,
    pub(crate) gateway_arn: String,
    pub(crate) thing: Thing,
}

/// A provider of an API key. The key is kept for the gateway, and given to nobody else.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) arn: String,
    pub(crate) secret_arn: String,
    pub(crate) key: String,
    pub(crate) created: Timestamp,
}

/// A provider of OAuth tokens. The client's secret is not kept: no call of this stand-in needs it.
#[derive(Debug)]
pub(crate) struct OauthProvider {
    pub(crate) arn: String,
    pub(crate) secret_arn: String,
    pub(crate) callback_url: String,
    pub(crate) vendor: String,
    /// What replies say of its configuration.
    pub(crate) output: Value,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

/// What gateways and targets have in common: what was asked for, and how far it is.
#[derive(Debug)]
pub(crate) struct Thing {
    /// The request, as the reads give it back.
    pub(crate) asked: Map<String, Value>,
    pub(crate) created: String,
    pub(crate) updated: String,
    /// As it is now.
    pub(crate) status: String,
    pub(crate) reasons: Vec<String>,
    /// What it becomes, and after how many reads.
    next: Option<(Next, u32)>,
}

#[derive(Debug)]
enum Next {
    Status(String, Vec<String>),
    Gone,
}

impl Store {
    pub(crate) fn new(url: String, region: String) -> Self {
        Self {
            url,
            region,
            gateways: BTreeMap::new(),
            providers: BTreeMap::new(),
            oauth_providers: BTreeMap::new(),
            tokens: HashMap::new(),
            script: Script::new(),
            calls: vec![],
            most_gateways: 1000,
            most_targets: 100,
        }
    }

    /// `arn:aws:bedrock-agentcore:region:account:gateway/id`
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", self.region)
    }

    pub(crate) fn gateway(&mut self, id: &str) -> Result<&mut Gateway, ApiError> {
        self.gateways.get_mut(id).ok_or_else(|| ApiError::not_found("gateway", id))
    }

    /// What an earlier request with this token made.
    pub(crate) fn made_before(&self, operation: &str, body: &Value) -> Result<Option<String>, ApiError> {
        let Some(token) = names::client_token(body)? else { return Ok(None) };
        match self.tokens.get(&(operation.to_owned(), token.to_owned())) {
            None => Ok(None),
            Some((request, made)) if request == body => Ok(Some(made.clone())),
            Some(_) => Err(ApiError::conflict("the clientToken was used with another request")),
        }
    }

    pub(crate) fn remember(&mut self, operation: &str, body: &Value, made: &str) {
        if let Some(token) = body["clientToken"].as_str() {
            let key = (operation.to_owned(), token.to_owned());
            self.tokens.insert(key, (body.clone(), made.to_owned()));
        }
    }

    /// Something new, which ends as the script says.
    pub(crate) fn new_thing(&mut self, operation: &str, body: &Value) -> Thing {
        let (next, reads) = self.next(operation, "FAILED");
        Thing {
            asked: asked(body),
            created: now(),
            updated: now(),
            status: "CREATING".to_owned(),
            reasons: vec![],
            next: Some((next, reads)),
        }
    }

    /// What follows a change, if it is one.
    pub(crate) fn change(&mut self, operation: &str, body: &Value) -> Change {
        let (next, reads) = self.next(operation, "UPDATE_UNSUCCESSFUL");
        Change { asked: asked(body), next, reads }
    }

    /// See [`crate::AgentCore::settle`].
    pub(crate) fn settle(&mut self) {
        for gateway in self.gateways.values_mut() {
            let targets = gateway.targets.values_mut().map(|target| &mut target.thing);
            for thing in targets.chain([&mut gateway.thing]) {
                if let Some((_, reads)) = &mut thing.next {
                    *reads = 0;
                }
            }
        }
    }

    fn next(&mut self, operation: &str, failed: &str) -> (Next, u32) {
        let ready = Next::Status("READY".to_owned(), vec![]);
        match self.script.ending(operation) {
            None => (ready, self.script.settle_after),
            Some(Ending::Slow(after)) => (ready, after),
            Some(Ending::Failed(reasons)) => (Next::Status(failed.to_owned(), reasons), self.script.settle_after),
        }
    }
}

/// A change on its way.
#[derive(Debug)]
pub(crate) struct Change {
    asked: Map<String, Value>,
    next: Next,
    reads: u32,
}

impl Thing {
    /// Counts a read. Whether the thing is still there.
    pub(crate) fn read(&mut self) -> bool {
        match self.next.take() {
            None => true,
            Some((next, reads @ 1..)) => {
                self.next = Some((next, reads - 1));
                true
            }
            Some((Next::Status(status, reasons), 0)) => {
                (self.status, self.reasons) = (status, reasons);
                true
            }
            Some((Next::Gone, 0)) => false,
        }
    }

    /// Refuses what cannot be done while something else is.
    pub(crate) fn check_idle(&self) -> Result<(), ApiError> {
        match self.status.as_str() {
            status @ ("CREATING" | "UPDATING" | "DELETING") => {
                Err(ApiError::conflict(format!("it is {status}; try again later")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn apply(&mut self, change: Change) {
        (self.asked, self.updated, self.status) = (change.asked, now(), "UPDATING".to_owned());
        self.next = Some((change.next, change.reads));
    }

    pub(crate) fn delete(&mut self, reads: u32) {
        (self.status, self.updated) = ("DELETING".to_owned(), now());
        self.next = Some((Next::Gone, reads));
    }

    pub(crate) fn name(&self) -> &str {
        self.asked.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// With what only gateways or targets have.
    pub(crate) fn described(&self, own: Value) -> Value {
        let mut described = self.asked.clone();
        let common = json!({
            "createdAt": self.created, "updatedAt": self.updated, "status": self.status, "statusReasons": self.reasons,
        });
        for members in [common, own] {
            let Value::Object(members) = members else { continue };
            described.extend(members);
        }
        Value::Object(described)
    }
}

/// A request's members that reads give back.
fn asked(body: &Value) -> Map<String, Value> {
    let mut asked = body.as_object().cloned().unwrap_or_default();
    asked.remove("clientToken");
    asked.remove("tags");
    asked
}

fn now() -> String {
    format!("{:.3}", Timestamp::now())
}

/// The page of `items` that a query asks for: what comes after `nextToken`, as much of it as `maxResults` says.
pub(crate) fn page(items: Vec<Value>, query: &HashMap<String, String>) -> Value {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<usize>().ok());
    part("items", items, number("nextToken"), number("maxResults"))
}

/// The page of `items` that a body asks for.
pub(crate) fn page_of(name: &str, items: Vec<Value>, body: &Value) -> Value {
    let start = body["nextToken"].as_str().and_then(|text| text.parse::<usize>().ok());
    part(name, items, start, body["maxResults"].as_u64().and_then(|most| usize::try_from(most).ok()))
}

fn part(name: &str, items: Vec<Value>, start: Option<usize>, most: Option<usize>) -> Value {
    let (start, most) = (start.unwrap_or(0), most.unwrap_or(1000));
    let is_more = items.len() > start + most;
    let items: Vec<_> = items.into_iter().skip(start).take(most).collect();
    if is_more { json!({ name: items, "nextToken": (start + most).to_string() }) } else { json!({ name: items }) }
}
