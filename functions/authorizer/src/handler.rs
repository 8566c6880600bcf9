//! One request, one decision.

use crate::api_keys::ApiKeys;
use crate::bearer::Bearer;
use crate::settings::Settings;
use aws_sdk_secretsmanager::Client;
use functions_shared::{Clock, Failure, LambdaEvent, Variables};
use secrets::Secrets;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The longest that a decision may take: API Gateway waits 10 seconds for it, and answers 500 then.
const LONGEST: Duration = Duration::from_secs(8);

/// The ways in that this API has.
#[derive(Debug)]
pub struct Authorizer {
    keys: Option<ApiKeys>,
    bearer: Option<Bearer>,
}

/// What API Gateway is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    is_authorized: bool,
    context: HashMap<&'static str, String>,
}

/// What is read of the event. API Gateway spells names of headers in lower case, and joins several of one name by commas.
#[derive(Deserialize)]
struct Event {
    headers: HashMap<String, String>,
}

impl Authorizer {
    /// As the variables say.
    pub fn new(variables: &Variables, secrets: Client, clock: Clock) -> Result<Self, Failure> {
        let Settings { keys_secret, issuer } = Settings::read(variables)?;
        let secrets = Secrets::new(secrets, clock.clone());
        let bearer = issuer.map(|issuer| Bearer::new(issuer, variables, clock)).transpose()?;
        Ok(Self { keys: keys_secret.map(|secret| ApiKeys { secrets, secret }), bearer })
    }

    /// The name of who sent a request; none if that is not known for sure.
    async fn caller(&self, headers: &HashMap<String, String>) -> Option<String> {
        if let Some(key) = headers.get("x-api-key") {
            let caller = self.keys.as_ref()?.caller(key).await?;
            return Some(format!("key:{caller}"));
        }
        let subject = self.bearer.as_ref()?.caller(headers.get("authorization")?).await?;
        Some(format!("jwt:{subject}"))
    }
}

/// Decides about one request. An event that cannot be read is denied: an error here would be a 500, and never lets anyone in either.
pub async fn handle(authorizer: Arc<Authorizer>, event: LambdaEvent<Value>) -> Result<Decision, Failure> {
    let event: Result<Event, _> = serde_json::from_value(event.payload);
    let caller = match &event {
        // On the heap: the future of a request to Secrets Manager is large, and so is its type.
        Ok(event) => timeout(LONGEST, Box::pin(authorizer.caller(&event.headers))).await.unwrap_or_else(|_| late()),
        Err(_) => None,
    };
    tracing::info!(is_authorized = caller.is_some(), caller, "request checked");
    Ok(caller.map_or_else(Decision::default, Decision::allowed))
}

/// A service does not answer.
fn late() -> Option<String> {
    tracing::error!("no caller can be checked in time");
    None
}

impl Decision {
    fn allowed(caller: String) -> Self {
        Self { is_authorized: true, context: HashMap::from([("caller", caller)]) }
    }
}
