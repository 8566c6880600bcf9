//! The chat page in a real browser, at the widths of a desktop and of a telephone.

use super::budget::{function_of, spend};
use super::front::{KEY, served};
use super::world::World;
use crate::tests::browser::Browser;
use serde_json::json;
use std::path::{Path, PathBuf};

const WIDTHS: [u32; 2] = [1280, 390];

/// Where the pictures stay, for people to look at.
fn picture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(format!("agent-{name}.png"))
}

/// A page whose agent reads 5 MB and answers.
async fn opened(world: &World, width: u32) -> Browser {
    let script = json!([
        { "text": "I look it up. ", "tool_calls": [{ "name": "good", "input": { "bytes": 5_000_000 } }, { "name": "gone", "input": {} }] },
        { "text": "The document says that it rains on Tuesday, and that the course opens at seven." },
        { "text": "Yes: at seven." },
    ]);
    let address = served(function_of(world, &script, "costs").await).await;
    spend(world, 2_500_000).await;
    let browser = Browser::start().await;
    browser.open(&format!("{address}/agent/ui"), width).await;
    browser
}

async fn enter_key(browser: &Browser, key: &str) {
    browser.find("#key").await.send_keys(format!("{key}\n")).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_with_tools_and_a_long_result_fits_a_desktop_and_a_telephone() {
    for width in WIDTHS {
        let world = World::new().await;
        let page = opened(&world, width).await;
        enter_key(&page, "not-the-key").await;
        page.until("document.querySelector('#why').textContent.includes('not valid')").await;
        enter_key(&page, KEY).await;
        page.until("document.querySelector('#name').textContent === 'golf-agent'").await;
        page.until("document.querySelector('#budget').textContent === '7.50 of 10.00 USD left today'").await;
        page.value("new MutationObserver(() => window.saw ??= document.querySelector('.working:last-child')?.textContent).observe(document.querySelector('#log'), { childList: true })").await;
        page.find("#message").await.send_keys("When does the course open?\n").await.unwrap();
        page.until("document.querySelectorAll('.meta').length === 1").await;
        assert_eq!(page.value("window.saw").await, "The agent is working …");
        page.until("document.querySelector('.working') === null").await;
        assert_eq!(page.value("document.querySelectorAll('details.call').length").await, 2);
        assert_eq!(page.value("document.querySelectorAll('details.call.failed').length").await, 1);
        assert_eq!(
            page.value(
                "[...document.querySelectorAll('.assistant')].at(-1).textContent.startsWith('The document says')"
            )
            .await,
            true
        );
        page.find("details.call summary").await.click().await.unwrap();
        let shown = page.value("document.querySelector('details.call pre:last-of-type').textContent.length").await;
        assert!(shown.as_u64().unwrap() < 3000, "only the beginning is shown: {shown}");
        page.find("details.call > button").await.click().await.unwrap();
        page.until("document.querySelector('details.call pre:last-of-type').textContent.length === 262144").await;
        page.find("details.call > button").await.click().await.unwrap();
        page.until("document.querySelector('details.call pre:last-of-type').textContent.length === 524288").await;
        assert_eq!(page.value("document.documentElement.scrollWidth <= innerWidth").await, true, "nothing sticks out");
        std::fs::create_dir_all(picture("x").parent().unwrap()).unwrap();
        page.page.screenshot(&picture(&format!("light-{width}"))).await.unwrap();
        let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
        page.page.cdp().send_raw("Emulation.setEmulatedMedia", dark).await.unwrap();
        page.page.screenshot(&picture(&format!("dark-{width}"))).await.unwrap();
        page.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_and_no_request_leaves_the_origin() {
    let world = World::new().await;
    let page = opened(&world, WIDTHS[0]).await;
    enter_key(&page, KEY).await;
    page.until("document.querySelector('#name').textContent === 'golf-agent'").await;
    page.find("#message").await.send_keys("First?\n").await.unwrap();
    page.until("document.querySelectorAll('.meta').length === 1").await;
    page.find("#new").await.click().await.unwrap();
    page.until("document.querySelector('#log').children.length === 0").await;
    page.find("#list button").await.click().await.unwrap();
    page.until("document.querySelectorAll('details.call').length === 2").await;
    page.find("#message").await.send_keys("Second?\n").await.unwrap();
    page.until("[...document.querySelectorAll('.assistant')].at(-1).textContent === 'Yes: at seven.'").await;
    let foreign = "performance.getEntriesByType('resource').filter((entry) => new URL(entry.name).origin !== location.origin).length";
    assert_eq!(page.value(foreign).await, 0);
    let elsewhere = format!(
        "await fetch('{}', {{ mode: 'no-cors' }}).then(() => 'answered', () => 'refused')",
        world.table.endpoint()
    );
    let script = format!("const done = arguments[0]; (async () => done({elsewhere}))()");
    assert_eq!(page.page.execute_async(script, Vec::new()).await.unwrap().json(), "refused");
    let kept = page.value("document.cookie + Object.values({ ...localStorage, ...sessionStorage }).join()").await;
    assert!(!kept.as_str().unwrap().contains(KEY), "the key is in memory only");
    page.close().await;
}

/// The rules of `axe-core` that the page breaks, and that keep somebody from using it.
async fn serious(browser: &Browser, axe: &str) -> serde_json::Value {
    browser.page.execute(axe, Vec::new()).await.unwrap();
    let found = "axe.run().then(({ violations }) => done(violations.filter(({ impact }) => ['serious', 'critical'].includes(impact)) \
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)))";
    let script = format!("const done = arguments[0]; {found}");
    browser.page.execute_async(script, Vec::new()).await.unwrap().json().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_keeps_somebody_from_using_the_page() {
    #[expect(clippy::disallowed_methods, reason = "how a test is told where axe-core is")]
    let axe = std::fs::read_to_string(std::env::var("LRAP_TEST_AXE").expect("LRAP_TEST_AXE names axe.min.js")).unwrap();
    for width in WIDTHS {
        for scheme in ["light", "dark"] {
            let world = World::new().await;
            let page = opened(&world, width).await;
            page.prefer(scheme).await;
            assert_eq!(serious(&page, &axe).await, json!([]), "before the key, {scheme}, {width}");
            enter_key(&page, KEY).await;
            page.until("document.querySelector('#name').textContent === 'golf-agent'").await;
            page.find("#message").await.send_keys("When does the course open?\n").await.unwrap();
            page.until("document.querySelectorAll('.meta').length === 1").await;
            page.find("details.call summary").await.click().await.unwrap();
            assert_eq!(serious(&page, &axe).await, json!([]), "in a conversation, {scheme}, {width}");
            page.close().await;
        }
    }
}
