//! The page of executions in a real browser.

mod keys;
mod live;
mod parts;
mod runs;

use crate::browser::Browser;
use crate::stage::{end_of, python_with_moto, sfn_client};
use aws_sdk_sfn::types::ExecutionStatus;
use lambda_local::{Config, LambdaLocal, Logs, StateMachineConfig, StepFunctionsConfig};
use long_content::reference::{Content, ContentRef, Scope, Ttl};
use long_content::store::ContentStore;
use long_content::store::dynamodb::{CredentialsSource, DynamoDbStore, ServiceAccess, Settings, TlsRoots};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const SIZE: usize = 5 << 20;
/// What is at the very end of the content, and before it more than a pointer's width of multi-byte characters.
const LAST_WORDS: &str = "and this is the end.";

/// The widths of a desktop's window and of a telephone.
const WIDTHS: [u32; 2] = [1280, 390];

/// A finished execution that carries a long text by reference, and a browser on its page.
struct Stage {
    lambda: LambdaLocal,
    browser: Browser,
}

impl Stage {
    async fn start() -> Self {
        let lambda = LambdaLocal::start_with_logs(config(), Logs::channel().0).await.unwrap();
        let document = put(&lambda, &text()).await;
        execute(&lambda, &json!({ "document": document.to_string() })).await;
        Self { lambda, browser: Browser::start().await }
    }

    async fn open(&self, width: u32) {
        self.browser.open(&self.lambda.page(), width).await;
        self.browser.until("document.querySelectorAll('.execution').length > 0").await;
        open_first(&self.browser).await;
    }

    async fn end(self) {
        self.browser.close().await;
        self.lambda.shutdown().await;
    }
}

/// Opens the first of the list, which a wide page has opened already.
async fn open_first(browser: &Browser) {
    browser.value("document.querySelector('.execution').click()").await;
    shown(browser).await;
}

async fn shown(browser: &Browser) {
    browser
        .until("document.querySelector('.run')?.ariaBusy === 'false' && document.querySelector('.head .name')")
        .await;
}

async fn choose_tab(browser: &Browser, tab: &str) {
    browser.click(&format!("[role=tab][data-key={tab}]")).await;
    browser.until(&format!("document.querySelector('.panel').dataset.tab === '{tab}'")).await;
}

fn config() -> Config {
    let definition = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/state_machines/looping.asl.json");
    let machine = StateMachineConfig { definition, ..StateMachineConfig::default() };
    let step_functions = StepFunctionsConfig {
        python: python_with_moto(),
        state_machines: [("looping".to_owned(), machine)].into(),
        ..StepFunctionsConfig::default()
    };
    Config { step_functions: Some(step_functions), ..Config::default() }
}

fn text() -> String {
    let mut text = "The quick brown fox jumps over the lazy dög. ".repeat(SIZE / 45);
    text.truncate(text.floor_char_boundary(SIZE - LAST_WORDS.len()));
    text + LAST_WORDS
}

async fn put(lambda: &LambdaLocal, text: &str) -> ContentRef {
    let (region, endpoint) = (lambda.region().to_owned(), Some(lambda.table().endpoint()));
    let credentials = CredentialsSource::Static {
        access_key_id: "local".into(),
        secret_access_key: "local".into(),
        session_token: None,
    };
    let tls_roots = TlsRoots::for_endpoint(&region, endpoint.as_deref());
    let table = lambda.table().name().to_owned();
    let settings = Settings {
        table: table.clone(),
        region,
        access: ServiceAccess { tls_roots, ..ServiceAccess::new(endpoint, credentials) },
    };
    let scope = Scope::new(table);
    let content = Content::string(text.to_owned());
    let reference = scope.reference(Ttl::seconds(3600), &content);
    let until = Instant::now() + Duration::from_secs(30);
    DynamoDbStore::new(settings).unwrap().put(&scope, &[(reference, content.bytes)], until).await.unwrap();
    reference
}

async fn execute(lambda: &LambdaLocal, input: &Value) {
    let client = sfn_client(lambda.step_functions_endpoint().unwrap());
    let machines = client.list_state_machines().send().await.unwrap();
    let arn = machines.state_machines()[0].state_machine_arn();
    let execution = client.start_execution().state_machine_arn(arn).input(input.to_string()).send().await.unwrap();
    assert_eq!(end_of(execution.execution_arn(), lambda, &client).await.status, ExecutionStatus::Succeeded);
}

/// Where the pictures stay, for people to look at.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{name}.png"))
}

