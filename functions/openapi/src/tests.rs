//! Documents as people write them, and as nobody should.

use crate::document::Document;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const YAML: &str = r##"
openapi: 3.1.0
info: {title: Trees, version: "1"}
paths:
  /trees/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: string}}]
    get:
      operationId: getTree
      summary: One tree
      responses: &responses {"200": {description: It, content: {application/json: {schema: {$ref: "#/components/schemas/Tree"}}}}}
    put:
      operationId: putTree
      requestBody: {required: true, content: {application/json: {schema: {$ref: "#/components/schemas/Tree"}}}}
      responses: *responses
components:
  schemas:
    Tree:
      type: object
      required: [name]
      properties:
        name: {type: [string, "null"]}
        children: {type: array, items: {$ref: "#/components/schemas/Tree"}}
"##;

fn path_of(text: &str) -> String {
    Document::read(text.as_bytes()).expect_err("a mistake").path
}

#[test]
fn yaml_with_anchors_and_circular_references_is_read() {
    let operations = Document::read(YAML.as_bytes()).expect("a document").operations();
    let ids: Vec<_> = operations.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, ["getTree", "putTree"]);
    let put = &operations[1].input_schema;
    assert_eq!((&put["required"], &put["properties"]["children"]["items"]), (&json!(["id", "name"]), &json!({})));
}

#[test]
fn what_is_wrong_is_named_by_its_path() {
    for (text, path) in [
        ("", ""),
        ("<html></html>", ""),
        ("[]", ""),
        ("{\"openapi\": ", ""),
        ("swagger: '2.0'", "/swagger"),
        ("openapi: 3.0", "/openapi"),
        ("openapi: 4.0.0", "/openapi"),
        ("info: {}", "/openapi"),
        (&YAML.replace("operationId: putTree", "operationId: getTree"), "/paths/~1trees~1{id}/put/operationId"),
        (&YAML.replace("      operationId: putTree\n", ""), "/paths/~1trees~1{id}/put/operationId"),
        ("openapi: 3.0.3\ninfo: {title: a, version: '1'}\npaths: {}", "/paths"),
    ] {
        assert_eq!(path_of(text), path, "{text:.60}");
    }
}

#[test]
fn a_few_lines_that_stand_for_gigabytes_are_refused_soon() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let line = format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", "));
        bomb.push_str(&line);
    }
    let begin = Instant::now();
    assert_eq!(path_of(&bomb), "");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_document_has_an_end_and_a_depth() {
    assert_eq!(path_of(&"#".repeat(crate::MAX_BYTES + 1)), "");
    let deep = format!("{{\"a\": {}1{}}}", "[".repeat(120), "]".repeat(120));
    assert_eq!(path_of(&deep), "");
}

#[test]
fn references_that_multiply_end_at_the_limit() {
    let mut schemas = serde_json::Map::new();
    for level in 0..20 {
        let next = json!({ "$ref": format!("#/components/schemas/S{}", level + 1) });
        let properties: serde_json::Map<_, _> = (0..10).map(|name| (format!("p{name}"), next.clone())).collect();
        schemas.insert(format!("S{level}"), json!({ "type": "object", "properties": properties }));
    }
    schemas.insert("S20".to_owned(), json!({ "type": "string" }));
    let operation = json!({"operationId": "a", "responses": {"200": {"description": "It"}},
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}});
    let document: Value = json!({"openapi": "3.0.3", "info": {"title": "a", "version": "1"}, "paths": {"/": {"post": operation}},
        "components": {"schemas": schemas}});
    let schema = Document::of(document).expect("a document").operations().remove(0).input_schema;
    assert!(schema.to_string().len() < 100_000);
}
