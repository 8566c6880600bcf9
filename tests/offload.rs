//! O1, O3, O4, O6 and section 6 on the way out, through the real binary and a content table.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use lambda_local::table::{Fault, Faults};
use long_content::reference::{Content, Scope, Ttl};
use serde_json::{Value, json};

use test_kit::json::{nest, noise, quote, text};
use test_kit::{Request, World};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The reference of `content` in this world, written with the default TTL.
fn reference(world: &World, content: &Content) -> String {
    Scope::new(world.table().name()).reference(Ttl::seconds(86_400), content).to_string()
}

fn string_reference(world: &World, text: &str) -> String {
    reference(world, &Content::string(text.to_owned()))
}

/// Sends `response`, checks that it was offloaded, and gives what another sandbox receives for it.
async fn round_trip(world: &mut World, response: &str) -> Vec<u8> {
    let sent = world.respond(response).await;
    assert_ne!(sent.body, response.as_bytes());
    world.reader().await.deliver(sent.body).await.body
}

#[tokio::test]
async fn o1_a_string_of_the_threshold_stays_and_one_byte_more_goes() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 20).with_table().await;
    let pairs = [
        ("a".repeat(20), "a".repeat(21)),
        ("é".repeat(10), "é".repeat(10) + "."),
        ("😀".repeat(5), "😀".repeat(5) + "."),
        ("\n".repeat(20), "\n".repeat(21)),
        ("\"".repeat(20), "\"".repeat(21)),
        ("\0".repeat(20), "\0".repeat(21)),
    ];
    for (stays, goes) in pairs {
        assert_eq!(world.respond(quote(&stays)).await.text(), quote(&stays));
        assert_eq!(world.respond(quote(&goes)).await.text(), quote(&string_reference(&world, &goes)));
    }
}

#[tokio::test]
async fn o1_escapes_count_as_what_they_say() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 20).with_table().await;
    for unit in [r"\u00e9\u00e9", r"\ud83d\ude00", r"\u0061\/\\\b"] {
        let stays = format!("[\"{}\"]", unit.repeat(5));
        assert_eq!(world.respond(stays.as_str()).await.text(), stays);
        let goes = format!("[\"{}.\"]", unit.repeat(5));
        let decoded: Vec<String> = serde_json::from_str(&goes).unwrap();
        assert_eq!(world.respond(goes).await.json(), json!([string_reference(&world, &decoded[0])]));
    }
}

#[tokio::test]
async fn o1_the_default_threshold_is_5000_bytes() {
    let mut world = World::start().with_table().await;
    let (stays, goes) = (quote(&text(5000)), text(5001));
    assert_eq!(world.respond(stays.as_str()).await.text(), stays);
    assert_eq!(world.respond(quote(&goes)).await.text(), quote(&string_reference(&world, &goes)));
}

