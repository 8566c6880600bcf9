//! The tool for operators: every command through the real process, on a real table.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use lambda_local::table::{Fault, Faults};
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use long_content::store::ContentStore;
use long_content::store::dynamodb::{CredentialsSource, DynamoDbStore, ServiceAccess, Settings};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use test_kit::extension::{binary, tool};
use test_kit::json::{noise, quote, text};
use test_kit::secrets::{SECRET_ARN, Secret};
use test_kit::table::Table;
use test_kit::{World, soon};

const DAY: Ttl = Ttl::seconds(86_400);
const COMMANDS: [&str; 7] = ["put", "cat", "verify", "ls", "explain", "config", "completions"];

/// An operator's shell: an environment, and a content table.
struct Shell {
    table: Table,
    environment: BTreeMap<&'static str, String>,
}

impl Shell {
    async fn new() -> Self {
        let table = Table::start().await;
        let environment = [
            ("AGENT_CONTEXT_TABLE", table.name().to_owned()),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", table.endpoint()),
            ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "example-secret".to_owned()),
        ];
        Self { table, environment: environment.into() }
    }

    fn with(mut self, name: &'static str, value: impl std::fmt::Display) -> Self {
        self.environment.insert(name, value.to_string());
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    async fn put(&self, contents: &[Content]) -> Vec<ContentRef> {
        self.put_in(&self.scope(), contents).await
    }

    async fn put_in(&self, scope: &Scope, contents: &[Content]) -> Vec<ContentRef> {
        let credentials = CredentialsSource::Static {
            access_key_id: "AKIDEXAMPLE".to_owned(),
            secret_access_key: "example-secret".to_owned(),
            session_token: None,
        };
        let settings = Settings {
            table: self.table.name().to_owned(),
            region: "eu-central-1".to_owned(),
            access: ServiceAccess::new(Some(self.table.endpoint()), credentials),
        };
        let named: Vec<_> =
            contents.iter().map(|content| (scope.reference(DAY, content), content.bytes.clone())).collect();
        let until = Instant::now() + Duration::from_mins(1);
        DynamoDbStore::new(settings).unwrap().put(scope, &named, until).await.unwrap();
        named.into_iter().map(|(reference, _)| reference).collect()
    }

    fn scope(&self) -> Scope {
        Scope::new(self.table.name())
    }

    /// Runs `lrap` with these arguments.
    async fn lrap(&self, arguments: &[&str]) -> Said {
        self.lrap_reading(arguments, "").await
    }

    /// The same, with a text on standard input.
    async fn lrap_reading(&self, arguments: &[impl AsRef<OsStr>], input: &str) -> Said {
        let mut command = Command::new(tool());
        command.args(arguments).env_clear().envs(&self.environment).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).await.ok();
        drop(stdin);
        Said(soon("the end of the tool", child.wait_with_output()).await.unwrap())
    }
}

/// What the tool said, and how it ended.
struct Said(Output);

impl Said {
    fn code(&self) -> i32 {
        self.0.status.code().expect("it was not killed")
    }

    fn out(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).unwrap()
    }

    fn error(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.0.stdout).unwrap_or_else(|error| panic!("{error}: {}{}", self.out(), self.error()))
    }

    /// Ended with `code`, saying why where a person reads it.
    fn failed(&self, code: i32, why: &str) {
        assert!(self.error().contains(why), "{why:?} in {:?}", self.error());
        assert_eq!(self.code(), code, "{}", self.error());
    }
}

fn file(text: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_ref()).unwrap();
    file
}

fn path(file: &tempfile::NamedTempFile) -> &str {
    file.path().to_str().unwrap()
}

/// Long contents of both kinds: text that says more than ASCII, and JSON with spellings of its own.
fn long_contents() -> [Content; 2] {
    let words = format!("\u{0}世界\r\n{}", noise(5 << 20, 1));
    let numbers = format!("[1e400, -0 ,\"\\u00e9\"{}]", ", 1.0".repeat(1 << 20));
    [Content::string(words), Content::json(numbers)]
}

#[tokio::test]
async fn cat_writes_contents_byte_for_byte() {
    let shell = Shell::new().await;
    let contents = long_contents();
    for (reference, content) in shell.put(&contents).await.iter().zip(&contents) {
        let said = shell.lrap(&["cat", &reference.to_string()]).await;
        assert_eq!((said.code(), said.error()), (0, ""));
        assert!(said.0.stdout == content.bytes, "{} bytes, {reference}", said.0.stdout.len());

        let target = tempfile::NamedTempFile::new().unwrap();
        let said = shell.lrap(&["cat", &reference.to_string(), "-o", path(&target)]).await;
        assert_eq!((said.code(), said.out()), (0, ""));
        assert!(std::fs::read(target.path()).unwrap() == content.bytes);
    }
}

