//! The page by keyboard, and what it copies.

use super::{Stage, WIDTHS, choose_tab};
use crate::browser::Browser;
use serde_json::json;
use thirtyfour::Key;

async fn focused(page: &Browser, selector: &str) -> bool {
    page.value(&format!("document.activeElement.matches({})", json!(selector))).await == true
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_lists_and_tabs_go_by_arrow_keys_and_escape_goes_back() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    page.value("document.querySelector('[role=tab][data-key=steps]').focus()").await;
    page.press(Key::Right).await;
    assert!(focused(page, "[role=tab][data-key=graph][aria-selected=true]").await);
    assert_eq!(page.value("document.querySelector('.panel').dataset.tab").await, "graph");
    page.press(Key::Left).await;
    page.press(Key::Tab).await;
    assert!(focused(page, "input[type=search]").await, "the tabs are one stop");
    page.press(Key::Tab).await;
    assert!(focused(page, "summary").await, "then the steps");
    page.press(Key::Down).await;
    assert!(focused(page, ".step[data-visit='2']").await);
    let outline = "getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(page.value(outline).await, "solid", "the focus can be seen");
    page.press(Key::Enter).await;
    page.until("document.querySelector('.side h2').textContent.includes('UseTools')").await;
    page.press(Key::Escape).await;
    assert_eq!(page.value("document.querySelector('.side h2')").await, json!(null));
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_slash_searches_and_the_list_is_reached_from_the_search() {
    let stage = Stage::start().await;
    let page = &stage.browser;
    page.open(&stage.lambda.page(), WIDTHS[1]).await;
    page.until("document.querySelectorAll('.execution').length > 0").await;
    page.press("/").await;
    assert!(focused(page, ".list input[type=search]").await);
    page.press(Key::Down).await;
    assert!(focused(page, ".execution").await);
    page.press(Key::Enter).await;
    super::shown(page).await;
    assert_eq!(page.value("document.querySelector('.list').checkVisibility()").await, false, "one at a time");
    page.press(Key::Escape).await;
    page.until("document.querySelector('.list').checkVisibility()").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_the_graph_moves_and_zooms_by_keys() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    choose_tab(page, "graph").await;
    let width = "document.querySelector('.picture svg').getBoundingClientRect().width";
    let fitted = page.value(width).await.as_f64().unwrap();
    page.value("document.querySelector('.picture').focus()").await;
    page.press("+").await;
    assert!(page.value(width).await.as_f64().unwrap() > fitted);
    page.press("0").await;
    assert_eq!(page.value(width).await.as_f64().unwrap(), fitted);
    page.value("document.querySelector('.picture .node.caught').focus()").await;
    page.press(Key::Enter).await;
    page.until("document.querySelector('.side h2').textContent.includes('LoadTool')").await;
    stage.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_copy_buttons_copy() {
    let stage = Stage::start().await;
    stage.open(WIDTHS[0]).await;
    let page = &stage.browser;
    let granted = json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
    page.page.cdp().send_raw("Browser.grantPermissions", granted).await.unwrap();
    page.click(".head .copy").await;
    page.until("document.querySelector('.head .copy').textContent === 'Copied'").await;
    let script = "const done = arguments[0]; navigator.clipboard.readText().then(done, (error) => done(String(error)))";
    let copied = page.page.execute_async(script, Vec::new()).await.unwrap();
    let copied = copied.json().as_str().unwrap();
    assert!(copied.starts_with("arn:aws:states:") && copied.contains(":execution:looping:"), "{copied}");
    stage.end().await;
}
