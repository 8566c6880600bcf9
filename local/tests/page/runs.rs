//! Runs of the agent's own state machine on the page.

use super::{NOTHING_STICKS_OUT, SMALLEST_LABEL, WIDTHS, choose_tab, open_first, picture};
use crate::agent::stage::Agents;
use crate::browser::Browser;
use serde_json::{Value, json};

/// Two turns with tools, one of which is tried again and one of which fails, and a turn that answers.
fn script() -> Value {
    json!([
        { "calls": [["good", {}], ["good", { "first": "Lambda.TooManyRequestsException" }]], "text": "I look." },
        { "calls": [["good", { "fail": "Broken" }]], "text": "Again." },
        { "text": "By waiting." },
    ])
}

/// The page of the one execution of an agent.
async fn ran(name: &str, script: Value, width: u32) -> (Agents, Browser) {
    let agents = Agents::of(json!({ name: script })).await;
    agents.ask(name).await;
    let browser = Browser::start().await;
    browser.open(&agents.page(), width).await;
    browser.until("document.querySelectorAll('.execution').length > 0").await;
    open_first(&browser).await;
    (agents, browser)
}

async fn text(browser: &Browser, selector: &str) -> String {
    let texts = format!("[...document.querySelectorAll('{selector}')].map((found) => found.textContent).join('|')");
    browser.value(&texts).await.as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_an_agents_run_shows_its_answer_the_models_calls_and_folded_plumbing() {
    let (_agents, page) = ran("answers", script(), WIDTHS[0]).await;
    let front = text(&page, ".front").await;
    for expected in
        ["Question To answers?", "By waiting.", "Turns33 tool calls", "Tokens30 → 6", "Cost$0.000180", "Errors21 retry"]
    {
        assert!(front.contains(expected), "{expected}: {front}");
    }
    let titles = text(&page, ".panel > .steps > li > .step .title").await;
    let expected = "Turn 1 answers calls good, good|Run Tools Map|Turn 2 answers calls good|Run Tools Map|Turn 3 answers By waiting.";
    assert_eq!(titles, expected);
    assert_eq!(page.value("document.querySelectorAll('.steps > .quiet details[open]').length").await, 0);
    let iterations = text(&page, ".iteration > details > summary").await;
    let (fine, caught) = iterations.rsplit_once('|').unwrap();
    assert!(fine.contains("Iteration 1 good") && fine.contains("Iteration 2 good1 retry"), "{iterations}");
    assert!(caught.contains("error caught"), "a state by its word: {caught}");
    assert!(text(&page, ".iteration .cause").await.starts_with("Broken"), "an iteration with an error is open");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_the_labels_of_an_agents_graph_stay_readable() {
    let (agents, page) = ran("answers", script(), WIDTHS[0]).await;
    for width in WIDTHS {
        page.open(&agents.page(), width).await;
        page.until("document.querySelectorAll('.execution').length > 0").await;
        open_first(&page).await;
        choose_tab(&page, "graph").await;
        assert_eq!(page.value("document.querySelectorAll('.picture .node:not(.visited)').length").await, 0);
        readable(&page).await;
        page.page.screenshot(&picture(&format!("agent-{width}"))).await.unwrap();
        page.click(".viewer .check input").await;
        page.until("document.querySelectorAll('.picture .node').length > 60").await;
        readable(&page).await;
    }
    page.close().await;
}

/// Fitted, zoomed out as far as that goes, and fitted again.
async fn readable(page: &Browser) {
    for step in
        ["Fit, as far as labels can be read", "Zoom out", "Zoom out", "Zoom in", "Fit, as far as labels can be read"]
    {
        page.click(&format!(".viewer [aria-label='{step}']")).await;
        let smallest = page.value(SMALLEST_LABEL).await.as_f64().unwrap();
        assert!(smallest >= 11.0, "after {step} a label has {smallest} pixels");
        assert_eq!(page.value(NOTHING_STICKS_OUT).await, true);
    }
    let inside = "[...document.querySelectorAll('.picture .node')].every((node) => { \
        const box = node.querySelector(':scope > rect').getBoundingClientRect(); \
        return [...node.querySelectorAll(':scope > text')].every((text) => { const label = text.getBoundingClientRect(); \
            return label.left >= box.left && label.right <= box.right + 0.5; }); })";
    assert_eq!(page.value(inside).await, true, "no label is wider than its box");
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_retries_and_errors_are_in_the_timeline_and_among_the_events() {
    let (_agents, page) = ran("answers", script(), WIDTHS[0]).await;
    choose_tab(&page, "timeline").await;
    let rows = text(&page, ".bar-row .name").await;
    assert!(rows.contains("Turn 1 (Call LLM)") && rows.contains("2 attempts"), "{rows}");
    let attempts = "[...document.querySelectorAll('.bar-row')].map((row) => row.querySelectorAll('.attempt').length)";
    assert_eq!(page.value(&format!("{attempts}.filter((count) => count === 2).length")).await, 1);
    assert_eq!(page.value("document.querySelectorAll('.bar.attempt.failed').length").await, 2);
    let order = "[...document.querySelectorAll('.bar-row')].filter((row) => row.querySelectorAll('.attempt').length === 2) \
        .map((row) => [...row.querySelectorAll('.attempt')].map((bar) => parseFloat(bar.style.left))) \
        .every(([first, second]) => first < second)";
    assert_eq!(page.value(order).await, true, "the second attempt is right of the first");
    choose_tab(&page, "events").await;
    page.click(".run > .tools > .check:not([hidden]) input").await;
    let events = text(&page, ".events tbody tr").await;
    assert!(events.contains("Broken") && events.contains("attempt 2"), "{events}");
    assert!(!events.contains("Pass State Entered"), "{events}");
    page.click(".events tbody .error button").await;
    let event = text(&page, ".side h2").await;
    assert!(event.contains("Task Failed"), "{event}");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_events_are_sorted_by_a_column_and_downloaded_with_the_execution() {
    let (_agents, page) = ran("answers", script(), WIDTHS[0]).await;
    choose_tab(&page, "events").await;
    let ids =
        "[...document.querySelectorAll('.events tbody tr td:first-child')].map((cell) => Number(cell.textContent))";
    let ids = async || serde_json::from_value::<Vec<u64>>(page.value(ids).await).unwrap();
    let told = ids().await;
    assert!(told.is_sorted() && told.len() > 20, "{told:?}");
    // A click on what a look at the server replaces meanwhile is lost, so each has its effect before the next.
    for order in ["ascending", "descending"] {
        page.click(".events th:first-child .sort").await;
        page.until(&format!("document.querySelector('.events th:first-child').ariaSort === '{order}'")).await;
    }
    assert_eq!(ids().await, told.iter().rev().copied().collect::<Vec<_>>());
    page.click(".events th:nth-child(3) .sort").await;
    page.until("document.querySelector('.events th:nth-child(3)').ariaSort === 'ascending'").await;
    let types = "[...document.querySelectorAll('.events tbody .event')].map((event) => event.textContent)";
    let types: Vec<String> = serde_json::from_value(page.value(types).await).unwrap();
    assert!(types.is_sorted_by_key(|name| name.to_lowercase()), "{types:?}");
    let watch = "(() => { const make = URL.createObjectURL; \
        URL.createObjectURL = (blob) => { window.saved = blob; return make(blob); }; \
        const click = HTMLAnchorElement.prototype.click; \
        HTMLAnchorElement.prototype.click = function () { window.savedAs = this.download; return click.call(this); }; })()";
    page.value(watch).await;
    page.click(".panel > .copy").await;
    page.until("window.saved && (window.saved.text().then((text) => (window.savedText = text)), window.savedText)")
        .await;
    let saved = page.value("window.savedText").await;
    let saved: Value = serde_json::from_str(saved.as_str().unwrap()).unwrap();
    assert_eq!(saved["events"].as_array().unwrap().len(), told.len());
    assert_eq!((&saved["execution"]["status"], saved["definition"]["States"].is_object()), (&json!("SUCCEEDED"), true));
    let name = saved["execution"]["name"].as_str().unwrap();
    assert_eq!(page.value("window.savedAs").await, format!("{name}.json"));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_run_that_failed_says_why_first() {
    let (_agents, page) = ran("fails", json!([{ "error": "ProviderError" }]), WIDTHS[1]).await;
    assert_eq!(text(&page, ".head .status").await, "failed");
    let answer = text(&page, "section.answer").await;
    assert!(answer.contains("ProviderError") && answer.contains("as the script says"), "{answer}");
    assert!(text(&page, ".steps > li > .step .status").await.contains("error caught"));
    assert_eq!(page.value(NOTHING_STICKS_OUT).await, true);
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_search_finds_states_by_what_is_in_them() {
    let (_agents, page) = ran("answers", script(), WIDTHS[0]).await;
    page.find(".run input[type=search]").await.send_keys("answer as json").await.unwrap();
    page.until("document.querySelectorAll('.steps > li').length === 1").await;
    assert_eq!(text(&page, ".steps .step .title").await, "Answer as JSON Pass");
    page.find(".list input[type=search]").await.send_keys("no such name").await.unwrap();
    page.until("document.querySelector('.list .count').textContent === '0 of 1 executions'").await;
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_an_address_leads_back_to_the_view_and_the_state() {
    let (_agents, page) = ran("answers", script(), WIDTHS[0]).await;
    page.until("document.title.endsWith(': succeeded · lambda-local')").await;
    choose_tab(&page, "timeline").await;
    page.click(".bar-row[data-visit]").await;
    let chosen = text(&page, ".side h2").await;
    page.page.refresh().await.unwrap();
    super::shown(&page).await;
    assert_eq!(page.value("document.querySelector('.panel').dataset.tab").await, "timeline");
    assert_eq!(text(&page, ".side h2").await, chosen);
    page.press(thirtyfour::Key::Escape).await;
    page.page.refresh().await.unwrap();
    super::shown(&page).await;
    assert_eq!(page.value("document.querySelector('.panel').dataset.tab").await, "timeline");
    assert_eq!(page.value("document.querySelector('.side h2')").await, json!(null));
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e7_a_result_that_tells_the_model_of_an_error_is_shown_as_one() {
    let reply = json!({ "content": "broken", "is_error": true });
    let script = json!([{ "calls": [["foreign", { "reply": reply }]] }, { "text": "It is broken." }]);
    let (_agents, page) = ran("told", script, WIDTHS[1]).await;
    let front = text(&page, ".front").await;
    assert!(front.contains("Errors10 retries, 1 told to the model"), "{front}");
    let tool = text(&page, ".iteration .step.of-tool").await;
    assert!(tool.contains("error for the model"), "the iteration is open: {tool}");
    choose_tab(&page, "events").await;
    assert_eq!(page.value("getComputedStyle(document.querySelector('.events td .narrow')).display").await, "block");
    assert_eq!(page.value(NOTHING_STICKS_OUT).await, true);
    page.close().await;
}