#[tokio::test]
async fn put_stores_what_a_function_is_given() {
    let mut world = World::start().with("LRAP_SIGNING_KEY", "a-signing-key-of-some-length").with_table().await;
    let shell = Shell::new().await.with("AGENT_CONTEXT_TABLE", world.table().name());
    let shell = shell.with("AWS_ENDPOINT_URL_DYNAMODB", world.table().endpoint());
    let shell = shell.with("LRAP_SIGNING_KEY", "a-signing-key-of-some-length").with("LRAP_CONTENT_TTL", 3600);
    let [words, numbers] = long_contents();
    let (text, value) = (file(&words.bytes), file(&numbers.bytes));
    for (arguments, delivered) in [
        (&["put", path(&text)][..], quote(std::str::from_utf8(&words.bytes).unwrap())),
        (&["put", "--json-value", path(&value)], std::str::from_utf8(&numbers.bytes).unwrap().to_owned()),
        (&["put", "--text", "short"], quote("short")),
        (&["put", "--text", ""], quote("")),
    ] {
        let said = shell.lrap(arguments).await;
        assert_eq!((said.code(), said.error(), said.out().lines().count()), (0, "", 1), "{}", said.out());
        let reference = said.out().trim_end();
        assert!(reference.contains(":3600:"), "{reference}");
        let got = world.deliver(format!(r#"{{"document":{}}}"#, quote(reference))).await.text();
        assert!(got == format!(r#"{{"document":{delivered}}}"#), "{arguments:?}: {} bytes", got.len());
        assert_eq!(shell.lrap(&["verify", reference]).await.code(), 0);
    }
}

#[tokio::test]
async fn put_reads_standard_input_and_says_what_it_stored() {
    let shell = Shell::new().await;
    let said = shell.lrap_reading(&["put", "-", "--json", "--tenant", "blue"], "text\n").await;
    let document = said.json();
    let reference = shell.scope().for_tenant("blue").reference(DAY, &Content::string("text\n"));
    assert_eq!((said.code(), &document["reference"]), (0, &json!(reference.to_string())));
    assert_eq!((&document["kind"], &document["size"]), (&json!("s"), &json!(5)));
    assert_eq!(document["handle"], reference.handle());
    assert!(document["expires_at"].as_u64().unwrap() > 1_700_000_000, "{document}");
    assert_eq!(shell.lrap(&["cat", "--tenant", "blue", &reference.to_string()]).await.out(), "text\n");
    let kept = shell.with("LRAP_CONTENT_TTL", 0);
    assert_eq!(kept.lrap_reading(&["put", "-", "--json"], "").await.json()["expires_at"], json!(null));
}

#[tokio::test]
async fn put_refuses_what_no_reference_can_hold() {
    let shell = Shell::new().await;
    let binary = file(b"ab\xff");
    shell.lrap(&["put", path(&binary)]).await.failed(2, "is not UTF-8: byte 0xff at 2");
    shell.lrap(&["put", path(&binary), "--json-value"]).await.failed(2, "is not JSON");
    shell.lrap_reading(&["put", "-", "--json-value"], "{\"a\": x}").await.failed(2, "line 1 column 7");
    let damaged = r#"["@content:1:dynamodb:s:1:x"]"#;
    shell.lrap_reading(&["put", "-", "--json-value"], damaged).await.failed(2, "reads like a reference but is not one");
    let large = tempfile::NamedTempFile::new().unwrap();
    large.as_file().set_len((64 << 20) + 1).unwrap();
    shell.lrap(&["put", path(&large)]).await.failed(2, "is larger than a content may be (67108864 bytes)");
    assert_eq!(shell.table.meter().total_requests(), 0);

    shell.table.faults(Faults::always(Fault::DenyCredentials));
    shell.lrap(&["put", "--text", "a"]).await.failed(3, "AWS_ACCESS_KEY_ID");
    let shell = shell.without("AGENT_CONTEXT_TABLE").without("AWS_REGION");
    shell.lrap(&["put", "--text", "a"]).await.failed(2, "AGENT_CONTEXT_TABLE is not set");
}

#[tokio::test]
async fn cat_takes_handles() {
    let shell = Shell::new().await.with("LRAP_SIGNING_KEY", "a-signing-key-of-some-length");
    let scope = shell.scope().signed_by("a-signing-key-of-some-length".parse().unwrap());
    let handle = shell.put_in(&scope, &[Content::string("ours")]).await[0].handle();
    assert_eq!(shell.lrap(&["cat", &handle]).await.out(), "ours");
    assert_eq!(shell.lrap(&["cat", "--json", &handle]).await.json()["content"], "ours");
    shell.lrap(&["cat", &handle[..handle.len() - 2]]).await.failed(2, "malformed");
    let mut altered = handle.clone();
    altered.replace_range(handle.len() - 1.., if handle.ends_with('A') { "Q" } else { "A" });
    shell.lrap(&["cat", &altered]).await.failed(1, "altered");
}

#[tokio::test]
async fn cat_as_json_holds_the_value() {
    let shell = Shell::new().await;
    let stored = shell.put(&[Content::string("a\n\"b\""), Content::json(r#"{"n":1e400,"a":[]}"#)]).await;
    let string = shell.lrap(&["cat", "--json", &stored[0].to_string()]).await.json();
    assert_eq!(string, json!({"reference": stored[0].to_string(), "kind": "s", "size": 5, "content": "a\n\"b\""}));
    let value = shell.lrap(&["cat", "--json", &stored[1].to_string()]).await;
    assert!(value.out().ends_with("\"content\":{\"n\":1e400,\"a\":[]}}\n"), "{}", value.out());
    let target = tempfile::NamedTempFile::new().unwrap();
    let said = shell.lrap(&["cat", "--json", &stored[0].to_string(), "--output", path(&target)]).await.json();
    assert_eq!((said["size"].as_u64(), said["file"].as_str()), (Some(5), Some(path(&target))));
}

#[tokio::test]
async fn parts_are_read_verified_and_explained() {
    let shell = Shell::new().await;
    let whole = shell.put(&[Content::json(r#"{"rows":[{"n":1e400},2,3]}"#)]).await[0].to_string();
    let part = |part: &str| format!("@content:2:{}:{part}", &whole[1..]);
    for (spelt, content) in [(".rows.0.n", "1e400"), (".rows:1:5", "[2,3]"), (".rows:0:1", r#"[{"n":1e400}]"#)] {
        assert_eq!(shell.lrap(&["cat", &part(spelt)]).await.out(), content);
        assert_eq!(shell.lrap(&["cat", &part(spelt)[9..]]).await.out(), content);
    }
    let (good, absent) = (part(".rows:1:1"), part(".lines"));
    shell.lrap(&["cat", &absent]).await.failed(1, "the content has no value there");
    shell.lrap(&["cat", &part("rows")]).await.failed(2, "malformed");
    let verified = shell.lrap(&["verify", "--json", &good, &absent]).await;
    assert!(verified.out().contains("no such part"), "{}", verified.out());
    shell.lrap(&["verify", &good]).await.out();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), json!([good, absent]).to_string()).unwrap();
    let explained = shell.lrap(&["explain", "--as", "event", "--fetch", "--json", path(&file)]).await;
    assert!(
        explained.out().contains("no such part") && explained.out().contains("a part of a JSON value"),
        "{}",
        explained.out()
    );
}

#[tokio::test]
async fn cat_reads_what_belongs_to_a_tenant_for_that_tenant_only() {
    let shell = Shell::new().await;
    let reference = shell.put_in(&shell.scope().for_tenant("blue"), &[Content::string("ours")]).await[0].to_string();
    assert_eq!(shell.lrap(&["cat", "--tenant", "blue", &reference]).await.out(), "ours");
    shell.lrap(&["cat", &reference]).await.failed(1, "no content is stored");
}

/// The name of a tenant is the bytes of its header.
#[tokio::test]
async fn cat_tells_tenants_apart_whose_names_are_not_text() {
    let shell = Shell::new().await;
    let reference = shell.put_in(&shell.scope().for_tenant(b"\xe9"), &[Content::string("ours")]).await[0].to_string();
    let as_tenant = async |name: &'static [u8]| {
        let arguments = [b"cat", b"--tenant".as_slice(), name, reference.as_bytes()];
        shell.lrap_reading(&arguments.map(OsStr::from_bytes), "").await
    };
    assert_eq!(as_tenant(b"\xe9").await.out(), "ours");
    as_tenant(b"\xe8").await.failed(1, "no content is stored");
}

const LEGACY: &str = "record-0b57fe41-8f0c-4f3c-9d0a-3f5a2b1c4d5e";

#[tokio::test]
async fn cat_reads_legacy_references() {
    let shell = Shell::new().await;
    let value = r#"{"n": 1e400}"#;
    shell.table.put(json!({"id": {"S": LEGACY}, "content": {"S": value}})).await;
    let reference = format!("@content:dynamodb:table:{LEGACY}");
    let said = shell.lrap(&["cat", &reference]).await;
    assert_eq!((said.code(), said.out()), (0, value), "{}", said.error());
    let document = shell.lrap(&["cat", "--json", &reference]).await;
    assert_eq!(
        document.out(),
        format!(r#"{{"reference":"{reference}","kind":"j","size":12,"content":{value}}}"#) + "\n"
    );
    assert_eq!(shell.lrap(&["verify", &reference]).await.out(), format!("ok          {reference}\n"));
    let in_a_log = shell.lrap_reading(&["verify", "-"], &format!("read {reference}.")).await;
    assert_eq!(in_a_log.out(), format!("ok          {reference}\n"));

    shell.lrap(&["cat", &reference.replace("0b57", "0b58")]).await.failed(1, "AGENT_CONTEXT_TABLE");
    shell.lrap(&["cat", &reference.replace("0b57", "0B57")]).await.failed(2, "record-0B57");
    let shell = shell.with("LRAP_READ_LEGACY", true);
    let report = shell.lrap_reading(&["explain", "-", "--fetch", "--json"], &quote(&reference)).await.json();
    assert_eq!((&report["outcome"], &report["bytes_after"]), (&json!("hydrated"), &json!(value.len())));
    assert!(report["because"][3].as_str().unwrap().contains("LRAP_READ_LEGACY"), "{report}");
    let keyed = shell.with("LRAP_SIGNING_KEY", "a-signing-key-of-some-length");
    keyed.lrap(&["cat", &reference]).await.failed(1, "LRAP_READ_LEGACY");
}

#[tokio::test]
async fn what_cannot_be_had_is_a_negative_result() {
    let shell = Shell::new().await;
    let reference = shell.put(&[Content::string("content")]).await[0];
    let missing = shell.scope().reference(DAY, &Content::string("never stored")).to_string();
    shell.lrap(&["cat", &missing]).await.failed(1, "AGENT_CONTEXT_TABLE");
    shell.table.expire_all().await;
    shell.lrap(&["cat", &reference.to_string()]).await.failed(1, "expired");
    let said = shell.lrap(&["cat", "--json", &missing]).await;
    let error: Value = serde_json::from_str(said.error()).unwrap();
    assert_eq!(error["exit_code"], 1);
    assert!(error["error"].as_str().unwrap().contains(&missing));
}

#[tokio::test]
async fn a_table_out_of_reach_or_forbidden_is_told_from_wrong_usage() {
    let shell = Shell::new().await.with("LRAP_STORE_TIMEOUT", 1);
    let reference = shell.put(&[Content::string("content")]).await[0].to_string();
    shell.table.faults(Faults::always(Fault::DenyCredentials));
    shell.lrap(&["cat", &reference]).await.failed(3, "AWS_ACCESS_KEY_ID");
    shell.lrap(&["ls"]).await.failed(3, "Scan");
    let said = shell.lrap(&["verify", &reference]).await;
    said.failed(3, "AWS_ACCESS_KEY_ID");
    assert!(said.out().starts_with("unavailable "), "{}", said.out());
    shell.table.clear_faults();
    shell.lrap(&["cat", &reference, "--endpoint-url", "http://127.0.0.1:9"]).await.failed(3, "no connection");
    shell.lrap(&["cat", &reference, "--table", "another"]).await.failed(3, "no such table");

    let shell = shell.without("AWS_ACCESS_KEY_ID");
    shell.lrap(&["cat", &reference]).await.failed(3, "aws configure export-credentials");
}

#[tokio::test]
async fn wrong_usage_is_said_and_never_asks_the_table() {
    let shell = Shell::new().await;
    shell.lrap(&["cat", "hello"]).await.failed(2, "not a reference");
    shell.lrap(&["cat"]).await.failed(2, "Usage: lrap cat <REFERENCE>");
    shell.lrap(&["cat", "one", "another"]).await.failed(2, "another");
    shell.lrap(&["explains", "x"]).await.failed(2, "a similar subcommand exists: 'explain'");
    shell.lrap(&["ls", "--limit", "many"]).await.failed(2, "invalid value 'many' for '--limit <N>'");
    shell.lrap(&["ls", "--table="]).await.failed(2, "--table <NAME>");
    shell.lrap(&["explain", "/no/such/file"]).await.failed(2, "/no/such/file");
    shell.lrap(&["explain", "-", "--as", "thing"]).await.failed(2, "[possible values: event, response]");
    shell.lrap(&["explain", "-", "--as", "response", "--fetch"]).await.failed(2, "--fetch");
    shell.lrap(&["completions", "tcsh"]).await.failed(2, "[possible values: bash, zsh, fish]");
    shell.lrap(&["--json"]).await.failed(2, "requires a subcommand");
    shell.lrap(&["put"]).await.failed(2, "<FILE|-|--text <TEXT>>");
    shell.lrap(&["put", "/no/such/file"]).await.failed(2, "cannot read /no/such/file");
    let wrong = shell.with("LRAP_CONTENT_TLT", 5);
    wrong.lrap(&["ls"]).await.failed(2, "did you mean LRAP_CONTENT_TTL?");
    assert_eq!(wrong.table.meter().total_requests(), 0);
}

#[tokio::test]
async fn with_json_everything_said_is_one_document() {
    let shell = Shell::new().await;
    for command in COMMANDS {
        let help = shell.lrap(&[command, "--help", "--json"]).await;
        assert_eq!(help.json()["help"], shell.lrap(&[command, "--help"]).await.out());
        let wrong = shell.lrap(&[command, "--frob", "--json"]).await;
        let error: Value = serde_json::from_str(wrong.error()).unwrap();
        assert!(error["error"].as_str().unwrap().contains("--frob"), "{command}: {error}");
        assert_eq!((&error["exit_code"], wrong.code(), wrong.out()), (&json!(2), 2, ""), "{command}");
    }
    for arguments in
        [&["put", "-"][..], &["ls"], &["config"], &["verify", "-"], &["explain", "-"], &["completions", "zsh"], &["-V"]]
    {
        let said = shell.lrap_reading(&[arguments, &["--json"]].concat(), "{}").await;
        let code = i32::from(arguments[0] == "verify");
        assert!(said.json().is_object() && said.code() == code, "{arguments:?}: {}", said.error());
    }
}

#[tokio::test]
async fn verify_tells_what_is_wrong_with_each() {
    let shell = Shell::new().await;
    let good = shell.put(&[Content::string("good")]).await[0].to_string();
    let missing = shell.scope().reference(DAY, &Content::string("missing")).to_string();
    let truncated = good[..good.len() - 4].to_owned();
    let other_kind = good.replacen(":s:", ":j:", 1);
    let all_well = shell.lrap(&["verify", &good, &good]).await;
    assert_eq!((all_well.code(), all_well.out()), (0, format!("ok          {good}\nok          {good}\n").as_str()));

    let said = shell.lrap(&["verify", "--json", &good, &missing, &truncated, &other_kind]).await;
    assert_eq!(said.code(), 1);
    let statuses: Vec<_> =
        said.json()["references"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["ok", "missing", "refused", "refused"]);
    assert_eq!(said.json()["not_ok"], 3);

    shell.table.corrupt_all().await;
    assert!(shell.lrap(&["verify", &good]).await.out().starts_with("corrupt     "));
    shell.table.expire_all().await;
    assert!(shell.lrap(&["verify", &good]).await.out().starts_with("expired     "));
}

#[tokio::test]
async fn verify_finds_references_in_events_and_logs() {
    let shell = Shell::new().await;
    let stored = shell.put(&[Content::string("one"), Content::json("[2]")]).await;
    let [one, two] = [stored[0].to_string(), stored[1].to_string()];
    let body = quote(&format!(r#"{{"a":"{one}","b":"{two}"}}"#));
    let event = file(format!(r#"{{"Records":[{{"body":{body}}}],"text":"see {two}"}}"#));
    let log = format!("error: {one}: the content expired\nagain {two}.\n{one}");
    for said in [shell.lrap(&["verify", path(&event)]).await, shell.lrap_reading(&["verify", "-"], &log).await] {
        assert_eq!((said.code(), said.out()), (0, format!("ok          {one}\nok          {two}\n").as_str()));
    }
}

#[tokio::test]
async fn verify_says_when_there_is_nothing_to_verify() {
    let shell = Shell::new().await;
    let good = shell.put(&[Content::string("good")]).await[0].to_string();
    for text in ["", "{}", "a log without any", "\u{feff}", r#"{"@content:": 1}"#] {
        let said = shell.lrap_reading(&["verify"], text).await;
        assert_eq!((said.code(), said.out()), (1, "no references found in standard input\n"), "{text:?}");
    }
    let empty = file("{}");
    let said = shell.lrap(&["verify", &good, path(&empty)]).await;
    let expected = format!("ok          {good}\nno references found in {}\n", path(&empty));
    assert_eq!((said.code(), said.out()), (1, expected.as_str()));
    let said = shell.lrap(&["verify", "--json", path(&empty)]).await;
    assert_eq!((said.code(), &said.json()["without_references"]), (1, &json!([path(&empty)])));
}

#[tokio::test]
async fn verify_reads_what_powershell_writes() {
    let shell = Shell::new().await;
    let good = shell.put(&[Content::string("good")]).await[0].to_string();
    let event = format!(r#"{{"Records":[{{"body":"{good}"}}]}}"#);
    for text in [good.clone(), format!("\u{feff}{good}\r\n"), event.clone(), format!("\u{feff}{event}")] {
        for unit in [u16::to_le_bytes as fn(u16) -> [u8; 2], u16::to_be_bytes] {
            let read = file(text.encode_utf16().flat_map(unit).collect::<Vec<_>>());
            let said = shell.lrap(&["verify", path(&read)]).await;
            assert_eq!((said.code(), said.out()), (0, format!("ok          {good}\n").as_str()), "{}", said.error());
        }
    }
    let marked = file(format!("\u{feff}{event}"));
    assert_eq!(shell.lrap(&["verify", path(&marked)]).await.code(), 0);
}

#[tokio::test]
async fn what_must_be_unpacked_first_is_named() {
    let shell = Shell::new().await;
    let reference = shell.scope().reference(DAY, &Content::string("any")).to_string();
    let base64 = data_encoding::BASE64.encode(format!("{{\"a\":\"{reference}\"}}").as_bytes());
    let record = format!(r#"{{"Records":[{{"kinesis":{{"data":"{base64}"}}}}]}}"#);
    for (bytes, kind) in [
        (b"\x1f\x8b\x08\0\0".to_vec(), "is gzip: "),
        (b"PK\x03\x04".to_vec(), "is a zip archive: "),
        (base64.clone().into_bytes(), "holds references in base64: "),
        (record.into_bytes(), "holds references in base64: "),
    ] {
        let packed = file(bytes);
        let said = shell.lrap(&["verify", path(&packed)]).await;
        said.failed(2, kind);
        assert!(said.error().contains(path(&packed)), "{}", said.error());
    }
    let packed = file(b"\x1f\x8b\x08\0\0");
    shell.lrap(&["explain", path(&packed)]).await.failed(2, "is gzip: ");
}

#[tokio::test]
async fn ls_lists_contents_with_their_parts() {
    let shell = Shell::new().await;
    let long = noise(2 << 20, 7);
    let contents = [Content::string(long), Content::json("[1,2,3]"), Content::string("a".repeat(9000))];
    let stored = shell.put(&contents).await;
    let said = shell.lrap(&["ls", "--json"]).await;
    assert_eq!(said.code(), 0, "{}", said.error());
    let listed = said.json();
    assert_eq!((listed["complete"].as_bool(), listed["orphans"].as_array().map(Vec::len)), (Some(true), Some(0)));
    let of = |reference: &ContentRef| {
        let contents = listed["contents"].as_array().unwrap();
        contents.iter().find(|content| content["reference"] == reference.to_string()).unwrap().clone()
    };
    let short = of(&stored[1]);
    assert_eq!(short["id"], stored[1].id.to_string());
    assert_eq!((&short["kind"], &short["size"], &short["stored_size"]), (&json!("j"), &json!(7), &json!(7)));
    assert_eq!((&short["elements"], &of(&stored[0])["elements"]), (&json!(3), &json!(null)));
    assert_eq!(
        (&short["encoding"], &short["parts"], &short["expired"]),
        (&json!("identity"), &json!(0), &json!(false))
    );
    let long = of(&stored[0]);
    assert!(long["parts"].as_u64().unwrap() > 1);
    assert_eq!((&long["missing_parts"], &long["ttl"]), (&json!(0), &json!(86_400)));
    assert!(of(&stored[2])["stored_size"].as_u64().unwrap() < 200, "compressed");
    let items = shell.table.items().await;
    let stored_bytes: usize =
        items.iter().filter_map(|item| item["content"]["B"].as_str()).map(|text| text.len() / 4 * 3).sum();
    let listed_bytes: u64 =
        listed["contents"].as_array().unwrap().iter().map(|one| one["stored_size"].as_u64().unwrap()).sum();
    assert!((stored_bytes as u64).abs_diff(listed_bytes) <= 2 * items.len() as u64, "{stored_bytes} {listed_bytes}");

    let text = shell.lrap(&["ls"]).await;
    for reference in &stored {
        assert!(text.out().contains(&reference.to_string()), "{}", text.out());
    }
    assert!(text.out().contains("3 contents, 2.0 MiB"), "{}", text.out());
    assert_eq!(text.error(), "", "no progress where nobody watches");
}

#[tokio::test]
async fn ls_shows_damage_orphans_and_strangers() {
    let shell = Shell::new().await;
    shell.put(&[Content::string(noise(2 << 20, 7))]).await;
    shell.table.delete_a_part().await;
    shell.table.put_raw(json!({"id": {"S": "record-1"}, "content": {"S": "\"x\""}})).await;
    let listed = shell.lrap(&["ls", "--json"]).await.json();
    assert_eq!(listed["contents"][0]["missing_parts"], 1);
    assert_eq!(listed["foreign"][0]["id"], "record-1");

    let commit = listed["contents"][0]["id"].as_str().unwrap();
    shell.table.delete(commit).await;
    let said = shell.lrap(&["ls"]).await;
    assert!(said.out().contains(&format!("parts of {commit}")), "{}", said.out());
    assert!(said.out().contains("orphans: ") && said.out().contains("not ours: record-1"), "{}", said.out());
}

#[tokio::test]
async fn ls_reads_page_after_page_and_stops_at_its_limit() {
    let shell = Shell::new().await;
    let contents: Vec<_> = (0..12).map(|seed| Content::string(noise(300 << 10, seed))).collect();
    shell.put(&contents).await;
    let all = shell.lrap(&["ls", "--json"]).await.json();
    assert_eq!(all["contents"].as_array().unwrap().len(), 12);
    assert!(shell.table.meter().requests_of("Scan") > 1, "a page holds 1 MB");
    let some = shell.lrap(&["ls", "--json", "--limit", "2"]).await.json();
    assert_eq!(some["contents"].as_array().unwrap().len(), 2);
    assert_eq!((&some["complete"], &some["orphans"]), (&json!(false), &json!(null)));
}

#[tokio::test]
async fn explain_says_what_becomes_of_an_event_without_the_table() {
    let shell = Shell::new().await;
    let reference = shell.put(&[Content::string("long")]).await[0].to_string();
    let before = shell.table.meter();
    let body = quote(&format!(r#"{{"text":"{reference}"}}"#));
    let event = format!(r#"{{"a/b":["{reference}"],"body":{body}}}"#);
    let said = shell.lrap_reading(&["explain", "-", "--json"], &event).await;
    assert_eq!(said.code(), 0, "{}", said.error());
    let report = said.json();
    let pointers: Vec<_> = report["places"].as_array().unwrap().iter().map(|place| place["pointers"].clone()).collect();
    assert_eq!(pointers, [json!(["/a~1b/0"]), json!(["/body", "/text"])]);
    assert_eq!((&report["outcome"], &report["exact"]), (&json!("hydrated"), &json!(false)));
    assert_eq!(report["bytes_before"], event.len());
    assert_eq!(shell.table.meter().since(&before).total_requests(), 0);

    let text = shell.lrap_reading(&["explain", "-"], &event).await;
    assert!(text.out().contains("/body -> /text") && text.out().contains(&reference), "{}", text.out());
}

#[tokio::test]
async fn h5_explain_says_that_a_bad_reference_outside_of_every_record_fails_its_batch() {
    let shell = Shell::new().await;
    let missing = shell.scope().reference(DAY, &Content::string("never stored")).to_string();
    for bad in [missing.as_str(), "@content:1:x:y"] {
        let record = json!({"eventSource": "aws:sqs", "body": bad});
        let in_a_record = json!({"Records": [record]}).to_string();
        let said = shell.lrap_reading(&["explain", "-", "--fetch", "--json"], &in_a_record).await.json();
        assert_eq!(said["outcome"], "hydrated", "{said}");
        let outside = json!({"Records": [record], "note": bad}).to_string();
        let said = shell.lrap_reading(&["explain", "-", "--fetch", "--json"], &outside).await.json();
        assert_eq!(said["outcome"], "fails", "{said}");
    }
}

/// O11: an object or array that left whole is a content as any other.
#[tokio::test]
async fn a_crowd_of_look_alikes_is_explained_shown_listed_and_verified() {
    let shell = Shell::new().await;
    let items: Vec<_> = (0..101).map(|nth| format!("@content:{nth}")).collect();
    let response = json!({"status": "ok", "items": items}).to_string();
    let report = shell.lrap_reading(&["explain", "-", "--as", "response", "--json"], &response).await.json();
    let places = report["places"].as_array().unwrap();
    assert_eq!(places.len(), 1, "{report}");
    assert_eq!((&places[0]["pointers"], &places[0]["status"]), (&json!(["/items"]), &json!("offloaded")));
    assert!(places[0]["why"].as_str().unwrap().contains("at most 100"), "{report}");

    let content = Content::verbatim(json!(items).to_string());
    let reference = shell.put(std::slice::from_ref(&content)).await[0].to_string();
    assert_eq!(places[0]["reference"], reference);
    assert_eq!(shell.lrap(&["cat", &reference]).await.out().as_bytes(), content.bytes);
    let shown = shell.lrap(&["cat", "--json", &reference]).await.json();
    assert_eq!((&shown["kind"], &shown["content"]), (&json!("v"), &json!(items)));
    assert_eq!(shell.lrap(&["ls", "--json"]).await.json()["contents"][0]["kind"], "v");
    assert_eq!(shell.lrap(&["verify", &reference]).await.code(), 0);
}

#[tokio::test]
async fn explain_says_where_a_document_is_not_json() {
    let shell = Shell::new().await;
    for (text, place) in [("{\n  \"a\": x}", "line 2 column 8"), ("", "line 1 column 0"), ("plain", "line 1 column 1")]
    {
        for form in ["event", "response"] {
            let said = shell.lrap_reading(&["explain", "-", "--as", form], text).await;
            assert_eq!(said.code(), 1, "{text:?}: {}", said.out());
            let expected = "standard input is not JSON, so nothing in it is replaced: ";
            assert!(said.out().contains(expected) && said.out().contains(place), "{}", said.out());
            assert!(said.out().contains(&format!("{form} unchanged: ")), "{}", said.out());
        }
    }
    let text = "\u{feff}{\"a\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
    let utf_16 = file(text);
    let said = shell.lrap(&["explain", path(&utf_16)]).await;
    assert_eq!(said.code(), 0, "{}", said.out());
    assert!(said.out().contains("is UTF-16; it is read as the text that it encodes"), "{}", said.out());
}

#[tokio::test]
async fn explain_needs_neither_table_nor_credentials() {
    let shell = ["AGENT_CONTEXT_TABLE", "AWS_REGION", "AWS_ACCESS_KEY_ID"]
        .iter()
        .fold(Shell::new().await, |shell, name| shell.without(name));
    let said =
        shell.lrap_reading(&["explain", "-", "--json"], r#"{"headers":{},"requestContext":{"apiId":"a"}}"#).await;
    assert_eq!((said.code(), &said.json()["outcome"]), (0, &json!("unchanged")));
    assert!(said.json()["because"][0].as_str().unwrap().contains("API Gateway"), "{}", said.out());
}

#[tokio::test]
async fn explain_fetching_says_exactly_what_the_runtime_gets() {
    let mut world = World::start().with_table().await;
    let long = format!("[{}0]", "{\"k\": \"v\"},".repeat(40_000));
    let response = format!(r#"{{"a":{long},"b":{}}}"#, quote(&text(6000)));
    let event = world.respond(response).await.text();
    let shell = Shell { table: Table::start().await, environment: BTreeMap::new() };
    let shell = [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")]
        .iter()
        .fold(shell, |shell, (name, value)| shell.with(name, value))
        .with("AGENT_CONTEXT_TABLE", world.table().name())
        .with("AWS_ENDPOINT_URL_DYNAMODB", world.table().endpoint());
    let report = shell.lrap_reading(&["explain", "-", "--fetch", "--json"], &event).await.json();
    let delivered = world.deliver(event).await.text();
    assert_eq!((&report["bytes_after"], &report["exact"]), (&json!(delivered.len()), &json!(true)));
    assert!(report["places"].as_array().unwrap().iter().all(|place| place["status"] == "ok"));
}

#[tokio::test]
async fn explain_foretells_failures() {
    let shell = Shell::new().await;
    let missing = shell.scope().reference(DAY, &Content::string("missing")).to_string();
    let event = format!(r#"["{missing}"]"#);
    let said = shell.lrap_reading(&["explain", "-", "--fetch", "--json"], &event).await;
    assert_eq!((said.code(), &said.json()["places"][0]["status"]), (1, &json!("missing")));
    assert!(said.json()["error"].as_str().unwrap().starts_with("LongContent.NotFound: "), "{}", said.out());

    let truncated = format!(r#"["{}"]"#, &missing[..60]);
    let said = shell.lrap_reading(&["explain", "-"], &truncated).await;
    assert_eq!(said.code(), 1);
    assert!(said.out().contains("unreadable: ") && said.out().contains("LongContent.Refused"), "{}", said.out());

    let batch = format!(r#"{{"Records":[{{"eventSource":"aws:sqs","body":"{}"}}]}}"#, &missing[..60]);
    assert_eq!(shell.lrap_reading(&["explain", "-"], &batch).await.code(), 0, "a bad record stays in its batch");

    let shell = shell.with("LRAP_MAX_EVENT_SIZE", 10);
    let said = shell.lrap_reading(&["explain", "-", "--json"], &event).await;
    assert!(said.json()["error"].as_str().unwrap().starts_with("LongContent.EventTooLarge"), "{}", said.out());
}

#[tokio::test]
async fn explain_says_exactly_what_reaches_lambda_of_a_response() {
    let look_alike = "@content:1:see above";
    let many = (0..200).map(|seed| quote(&noise(2000, seed))).collect::<Vec<_>>().join(",");
    let response = format!(r#"{{"long":{},"claim":"{look_alike}","many":[{many}]}}"#, quote(&text(6000)));
    let mut world = World::start().with_table().await;
    let sent = world.respond(response.clone()).await;
    let shell = Shell::new().await;
    let said = shell.lrap_reading(&["explain", "-", "--as=response", "--json"], &response).await;
    let report = said.json();
    assert_eq!((said.code(), &report["bytes_after"]), (0, &json!(sent.text().len())));
    let places: Vec<_> = report["places"].as_array().unwrap().iter().map(|place| &place["pointers"][0]).collect();
    assert_eq!(places, ["/long", "/claim", "/many"]);
    assert!(
        report["places"]
            .as_array()
            .unwrap()
            .iter()
            .all(|place| sent.text().contains(place["reference"].as_str().unwrap()))
    );

    let kept = shell.with("LRAP_KEEP", "/many");
    let said = kept.lrap_reading(&["explain", "-", "--as=response"], &response).await;
    assert_eq!(said.code(), 1);
    assert!(said.out().contains("LongContent.PayloadTooLarge"), "{}", said.out());
    let kept = kept.with("LRAP_KEEP", "/long");
    let response = json!({"long": text(6000)}).to_string();
    let said = kept.lrap_reading(&["explain", "-", "--as=response"], &response).await;
    assert!(said.out().contains("stays: LRAP_KEEP names it"), "{}", said.out());
    assert!(said.out().contains("response unchanged"), "{}", said.out());
    let never = kept.with("LRAP_OFFLOAD", "never");
    assert_eq!(
        never.lrap_reading(&["explain", "-", "--as=response", "--json"], &response).await.json()["outcome"],
        "unchanged"
    );
}

/// Without asking the secret: what its keys sign is of one length, whichever they are.
#[tokio::test]
async fn explain_says_how_long_a_response_gets_whose_keys_are_in_a_secret() {
    let secret = Secret::start(Some("a-signing-key-of-some-length")).await;
    let world = World::start().with("LRAP_SIGNING_SECRET_ARN", SECRET_ARN);
    let mut world = world.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint).with_table().await;
    let response = json!([text(6_000), noise(7_000, 1)]).to_string();
    let sent = world.respond(response.as_str()).await.text();
    let asked = secret.asked();
    let shell = Shell::new().await.with("LRAP_SIGNING_SECRET_ARN", SECRET_ARN);
    let shell = shell.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &secret.endpoint);

    let report = shell.lrap_reading(&["explain", "-", "--as=response", "--json"], &response).await.json();
    assert_eq!((&report["bytes_after"], &report["exact"]), (&json!(sent.len()), &json!(true)));
    assert_eq!((&report["places"][0]["reference"], &report["places"][0]["size"]), (&json!(null), &json!(6_000)));
    assert!(report["because"][1].as_str().unwrap().contains("LRAP_SIGNING_SECRET_ARN"), "{report}");
    let shown = shell.lrap_reading(&["explain", "-", "--as=response"], &response).await;
    assert!(!shown.out().contains("@content:"), "{}", shown.out());
    assert_eq!(secret.asked(), asked);
}

#[tokio::test]
async fn config_shows_settings_with_sources_and_no_secrets() {
    let shell = Shell::new().await.with("LRAP_STORE_TIMEOUT", 7).with("AWS_SESSION_TOKEN", "token-of-mine");
    let said = shell.lrap(&["config", "--json", "--table", "other"]).await;
    assert_eq!(said.code(), 0, "{}", said.out());
    let settings = said.json()["settings"].clone();
    let of = |name: &str| settings.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
    assert_eq!(
        (&of("AGENT_CONTEXT_TABLE")["value"], &of("AGENT_CONTEXT_TABLE")["source"]),
        (&json!("other"), &json!("--table"))
    );
    assert_eq!(
        (&of("LRAP_STORE_TIMEOUT")["value"], &of("LRAP_STORE_TIMEOUT")["source"]),
        (&json!("7"), &json!("environment"))
    );
    assert_eq!(
        (&of("LRAP_LOG")["value"], &of("LRAP_LOG")["default"], &of("LRAP_LOG")["source"]),
        (&json!("warn"), &json!("warn"), &json!("default"))
    );
    assert_eq!(of("LRAP_MAX_EVENT_SIZE")["value"], (32 << 20).to_string(), "a quarter of 128 MB");
    assert_eq!((&of("LRAP_SIGNING_KEY")["value"], &of("LRAP_KEEP")["value"]), (&json!(null), &json!(null)));
    assert_eq!(of("AWS_SECRET_ACCESS_KEY")["value"], "set");
    let text = shell.lrap(&["config"]).await;
    for secret in ["example-secret", "token-of-mine", "AKIDEXAMPLE"] {
        assert!(!said.out().contains(secret) && !text.out().contains(secret), "{secret}");
    }
    assert_eq!(said.json()["modes"], json!({"hydrate": "auto", "offload": "auto"}));
    assert!(text.out().starts_with("events are hydrated: depending on the shape of the event"), "{}", text.out());
    let decided = Shell::new().await.with("LRAP_HYDRATE", "always").with("LRAP_OFFLOAD", "never");
    let decided = decided.lrap(&["config"]).await.out().to_owned();
    assert!(decided.contains("hydrated: for every caller\n") && decided.contains("offloaded: never\n"), "{decided}");
    for setting in lrap::config::SETTINGS {
        assert!(text.out().contains(setting.name), "{}", setting.name);
    }
}

#[tokio::test]
async fn config_shows_what_settings_come_to() {
    let shell = Shell::new().await.with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 1024).with("LRAP_OFFLOAD", "ALWAYS");
    let shell = shell.with("LRAP_KEEP", "/a /b").with("LRAP_SIGNING_KEY", "a-hush-hush-key-of-some-length");
    let shell = shell.with("LRAP_LISTENER_PORT", 9100).with("MAX_CONTENT_SIZE", "5k");
    let said = shell.lrap(&["config"]).await;
    for (name, value, source) in [
        ("AGENT_CONTEXT_TABLE", shell.table.name(), "environment"),
        ("MAX_CONTENT_SIZE", "5k", "environment"),
        ("MAX_PAYLOAD_SIZE", "245760", "default"),
        ("LRAP_KEEP", "/a /b", "environment"),
        ("LRAP_CONTENT_TTL", "86400", "default"),
        ("LRAP_MAX_EVENT_SIZE", "268435456", "default"),
        ("LRAP_CACHE_SIZE", "134217728", "default"),
        ("LRAP_OFFLOAD", "always", "environment"),
        ("LRAP_SIGNING_KEY", "set", "environment"),
        ("LRAP_SIGNING_SECRET_ARN", "none", "default"),
        ("LONG_CONTENT_LISTENER_PORT", "9100", "default"),
        ("LRAP_TLS_ROOTS", "system", "default"),
    ] {
        let row = said.out().lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        let shown = row[name.len()..].trim();
        assert!(shown.starts_with(&format!("{value} ")) && shown.ends_with(&format!(" {source}")), "{row}");
    }
    assert!(!said.out().contains("hush"), "{}", said.out());
    assert_eq!(said.code(), 1, "one of them is wrong");
}

#[tokio::test]
async fn config_names_every_mistake() {
    let shell = Shell::new().await.with("MAX_CONTENT_SIZE", "5k").with("LRAP_STORE_TIMOUT", 5).without("AWS_REGION");
    let said = shell.lrap(&["config", "--json"]).await;
    assert_eq!(said.code(), 1);
    let named: Vec<_> = said.json()["mistakes"].as_array().unwrap().iter().map(|one| one["variable"].clone()).collect();
    assert_eq!(named, ["MAX_CONTENT_SIZE", "AWS_REGION", "LRAP_STORE_TIMOUT"]);
    assert!(shell.lrap(&["config"]).await.out().contains("mistake: MAX_CONTENT_SIZE is `5k`"));
}

#[tokio::test]
async fn a_profile_fills_in_what_the_environment_lacks() {
    let credentials = file("[work]\naws_access_key_id = AKIDFILE\naws_secret_access_key = s\n[default]\n");
    let config = file("[profile work]\nregion = eu-north-1\n");
    let shell = Shell::new().await.without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY").without("AWS_REGION");
    let shell = shell.with("AWS_SHARED_CREDENTIALS_FILE", path(&credentials)).with("AWS_CONFIG_FILE", path(&config));
    shell.lrap(&["ls", "--region", "eu-west-1"]).await.failed(3, "no credentials");
    let shell = shell.with("AWS_PROFILE", "work");
    assert_eq!(shell.lrap(&["ls"]).await.code(), 0);
    let settings = shell.lrap(&["config"]).await;
    assert!(settings.out().contains("eu-north-1") && settings.out().contains(path(&config)), "{}", settings.out());
    assert!(!settings.out().contains("AKIDFILE"));
}

#[tokio::test]
async fn help_mentions_everything() {
    let shell = Shell::new().await;
    let help = shell.lrap(&["--help"]).await;
    assert_eq!(help.code(), 0);
    for word in COMMANDS.iter().chain(&[
        "--json",
        "--table",
        "--region",
        "--endpoint-url",
        "Exit codes",
        "AGENT_CONTEXT_TABLE",
        "Examples",
    ]) {
        assert!(help.out().contains(word), "{word}");
    }
    for command in COMMANDS {
        let help = shell.lrap(&[command, "-h"]).await;
        assert!(help.out().contains(&format!("Usage: lrap {command}")) && help.out().contains("--json"), "{command}");
        let long = shell.lrap(&[command, "--help"]).await;
        assert!(long.out().contains("Examples:\n"), "{command}: {}", long.out());
    }
    let settings = shell.lrap(&["config", "--help"]).await;
    for setting in lrap::config::SETTINGS {
        assert!(settings.out().contains(&format!("  {} (default: ", setting.name)), "{}", setting.name);
    }
    let version = shell.lrap(&["--version"]).await;
    let document = shell.lrap(&["-V", "--json"]).await.json();
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    let build = document["build"].as_str().unwrap_or("local build");
    assert_eq!(version.out(), format!("lrap {} ({build})\n", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn without_a_command_it_says_what_there_is() {
    let shell = Shell::new().await;
    let said = shell.lrap(&[]).await;
    said.failed(2, "Usage: lrap [OPTIONS] <COMMAND>");
    assert_eq!(said.out(), "");
}

#[test]
fn the_extension_started_by_hand_says_in_one_line_what_it_is() {
    for (arguments, how) in [(&["--version"][..], "with arguments: "), (&[], "AWS_LAMBDA_RUNTIME_API is not set: ")] {
        let output = std::process::Command::new(binary()).args(arguments).env_clear().output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.len(), said.lines().count()), (Some(2), 0, 1), "{said}");
        assert!(said.starts_with(&format!("lrap-extension {} (", env!("CARGO_PKG_VERSION"))), "{said}");
        assert!(said.contains(how) && said.contains("the program lrap (docs/cli.md)"), "{said}");
    }
}

#[tokio::test]
async fn completions_are_scripts_that_complete() {
    let shell = Shell::new().await;
    for name in ["bash", "zsh", "fish"] {
        let script = shell.lrap(&["completions", name]).await;
        assert_eq!(script.code(), 0);
        for command in COMMANDS {
            assert!(script.out().contains(command), "{command} in {name}");
        }
        assert_eq!(shell.lrap(&["completions", "--json", name]).await.json()["script"], script.out());
    }
    let script = file(shell.lrap(&["completions", "bash"]).await.out());
    let complete = |words: &str, at: usize| {
        let script = path(&script);
        let run = format!(
            "set -e; bash -n {script}; source {script}; COMP_WORDS=({words}); COMP_CWORD={at}; \
             _lrap lrap \"${{COMP_WORDS[{at}]}}\" \"${{COMP_WORDS[{at}-1]}}\"; echo \"${{COMPREPLY[*]}}\""
        );
        let output = std::process::Command::new("bash").args(["--norc", "-c", &run]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    };
    assert_eq!(complete("lrap ve", 1), "verify");
    assert_eq!(complete("lrap completions z", 2), "zsh");
    assert_eq!(complete("lrap explain --as r", 3), "response");
    assert_eq!(complete("lrap ls --li", 2), "--limit");
    assert_eq!(complete("lrap --table x cat --out", 4), "--output");
}

#[tokio::test]
async fn a_closed_pipe_is_no_failure() {
    let shell = Shell::new().await;
    let reference = shell.put(&[Content::string(noise(2 << 20, 3))]).await[0].to_string();
    let lrap = tool();
    let script =
        format!("set -o pipefail; {} cat {reference} | head -c 10 | wc -c; exit ${{PIPESTATUS[0]}}", lrap.display());
    let output =
        Command::new("bash").args(["-c", &script]).env_clear().envs(&shell.environment).output().await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

/// Every command line of the documentation, run as it is there.
#[test]
fn contents_in_these_tests_are_what_they_say() {
    let [words, numbers] = long_contents();
    assert!(words.bytes.len() > 5 << 20 && numbers.bytes.len() > 4 << 20);
    assert!(serde_json::from_slice::<Vec<serde::de::IgnoredAny>>(&numbers.bytes).is_ok());
    assert_eq!(Bytes::from("\u{0}世界\r\n").len() + (5 << 20), words.bytes.len());
}
