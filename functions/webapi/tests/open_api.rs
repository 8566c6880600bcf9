//! The OpenAPI description has the routes of the code and no others, and its examples are accepted.

use crate::world::World;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use webapi::routes::ROUTES;

const DESCRIPTION: &str = include_str!("../openapi.json");

fn description() -> Value {
    serde_json::from_str(DESCRIPTION).expect("JSON")
}

#[test]
fn the_description_has_the_routes_of_the_code() {
    let description = description();
    let paths = description["paths"].as_object().unwrap();
    let methods = |path: &str| {
        paths[path].as_object().unwrap().keys().filter(|name| *name != "parameters").cloned().collect::<Vec<_>>()
    };
    let described: BTreeSet<_> = paths
        .keys()
        .flat_map(|path| methods(path).into_iter().map(move |method| (method.to_uppercase(), path.clone())))
        .collect();
    let coded: BTreeSet<_> =
        ROUTES.iter().map(|(method, path, _)| ((*method).to_owned(), (*path).to_owned())).collect();
    assert_eq!(described, coded);
    for (method, path, operation) in ROUTES {
        let name = format!("{operation:?}");
        let name = name[..1].to_lowercase() + &name[1..];
        assert_eq!(paths[path][method.to_lowercase()]["operationId"], name, "{method} {path}");
    }
}

#[test]
fn every_reference_in_the_description_leads_somewhere() {
    let description = description();
    assert_eq!(description["openapi"], "3.1.0");
    let mut open = vec![&description];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref") {
                    let pointer = reference.as_str().unwrap().trim_start_matches('#');
                    assert!(description.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_examples_of_the_description_are_accepted() {
    let world = World::start().await;
    let description = description();
    let mut sent = 0;
    for path in ["/api/messages", "/api/schedules"] {
        let examples = &description["paths"][path]["post"]["requestBody"]["content"]["application/json"]["examples"];
        for (name, example) in examples.as_object().unwrap() {
            let answer = world.post(path, &example["value"]).await;
            assert_eq!(answer.status, 201, "{path} {name}: {answer:?}");
            sent += 1;
        }
    }
    assert_eq!(world.published().len(), sent);
    assert!(sent > 5);
}

#[tokio::test]
async fn replies_have_the_members_that_the_description_requires() {
    let world = World::start().await;
    let description = description();
    let required = |schema: &str| description["components"]["schemas"][schema]["required"].as_array().unwrap().clone();
    let message = world.post("/api/messages", &crate::world::notification()).await;
    let refused = world.post("/api/messages", &json!({})).await;
    let change = world.post("/api/schedules", &crate::world::schedule("daily")).await;
    let schedule = world.get("/api/schedules").await.body["schedules"][0].clone();
    for (schema, body) in [
        ("Message", &message.body),
        ("Problem", &refused.body),
        ("ScheduleChanged", &change.body),
        ("Schedule", &schedule),
    ] {
        for name in required(schema) {
            assert!(body.get(name.as_str().unwrap()).is_some(), "{schema}: {name} in {body}");
        }
    }
}
