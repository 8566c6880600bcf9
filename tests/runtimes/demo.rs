//! The demonstration of `make demo`, as a program: what it prints, and that it notices when something is wrong.

use super::stage::{built, layer, sha256, variable};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokio::process::Command;

use test_kit::json::noise;
use test_kit::soon;

/// The demonstration with everything as it should be.
struct Demo {
    layer: TempDir,
    folder: TempDir,
    reader: PathBuf,
    analyser: PathBuf,
}

impl Demo {
    fn new() -> Self {
        let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("../functions/document-reader");
        let folder = tempfile::tempdir().unwrap();
        Self { layer: layer(), folder, reader, analyser: built("document-analyser") }
    }

    /// Runs it with a document of this content, if there is to be one.
    async fn run(&self, content: Option<&str>) -> Output {
        let document = self.folder.path().join("document.txt");
        if let Some(content) = content {
            fs::write(&document, content).unwrap();
        }
        let mut command = Command::new(built("long_document"));
        command.arg("--layer").arg(self.layer.path());
        command.arg("--reader").arg(&self.reader).args(["--reader-python", &variable("LRAP_TEST_PYTHON")]);
        command.arg("--analyser").arg(&self.analyser);
        command.arg("--document").arg(&document).arg("--json").kill_on_drop(true);
        soon("the demonstration", command.output()).await.unwrap()
    }

    /// Puts another reader in place.
    fn read_by(mut self, program: &str) -> Self {
        self.reader = self.folder.path().join("reader");
        fs::create_dir(&self.reader).unwrap();
        fs::write(self.reader.join("document_reader.py"), program).unwrap();
        self
    }
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn shows_a_long_document_cross_the_workflow_as_a_reference() {
    let content = noise(300 << 10, 7);
    let output = Demo::new().run(Some(&content)).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["document"]["sha256"], sha256(content.as_bytes()));
    assert_eq!(figures["without_layer"]["fits_state"], false);
    let [cold, warm] = figures["runs"].as_array().unwrap().as_slice() else { panic!("{figures}") };
    for run in [cold, warm] {
        assert!(run["state"]["bytes"].as_u64().unwrap() < 400, "{run}");
        assert!(run["state"]["reference"].as_str().unwrap().starts_with("@content:"), "{run}");
        assert_eq!(run["analysis"]["sha256"], sha256(content.as_bytes()));
    }
    assert!(cold["read"]["bytes"].as_u64().unwrap() > 100_000, "{cold}");
    assert_eq!(warm["read"]["requests"], 0, "the warm sandbox remembers what it read: {warm}");
    assert!(cold["written"]["write_units"].as_f64().unwrap() > 100.0, "{cold}");
    assert!(cold["reader"]["init_ms"].is_number() && warm["reader"]["init_ms"].is_null());
}

#[tokio::test]
async fn shows_a_short_document_cross_as_it_is() {
    let output = Demo::new().run(Some("short")).await;
    assert_eq!(output.status.code(), Some(0), "{}", complaint(&output));
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["without_layer"]["fits_state"], true);
    for run in figures["runs"].as_array().unwrap() {
        assert_eq!(run["state"]["reference"], Value::Null);
        assert_eq!((&run["written"]["requests"], &run["read"]["requests"]), (&0.into(), &0.into()));
    }
}

#[tokio::test]
async fn a_document_that_is_not_there_is_named() {
    let output = Demo::new().run(None).await;
    assert_eq!(output.status.code(), Some(2));
    assert!(complaint(&output).contains("document.txt: No such file"), "{}", complaint(&output));
}

#[tokio::test]
async fn notices_when_something_else_arrives() {
    let content = "what was sent";
    let forged = format!(
        "def handler(event, context):\n    return {{'document': {{'name': 'd', 'encoding': 'utf-8', 'sha256': '{}'}}, 'text': 'other'}}\n",
        sha256(content.as_bytes())
    );
    let output = Demo::new().read_by(&forged).run(Some(content)).await;
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).contains("first run: what arrived is not what was sent"), "{}", complaint(&output));
}

#[tokio::test]
async fn tells_how_a_function_failed_and_shows_its_log() {
    let broken = "def handler(event, context):\n    print('about to fail')\n    raise KeyError('page')\n";
    let output = Demo::new().read_by(broken).run(Some("short")).await;
    assert_eq!(output.status.code(), Some(1));
    let complaint = complaint(&output);
    assert!(complaint.contains("document-reader failed: KeyError"), "{complaint}");
    assert!(complaint.contains("document-reader | about to fail"), "{complaint}");
}
