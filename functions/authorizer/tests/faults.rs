//! Whom the authorizer asks is down, slow, busy or somebody else: who is known already is let in, and nobody else. What was observed is the
//! table in `docs/api.md`, which `UPDATE_DOCS=1` rewrites.

use crate::world::{AUDIENCE, ISSUER, KEY, SecretsManager, World, decided, event};
use authorizer::Authorizer;
use futures_util::future::join_all;
use serde_json::{Value, json};
use stand_ins::oauth::SigningKey;
use stand_ins::{Fault, StandIns};
use std::sync::Arc;
use std::time::Duration;
use test_kit::documented;

const MARKS: [&str; 2] = ["<!-- faults of authorizer: made by a test -->", "<!-- end of faults of authorizer -->"];
const LATE: Duration = Duration::from_secs(10);

/// What fails.
#[derive(Clone, Copy, Debug)]
enum Broken {
    Secrets(SecretsManager),
    Issuer(Fault),
}

fn cases() -> Vec<(&'static str, &'static str, Broken)> {
    let secrets = [
        ("down", SecretsManager::HangsUp),
        ("10 s late", SecretsManager::IsLate(LATE)),
        ("garbage", SecretsManager::Garbage),
        ("429", SecretsManager::Refuses(429)),
        ("500", SecretsManager::Refuses(500)),
    ];
    let status = |status| Fault::Status { status, retry_after: None };
    let issuer = [
        ("down", Fault::Down),
        ("10 s late", Fault::Slow { milliseconds: 10_000 }),
        ("garbage", Fault::Garbage),
        ("429", status(429)),
        ("500", status(500)),
    ];
    let secrets = secrets.map(|(how, habit)| ("Secrets Manager", how, Broken::Secrets(habit))).into_iter();
    secrets.chain(issuer.map(|(how, fault)| ("keys of the issuer", how, Broken::Issuer(fault)))).collect()
}

/// A request of a caller whom the broken service would vouch for.
fn request(broken: Broken) -> Value {
    match broken {
        Broken::Secrets(_) => event(&json!({ "x-api-key": KEY })),
        Broken::Issuer(_) => {
            let claims = json!({"sub": "ann", "iss": ISSUER, "aud": AUDIENCE, "exp": 4_000_000_000_u64, "nbf": 1});
            let token = SigningKey::new("key-0", 0).sign(&claims);
            event(&json!({ "authorization": format!("Bearer {token}") }))
        }
    }
}

async fn is_let_in(sandbox: &Arc<Authorizer>, broken: Broken) -> bool {
    decided(sandbox, request(broken)).await.0
}

async fn observed((what, how, broken): (&str, &str, Broken)) -> String {
    let stand_ins = StandIns::start().await.unwrap();
    let world = World::with(&stand_ins.variables()).await;
    let (old, new) = (world.sandbox(), world.sandbox());
    assert!(is_let_in(&old, broken).await, "{what} {how}: before");
    match broken {
        Broken::Secrets(habit) => world.secrets(habit),
        Broken::Issuer(fault) => stand_ins.script().always(stand_ins::ISSUER, fault),
    }
    let meanwhile = (is_let_in(&old, broken).await, is_let_in(&new, broken).await);
    assert_eq!(meanwhile, (true, false), "{what} {how}");
    world.secrets(SecretsManager::Answers);
    stand_ins.script().clear();
    assert!(is_let_in(&new, broken).await, "{what} {how}: afterwards");
    format!("| {what} | {how} | denied | let in | let in |\n")
}

#[tokio::test]
async fn what_every_fault_leads_to_is_what_the_page_says() {
    let mut table =
        "| what fails | how | in a new sandbox | in one that has the keys already | in the new one afterwards |\n"
            .to_owned();
    table += "|---|---|---|---|---|\n";
    table += &join_all(cases().into_iter().map(observed)).await.concat();
    documented("api.md", MARKS, &table);
}