const NOTHING_STICKS_OUT: &str = "document.documentElement.scrollWidth <= innerWidth";
/// The smallest text of the graph, in pixels of the screen.
const SMALLEST_LABEL: &str = "Math.min(...[...document.querySelectorAll('.picture text')].map((text) => \
    parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))";

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_finished_execution_fits_a_desktop_and_a_telephone() {
    let stage = Stage::start().await;
    let page = &stage.browser;
    for (width, scheme) in WIDTHS.into_iter().flat_map(|width| [(width, "light"), (width, "dark")]) {
        page.prefer(scheme).await;
        stage.open(width).await;
        assert_eq!(page.value("innerWidth").await, width);
        assert_eq!(page.value("document.querySelector('.head .succeeded').textContent").await, "succeeded");
        for tab in ["steps", "timeline", "events", "data", "definition", "graph"] {
            choose_tab(page, tab).await;
            assert_eq!(page.value(NOTHING_STICKS_OUT).await, true, "{tab} at {width}");
        }
        assert_graph(page).await;
        let picture = picture(&format!("{width}-{scheme}"));
        page.page.screenshot(&picture).await.unwrap();
        assert_eq!(width_of_png(&std::fs::read(&picture).unwrap()), width);
    }
    stage.end().await;
}

async fn assert_graph(page: &Browser) {
    let nodes = "[...document.querySelectorAll('.picture .node')]";
    assert_eq!(page.value(&format!("{nodes}.length")).await, 8, "every state, those inside of the Map too");
    let drawn =
        format!("{nodes}.filter((node) => node.matches('.visited')).map((node) => node.dataset.state).sort().join()");
    assert_eq!(page.value(&drawn).await, "Again?,Count,Done,LoadTool,Prepare,ToolMissing,UseTools");
    assert_eq!(page.value("document.querySelector('.picture .node.caught').dataset.state").await, "LoadTool");
    let taken = "[...document.querySelectorAll('.edge.taken')].length";
    assert_eq!(page.value(taken).await, 6, "every line that was taken, and no other");
    let smallest = page.value(SMALLEST_LABEL).await.as_f64().unwrap();
    assert!(smallest >= 11.0, "a label has {smallest} pixels");
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_light_and_dark_follow_the_browser() {
    let stage = Stage::start().await;
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        stage.browser.prefer(scheme).await;
        stage.open(WIDTHS[0]).await;
        let ground = stage.browser.value("getComputedStyle(document.body).backgroundColor").await;
        grounds.push(ground.as_str().unwrap().to_owned());
    }
    assert_eq!(grounds, ["rgb(244, 246, 248)", "rgb(18, 21, 26)"]);
    stage.end().await;
}

/// The IHDR chunk is the first: four bytes of width are sixteen bytes in.
fn width_of_png(png: &[u8]) -> u32 {
    u32::from_be_bytes(png[16..20].try_into().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_the_figures_say_what_offloading_saved() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let front = stage.browser.value("document.querySelector('.front').textContent").await;
    let front = front.as_str().unwrap();
    for expected in ["By reference5.0 MiB1 content", "262,144 bytes", "without it5.0 MiB, 2000 %: over the limit"] {
        assert!(front.contains(expected), "{expected}: {front}");
    }
    let bars = "[...document.querySelectorAll('.meter')].map((meter) => Number(meter.getAttribute('aria-valuenow')))";
    let bars: Vec<u64> = serde_json::from_value(stage.browser.value(bars).await).unwrap();
    let contents = SIZE as u64;
    assert!(bars[0] < 1000 && (contents..contents + 1000).contains(&bars[1]), "{bars:?}");
    let over = "[...document.querySelectorAll('.meter')].map((meter) => meter.querySelector('.fill.over') !== null)";
    assert_eq!(stage.browser.value(over).await, json!([false, true]));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_reference_of_5_mb_opens_a_screen_at_a_time() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    page.click(".steps summary").await;
    page.click(".step[data-visit='1']").await;
    page.click(".side .reference").await;
    page.until("document.querySelector('#content-text').textContent.startsWith('The quick brown fox')").await;
    let read = page.value("document.querySelector('#content-text').textContent.length").await;
    assert!(read.as_u64().unwrap() < SIZE as u64 / 10, "{read} characters were laid out before anyone looked");
    let scroll = "(() => { const text = document.querySelector('#content-text'); text.scrollTop = text.scrollHeight; \
        return text.textContent.endsWith('and this is the end.'); })()";
    page.until(scroll).await;
    let whole = page.value("document.querySelector('#content-text').textContent").await;
    assert!(whole.as_str().unwrap() == text(), "what was read piece by piece is the whole");
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_no_request_leaves_the_machine() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    let asked = page.value("performance.getEntriesByType('resource').map((entry) => new URL(entry.name).host)").await;
    let own = stage.lambda.invoke_endpoint().replace("http://", "");
    let asked = asked.as_array().unwrap();
    assert!(asked.len() > 20 && asked.iter().all(|host| *host == own.as_str()), "{asked:?}");
    // Even on its own machine it may ask nobody else: the table's port stands for the rest of the world.
    let elsewhere = format!(
        "await fetch('{}', {{ mode: 'no-cors' }}).then(() => 'answered', () => 'refused')",
        stage.lambda.table().endpoint()
    );
    let script = format!("const done = arguments[0]; (async () => done({elsewhere}))()");
    let answer = page.page.execute_async(script, Vec::new()).await.unwrap();
    assert_eq!(answer.json(), "refused");
    stage.end().await;
}