#[tokio::test]
async fn o1_a_threshold_of_0_offloads_every_string_but_the_empty_one() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 0).with_table().await;
    assert_eq!(world.respond(r#"["","a"]"#).await.json(), json!(["", string_reference(&world, "a")]));
}

#[tokio::test]
async fn o1_long_strings_are_found_wherever_they_stand() {
    let mut world = World::start().with_table().await;
    let long = text(6000);
    let (spelt, reference) = (quote(&long), quote(&string_reference(&world, &long)));
    let places: [fn(&str) -> String; 7] = [
        |s| s.to_owned(),
        |s| format!("[{s}]"),
        |s| format!("[[],{{}},{s},1,{s}]"),
        |s| format!(r#"{{"a":{s}}}"#),
        |s| format!(r#"{{"short":"x","a":{{"b":[{{"c":{s}}}]}},"n":null}}"#),
        |s| format!(" \r\n\t{s} \n"),
        |s| nest(s, 100),
    ];
    for place in places {
        assert_eq!(world.respond(place(&spelt)).await.text(), place(&reference));
    }
}

#[tokio::test]
async fn o1_every_byte_around_a_replaced_string_stays() {
    let mut world = World::start().with_table().await;
    let long = text(6000);
    let around = |s: &str| {
        format!(
            "{{ \"z\" : 1e400 ,\t\"a\":{s},\"z\":-0.0,\"é\":\"\\u00e9\\ud800\",\n\"n\":12345678901234567890123}}\r\n"
        )
    };
    let reference = quote(&string_reference(&world, &long));
    assert_eq!(world.respond(around(&quote(&long))).await.text(), around(&reference));
}

#[tokio::test]
async fn o1_keys_never_go() {
    let mut world = World::start().with_table().await;
    let (key, long) = (quote(&text(6000)), noise(6000, 1));
    let response = |s: &str| format!("{{{key}:{s},\"x\":{{{key} :{s}}}}}");
    let reference = quote(&string_reference(&world, &long));
    assert_eq!(world.respond(response(&quote(&long))).await.text(), response(&reference));
}

#[tokio::test]
async fn o1_headers_stay_and_the_length_fits() {
    let mut world = World::start().with_table().await;
    let id = world.invocation().await;
    let request =
        Request::response(&id, quote(&text(6000))).header("Content-Type", "application/x").header("X-Tomorrow", "1");
    assert_eq!(world.runtime.send(request).await.status, 202);
    let sent = world.lambda.response(&id).await;
    assert_eq!((sent.headers.get("Content-Type"), sent.headers.get("X-Tomorrow")), (Some("application/x"), Some("1")));
    assert_eq!(sent.headers.get("Content-Length"), Some(sent.body.len().to_string().as_str()));
    assert!(sent.body.len() < 162);
}

#[tokio::test]
async fn o1_a_response_in_chunks_is_offloaded() {
    let mut world = World::start().with_table().await;
    let (id, long) = (world.invocation().await, text(100_000));
    world.runtime.send(Request::response(&id, quote(&long)).chunked(777)).await;
    assert_eq!(world.lambda.response(&id).await.text(), quote(&string_reference(&world, &long)));
}

#[tokio::test]
async fn o1_odd_text_comes_back_as_it_was() {
    let mut world = World::start().with_table().await;
    let all_controls: String = (0..0x20_u8).map(char::from).collect();
    for odd in
        ["\u{1F600}", "é", "\"", "\\", "\\\"", "\u{7f}\u{2028}\u{feff}", all_controls.as_str(), "\\u0041", "</script>"]
    {
        let text = format!(r#"{{"odd":{},"n":1.0}}"#, quote(&odd.repeat(6000)));
        let back: Value = serde_json::from_slice(&round_trip(&mut world, &text).await).unwrap();
        assert_eq!(back, serde_json::from_str::<Value>(&text).unwrap(), "{odd:?}");
    }
}

#[tokio::test]
async fn o4_a_lone_surrogate_comes_back_as_it_was_spelt() {
    let mut world = World::start().with_table().await;
    for lone in [r"\ud800", r"\uDFFF tail", r"\ude00\ud83d"] {
        let response = format!(r#"{{"a" : "{}{}"}}"#, lone, text(6000));
        assert_eq!(round_trip(&mut world, &response).await, response.as_bytes());
    }
}

/// Contents of the sizes at which storing changes.
async fn comes_back(content: String) {
    let mut world = World::start().with_table().await;
    let response = format!(r#"{{"content":{}}}"#, quote(&content));
    let sent = world.respond(response.as_str()).await;
    assert_eq!(sent.json(), json!({"content": string_reference(&world, &content)}));
    let back = world.reader().await.deliver(sent.body).await.body;
    assert!(back == response.as_bytes(), "{} bytes became {}", response.len(), back.len());
}

#[tokio::test]
async fn o1_content_of_395_kib_comes_back() {
    comes_back(text(395 * KIB)).await;
}

#[tokio::test]
async fn o1_content_of_395_kib_of_quotation_marks_comes_back() {
    comes_back("\"".repeat(395 * KIB)).await;
}

#[tokio::test]
async fn o1_content_around_400_kib_comes_back() {
    for bytes in [400 * KIB - 1, 400 * KIB, 400 * KIB + 1, 400_000, 409_600] {
        comes_back(text(bytes)).await;
    }
}

#[tokio::test]
async fn o1_content_of_2_mib_comes_back() {
    comes_back(text(2 * MIB)).await;
}

#[tokio::test]
async fn o6_content_of_7_mib_comes_back() {
    comes_back(text(7 * MIB)).await;
}

#[tokio::test]
async fn o6_content_of_40_mib_comes_back() {
    comes_back(text(40 * MIB)).await;
}

#[tokio::test]
async fn o6_content_of_40_mib_of_one_letter_comes_back() {
    comes_back("a".repeat(40 * MIB)).await;
}

#[tokio::test]
async fn o6_forty_contents_of_one_mib_come_back() {
    let mut world = World::start().with_table().await;
    let contents: Vec<_> = (0..40).map(|seed| noise(MIB, seed)).collect();
    let response = serde_json::to_string(&contents).unwrap();
    let back = round_trip(&mut world, &response).await;
    assert!(back == response.as_bytes());
}

#[tokio::test]
async fn s6_content_beyond_64_mib_fails_the_invocation() {
    let mut world = World::start().with_table().await;
    let failure = world.respond_in_vain(quote(&"a".repeat(64 * MIB + 1))).await;
    assert_eq!(failure.error_type, "LongContent.PayloadTooLarge");
    assert_eq!(world.deliver("1").await.text(), "1");
}

#[tokio::test]
async fn o4_text_that_looks_like_a_reference_comes_back_as_text() {
    let mut world = World::start().with_table().await;
    let looks = [
        r#""@content:""#,
        r#""@content:1:dynamodb:s:86400:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA:5""#,
        r#""@content:2:whatever""#,
        r#"{"a":["@content: and more"],"b":1e400}"#,
        r#"["\u0040content:1:dynamodb:s:none:x:1","\u0040\u0063\u006f\u006e\u0074ent:"]"#,
    ];
    for look in looks {
        let back: Value = serde_json::from_slice(&round_trip(&mut world, look).await).unwrap_or_default();
        let as_float = |text: &str| serde_json::from_str::<Value>(&text.replace("1e400", "1")).unwrap();
        assert!(back == as_float(look) || look.contains("1e400"), "{look} became {back}");
    }
}

#[tokio::test]
async fn o4_a_real_reference_in_a_response_comes_back_as_text() {
    let mut world = World::start().with_table().await;
    let reference = world.respond(quote(&text(6000))).await.text();
    let sent = world.respond(reference.as_str()).await.text();
    assert_ne!(sent, reference);
    assert_eq!(world.reader().await.deliver(sent).await.text(), reference);
}

#[tokio::test]
async fn o4_text_that_only_resembles_the_prefix_stays() {
    let mut world = World::start().with_table().await;
    for stays in
        [r#"["x@content:1","@Content:1","@content","content:","@content;"," @content:"]"#, r#"{"@content:1:x":1}"#]
    {
        assert_eq!(world.respond(stays).await.text(), stays);
    }
}

#[tokio::test]
async fn s5_the_same_content_gets_the_same_reference_and_one_set_of_items() {
    let mut world = World::start().with_table().await;
    let long = quote(&text(900 * KIB));
    let first = world.respond(long.as_str()).await.text();
    let items = world.table().items().await.len();
    assert!(items > 1, "stored in parts");
    assert_eq!(world.respond(format!("[{long},{long}]")).await.text(), format!("[{first},{first}]"));
    assert_eq!(world.reader().await.respond(long).await.text(), first);
    assert_eq!(world.table().items().await.len(), items);
}

#[tokio::test]
async fn s5_two_spellings_of_one_text_are_one_content() {
    let mut world = World::start().with("MAX_CONTENT_SIZE", 10).with_table().await;
    let sent = world.respond(r#"["é/é/é/é/","\u00e9\/\u00E9/é/é\u002f"]"#).await.json();
    assert_eq!(sent[0], sent[1]);
    assert_eq!(world.table().items().await.len(), 1);
}

#[tokio::test]
async fn s6_equal_contents_of_one_response_are_written_once() {
    let mut world = World::start().with_table().await;
    let before = world.table().meter();
    let long = quote(&text(6000));
    world.respond(format!("[{}]", vec![long; 50].join(","))).await;
    assert_eq!(world.table().meter().since(&before).items_written, 1);
}

#[tokio::test]
async fn s6_a_response_with_nothing_to_offload_costs_no_request() {
    let mut world = World::start().with_table().await;
    world.respond(quote(&text(6000))).await;
    let before = world.table().meter();
    world.respond(quote(&text(5000))).await;
    world.deliver(quote(&text(100_000))).await;
    assert_eq!(world.table().meter().since(&before).total_requests(), 0);
}

#[tokio::test]
async fn s6_every_item_says_when_it_expires() {
    let mut world = World::start().with("LRAP_CONTENT_TTL", 1000).with_table().await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let sent = world.respond(quote(&text(900 * KIB))).await.text();
    assert!(sent.contains(":1000:"), "{sent}");
    for item in world.table().items().await {
        let expires: u64 = item["expires_at"]["N"].as_str().unwrap().parse().unwrap();
        assert!((now + 1000..now + 1060).contains(&expires), "{expires} is not {now} + 1000");
    }
}

#[tokio::test]
async fn s6_content_without_a_ttl_never_expires() {
    let mut world = World::start().with("LRAP_CONTENT_TTL", 0).with_table().await;
    let sent = world.respond(quote(&text(6000))).await.text();
    assert!(sent.contains(":none:"), "{sent}");
    assert!(world.table().items().await.iter().all(|item| item["expires_at"].is_null()));
    assert_eq!(world.reader().await.deliver(sent).await.text(), quote(&text(6000)));
}

#[tokio::test]
async fn s6_text_is_stored_smaller_than_it_is() {
    let mut world = World::start().with_table().await;
    let before = world.table().meter();
    world.respond(quote(&"The quick brown fox jumps over the lazy dog. ".repeat(4000))).await;
    let written = world.table().meter().since(&before).bytes_written;
    assert!(written < 10_000, "{written} bytes for 180 000 of repeated text");
}

#[tokio::test]
async fn o3_every_write_is_acknowledged_before_the_response_leaves() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 2).with_table().await;
    let id = world.invocation().await;
    world.table().faults(Faults::always(Fault::Hang));
    let answer = world.runtime.respond(&id, quote(&text(300 * KIB))).await;
    assert_eq!(answer.status, 202);
    let error = world.lambda.error(&id).await;
    assert_eq!(error.json()["errorType"], "LongContent.StoreUnavailable");
    assert_eq!(world.lambda.count(&format!("POST /2018-06-01/runtime/invocation/{id}/response")), 0);
}

#[tokio::test]
async fn o3_the_item_that_makes_a_content_readable_is_written_last() {
    let mut world = World::start().with("LRAP_STORE_TIMEOUT", 2).with_table().await;
    let id = world.invocation().await;
    let content = text(2 * MIB);
    // All but the largest write fail, whichever operation makes them: nothing may be readable then.
    let seen = Arc::new(Mutex::new(0));
    let count = Arc::clone(&seen);
    world.table().faults(Faults::by(move |request| {
        let is_write = request.operation.contains("Put") || request.operation.contains("Write");
        let mut count = count.lock().unwrap();
        *count += usize::from(is_write);
        if is_write && *count == 2 {
            Fault::Pass
        } else if is_write {
            Fault::Throttle
        } else {
            Fault::Pass
        }
    }));
    world.runtime.respond(&id, quote(&content)).await;
    world.lambda.error(&id).await;
    world.table().clear_faults();
    let failure = world.reader().await.fail(quote(&string_reference(&world, &content))).await;
    assert_eq!(failure.error_type, "LongContent.NotFound");
    assert!(*seen.lock().unwrap() >= 2);
}

#[tokio::test]
async fn o4_a_reference_that_was_kept_leaves_as_it_came() {
    let mut world = World::start().with("LRAP_ON_MISSING", "keep").with_table().await;
    let absent = quote(&string_reference(&world, "never stored"));
    let id = world.fresh_id();
    world.lambda.push(test_kit::Event::new(&id, absent.as_str()));
    assert_eq!(world.runtime.next().await.text(), absent);
    world.runtime.respond(&id, absent.as_str()).await;
    assert_eq!(world.lambda.response(&id).await.text(), absent);
    assert_eq!(world.table().items().await.len(), 0);
}

#[tokio::test]
async fn o4_a_reference_that_another_invocation_kept_is_text() {
    let mut world = World::start().with("LRAP_ON_MISSING", "keep").with_table().await;
    let absent = quote(&string_reference(&world, "never stored"));
    assert_eq!(world.deliver(absent.as_str()).await.text(), absent);
    assert_ne!(world.respond(absent.as_str()).await.text(), absent);
}
