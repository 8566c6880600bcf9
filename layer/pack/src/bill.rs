//! The bill of materials (SBOM) of one zip, in `CycloneDX` 1.6: what tools read that look for known weaknesses.
//!
//! It has no time and no random serial number, both of which the format leaves open: one zip has one bill.

use serde_json::{Value, json};

use crate::architecture::Architecture;
use crate::archive::Entry;
use crate::components::{Component, Components, Source};
use crate::sums::sha256;

/// The bill of the zip called `file`, whose content is `zip`.
pub(crate) fn of(file: &str, zip: &[u8], architecture: Architecture, entries: &[Entry], linked: &Components) -> Value {
    let subject = json!({
        "type": "application",
        "bom-ref": file,
        "name": file,
        "version": env!("CARGO_PKG_VERSION"),
        "licenses": [{ "expression": env!("CARGO_PKG_LICENSE") }],
        "hashes": [sha256_of(zip)],
        "properties": [{ "name": "aws:lambda:architecture", "value": architecture.name() }],
    });
    let files = entries.iter().map(|entry| {
        json!({ "type": "file", "bom-ref": entry.name, "name": entry.name, "hashes": [sha256_of(&entry.content)] })
    });
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": subject },
        "components": files.chain(linked.all.iter().map(library)).collect::<Vec<_>>(),
        "dependencies": dependencies(file, linked),
    })
}

fn sha256_of(content: &[u8]) -> Value {
    json!({ "alg": "SHA-256", "content": sha256(content) })
}

fn library(component: &Component) -> Value {
    let mut library = json!({
        "type": "library",
        "bom-ref": reference(component),
        "name": component.name,
        "licenses": [{ "expression": component.licence }],
    });
    if let Some(version) = &component.version {
        library["version"] = version.as_str().into();
    }
    if let Source::Registry { .. } = component.source {
        library["purl"] = reference(component).into();
    }
    library
}

/// The package URL of what has one; a name within this document for the rest.
fn reference(component: &Component) -> String {
    match (&component.source, &component.version) {
        (Source::Registry { .. }, Some(version)) => {
            format!("pkg:cargo/{}@{}", component.name, version.replace('+', "%2B"))
        }
        _ => component.name.clone(),
    }
}

/// Who needs whom; the layer needs its programs and what the toolchain added to them.
fn dependencies(file: &str, linked: &Components) -> Vec<Value> {
    let needed = |from: usize| {
        let edges = linked.edges.iter().filter(move |(needs, _)| *needs == from);
        edges.map(|(_, needed)| reference(&linked.all[*needed])).collect::<Vec<_>>()
    };
    let is_needed = |index: usize| linked.edges.iter().any(|(_, needed)| *needed == index);
    let roots = (0..linked.all.len()).filter(|index| !is_needed(*index)).map(|index| reference(&linked.all[index]));
    let subject = json!({ "ref": file, "dependsOn": roots.collect::<Vec<_>>() });
    let others = linked.all.iter().enumerate();
    std::iter::once(subject)
        .chain(others.map(|(index, component)| json!({ "ref": reference(component), "dependsOn": needed(index) })))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn components() -> Components {
        let component = |name: &str, version: Option<&str>, source| Component {
            name: name.to_owned(),
            version: version.map(str::to_owned),
            licence: "MIT".to_owned(),
            source,
        };
        let registry = Source::Registry { folder: "/src".into(), repository: None };
        Components {
            all: vec![
                component("lrap", Some("0.1.0"), Source::Workspace),
                component("zstd-sys", Some("2.1.2+zstd.1.5.7"), registry),
                component("musl", None, Source::Toolchain { text: "" }),
            ],
            edges: [(0, 1)].into(),
        }
    }

    fn bill() -> Value {
        let program = Entry { name: "extensions/lrap".to_owned(), mode: 0o755, content: b"abc".to_vec() };
        of("lrap-arm64.zip", b"zip", Architecture::Arm, &[program], &components())
    }

    #[test]
    fn programs_and_libraries_are_components() {
        let bill = bill();
        let names: Vec<_> = bill["components"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!(names, ["extensions/lrap", "lrap", "zstd-sys", "musl"]);
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(bill["components"][0]["hashes"][0]["content"], sha256, "of abc");
        assert_eq!(bill["components"][2]["purl"], "pkg:cargo/zstd-sys@2.1.2%2Bzstd.1.5.7");
        assert_eq!(bill["components"][3].get("version"), None);
    }

    #[test]
    fn the_layer_needs_what_nothing_else_needs() {
        let dependencies = &bill()["dependencies"];
        assert_eq!(dependencies[0], json!({ "ref": "lrap-arm64.zip", "dependsOn": ["lrap", "musl"] }));
        assert_eq!(dependencies[1]["dependsOn"], json!(["pkg:cargo/zstd-sys@2.1.2%2Bzstd.1.5.7"]));
    }

    #[test]
    fn every_reference_names_a_component() {
        let bill = bill();
        let components = bill["components"].as_array().unwrap().iter().chain([&bill["metadata"]["component"]]);
        let known: Vec<_> = components.map(|component| &component["bom-ref"]).collect();
        for dependency in bill["dependencies"].as_array().unwrap() {
            let named = dependency["dependsOn"].as_array().unwrap().iter().chain([&dependency["ref"]]);
            assert!(named.clone().all(|name| known.contains(&name)), "{dependency}");
        }
    }
}
