//! A headless Chromium for one test, driven from outside.

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use thirtyfour::common::capabilities::chromium::ChromiumLikeCapabilities;
use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// Nothing that reaches for the network by itself, and no sandbox: tests may run as root in a container.
const ARGUMENTS: [&str; 8] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// How long to wait for what a page shows.
const TIMEOUT: Duration = Duration::from_secs(30);

const DRIVER_STARTS: usize = 5;

pub(crate) struct Browser {
    pub(crate) page: WebDriver,
    _processes: Processes,
    _folder: TempDir,
}

/// The driver and the browser that it started, which would outlive it.
struct Processes(Child);

impl Drop for Processes {
    fn drop(&mut self) {
        if let Some(group) = self.0.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Browser {
    /// Starts the driver that `LRAP_TEST_CHROMEDRIVER` names.
    #[expect(clippy::disallowed_methods, reason = "how a test is told where a browser is")]
    pub(crate) async fn start() -> Self {
        let program = std::env::var("LRAP_TEST_CHROMEDRIVER").expect("LRAP_TEST_CHROMEDRIVER names a chromedriver");
        // Its client can do TLS if it is built together with others that need it, and must then be told how.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // The browser's files are elsewhere than its profile, and stay when it is killed.
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg("--port=0").env("TMPDIR", folder.path()).stdout(Stdio::piped()).process_group(0);
        let (processes, port) = driver(&mut command).await;
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in ARGUMENTS {
            capabilities.add_arg(argument).unwrap();
        }
        let page = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.unwrap();
        Self { page, _processes: processes, _folder: folder }
    }

    /// Opens an address at a width that no window of a desktop can have.
    pub(crate) async fn open(&self, address: &str, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.page.cdp().send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
        self.page.goto(address).await.unwrap();
    }

    /// Makes the browser prefer `light` or `dark`.
    pub(crate) async fn prefer(&self, scheme: &str) {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.page.cdp().send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
    }

    /// Presses a key, whatever has the focus.
    pub(crate) async fn press(&self, key: impl Into<TypingData>) {
        self.page.action_chain().send_keys(key).perform().await.unwrap();
    }

    /// Clicks on what a selector finds.
    pub(crate) async fn click(&self, selector: &str) {
        self.find(selector).await.click().await.unwrap();
        // While something is pressed the page replaces nothing; it does so in a timer after the release.
        self.page.execute_async("setTimeout(arguments[0])", Vec::new()).await.unwrap();
    }

    /// Waits until a selector finds something.
    pub(crate) async fn find(&self, selector: &str) -> WebElement {
        let found = self.page.query(By::Css(selector)).wait(TIMEOUT, Duration::from_millis(50)).first().await;
        found.unwrap_or_else(|error| panic!("{selector}: {error}"))
    }

    /// What an expression is in the page.
    pub(crate) async fn value(&self, expression: &str) -> Value {
        let returned = self.page.execute(format!("return {expression}"), Vec::new()).await;
        returned.unwrap_or_else(|error| panic!("{expression}: {error}")).json().clone()
    }

    /// Waits until an expression is true in the page.
    pub(crate) async fn until(&self, expression: &str) {
        let script = format!(
            "const done = arguments[0]; const look = () => ({expression}) ? done(true) : requestAnimationFrame(look); look()"
        );
        self.page.set_script_timeout(TIMEOUT).await.unwrap();
        let returned = self.page.execute_async(script, Vec::new()).await;
        returned.unwrap_or_else(|error| panic!("not before {TIMEOUT:?}: {expression}: {error}"));
    }

    pub(crate) async fn close(self) {
        self.page.quit().await.unwrap();
    }
}

/// It ends at once if the free port that it chose on one of the two loopback addresses is taken on the other: then it chooses again.
async fn driver(command: &mut Command) -> (Processes, u16) {
    let mut said = String::new();
    for _ in 0..DRIVER_STARTS {
        let mut processes = Processes(command.spawn().unwrap());
        match port(&mut processes.0).await {
            Ok(port) => return (processes, port),
            Err(lines) => said = lines,
        }
    }
    panic!("chromedriver named no port: {said}");
}

/// It takes a free port and says which; else what it said before it ended.
async fn port(driver: &mut Child) -> Result<u16, String> {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let mut said = String::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        let port = line.split("successfully on port ").nth(1);
        if let Some(port) = port.and_then(|port| port.trim_end_matches('.').parse().ok()) {
            // A reader that stops reading blocks the writer sooner or later.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok(port);
        }
        said.push_str(&line);
    }
    Err(said)
}
