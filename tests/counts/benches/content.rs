//! Instructions of the pure library, step by step: what a proxy spends on a payload between two system calls.
//!
//! The names `group/function/case` are in `limits.toml`, which holds the limit of each.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use bytes::Bytes;
use gungraun::Callgrind;
use gungraun::prelude::*;
use long_content::hydrate::{self, HydratePlan};
use long_content::leaving::Leaving;
use long_content::offload::{self, Limits, MAX_LOOK_ALIKES};
use long_content::outgoing::{Outgoing, Terms};
use long_content::reference::{Content, ContentRef, Scope, Ttl};

use encoding::{Encoded, Encoder, Encoding};

/// The store's own encoder, which nobody outside of the store may know.
#[allow(dead_code)]
#[path = "../../../extension/content/src/store/encoding.rs"]
mod encoding;

const KIB: usize = 1 << 10;
const NOTHING_KEPT: Limits<'_> = Limits { threshold: 5_000, keep: &[], kept: &[], max_look_alikes: MAX_LOOK_ALIKES };

/// Words of about the lengths of English ones, the same on every run.
fn prose(len: usize) -> String {
    let mut random = fastrand::Rng::with_seed(len as u64);
    let words: Vec<String> =
        (0..2_000).map(|_| (0..random.usize(2..10)).map(|_| random.lowercase()).collect()).collect();
    let mut text = String::with_capacity(len + 16);
    while text.len() < len {
        text.push_str(&words[random.usize(0..words.len())]);
        text.push(' ');
    }
    text.truncate(len);
    text
}

/// An object with `count` different texts of `len` bytes.
fn document(count: usize, len: usize) -> Bytes {
    let text = prose(count * len);
    let member = |index| format!(r#""member {index}":"{}""#, &text[index * len..][..len]);
    let members: Vec<String> = (0..count).map(member).collect();
    format!("{{{}}}", members.join(",")).into()
}

/// 192 KiB that no rule applies to: texts of 3000 bytes.
fn long_texts() -> Bytes {
    document(64, 3_000)
}

/// 192 KiB that no rule applies to: texts of 16 bytes.
fn short_texts() -> Bytes {
    document(6_000, 16)
}

/// 192 KiB that no rule applies to: every eighth character of a text is escaped.
fn escaped_texts() -> Bytes {
    let line = r"seven \n".repeat(350);
    array(&line, 69)
}

fn array(raw: &str, count: usize) -> Bytes {
    format!("[{}]", vec![format!("\"{raw}\""); count].join(",")).into()
}

/// A response that is not longer than the threshold.
fn short_document() -> Bytes {
    document(4, KIB)
}

/// What twenty texts of 20 KiB need to travel.
fn twenty_texts() -> Bytes {
    document(20, 20 * KIB)
}

fn scope() -> Scope {
    Scope::new("AgentContext-counts")
}

fn references(contents: &[Content]) -> Vec<ContentRef> {
    contents.iter().map(|content| scope().reference(Ttl::NONE, content)).collect()
}

fn offloading() -> (Leaving, Vec<ContentRef>) {
    let plan = offload::plan(&twenty_texts(), &NOTHING_KEPT);
    let references = references(plan.contents());
    (plan, references)
}

/// An event with twenty references.
fn event() -> Bytes {
    let (plan, references) = offloading();
    plan.apply(&references)
}

fn hydrating() -> (HydratePlan, Vec<Option<Bytes>>) {
    let (offloaded, _) = offloading();
    let contents = offloaded.contents().iter().map(|content| Some(content.bytes.clone())).collect();
    (hydrate::plan(&event()), contents)
}

fn content(len: usize) -> Content {
    Content::string(prose(len))
}

fn reference() -> ContentRef {
    scope().reference(Ttl::NONE, &content(20 * KIB))
}

/// An encoder that has its context, and a content.
fn encoding(len: usize) -> (Encoder, Bytes) {
    let (encoder, content) = (Encoder::default(), Bytes::from(prose(len)));
    encoder.encode(&content, units);
    (encoder, content)
}

fn units(_: Encoding, len: usize) -> u64 {
    len.div_ceil(KIB).max(1) as u64
}

#[library_benchmark]
#[bench::nothing_in_long_texts(long_texts())]
#[bench::nothing_in_short_texts(short_texts())]
#[bench::twenty_references(event())]
fn hydrate_plan(event: Bytes) -> (Bytes, HydratePlan) {
    let plan = hydrate::plan(black_box(&event));
    (event, plan)
}

#[library_benchmark]
#[bench::nothing_below_the_threshold(short_document())]
#[bench::nothing_in_long_texts(long_texts())]
#[bench::nothing_in_short_texts(short_texts())]
#[bench::nothing_in_escaped_texts(escaped_texts())]
#[bench::twenty_texts(twenty_texts())]
fn offload_plan(response: Bytes) -> (Bytes, Leaving) {
    let plan = offload::plan(black_box(&response), &NOTHING_KEPT);
    (response, plan)
}

#[library_benchmark]
#[bench::nothing_in_long_texts(long_texts())]
#[bench::twenty_texts(twenty_texts())]
fn outgoing_of(response: Bytes) -> (Bytes, Outgoing) {
    let outgoing = Outgoing::of(black_box(&response), &Terms::new(scope(), Ttl::NONE)).unwrap();
    (response, outgoing)
}

#[library_benchmark]
#[bench::twenty_texts(hydrating())]
fn hydrate_apply((plan, contents): (HydratePlan, Vec<Option<Bytes>>)) -> (HydratePlan, Vec<Option<Bytes>>, Bytes) {
    let event = plan.apply(black_box(&contents));
    (plan, contents, event)
}

#[library_benchmark]
#[bench::twenty_texts(offloading())]
fn offload_apply((plan, references): (Leaving, Vec<ContentRef>)) -> (Leaving, Vec<ContentRef>, Bytes) {
    let response = plan.apply(black_box(&references));
    (plan, references, response)
}

#[library_benchmark]
#[bench::of_20_kib(scope(), content(20 * KIB))]
#[bench::of_1_mib(scope(), content(KIB * KIB))]
fn hash(scope: Scope, content: Content) -> (Scope, Content, ContentRef) {
    let reference = scope.reference(Ttl::NONE, black_box(&content));
    (scope, content, reference)
}

#[library_benchmark]
#[bench::of_20_kib(reference())]
fn print(reference: ContentRef) -> String {
    black_box(&reference).to_string()
}

#[library_benchmark]
#[bench::of_20_kib(reference().to_string())]
fn parse(text: String) -> (String, ContentRef) {
    let reference = black_box(&text).parse().unwrap();
    (text, reference)
}

#[library_benchmark]
#[bench::of_20_kib(encoding(20 * KIB))]
#[bench::of_300_kib(encoding(300 * KIB))]
fn compress((encoder, content): (Encoder, Bytes)) -> (Encoder, Bytes, Encoded) {
    let stored = encoder.encode(black_box(&content), units);
    (encoder, content, stored)
}

library_benchmark_group!(name = scan, benchmarks = [hydrate_plan, offload_plan, outgoing_of]);
library_benchmark_group!(name = apply, benchmarks = [hydrate_apply, offload_apply]);
library_benchmark_group!(name = reference, benchmarks = [hash, print, parse]);
library_benchmark_group!(name = store, benchmarks = [compress]);
main!(
    // Caches are those of another machine, and simulating them takes time.
    config = LibraryBenchmarkConfig::default().tool(Callgrind::with_args(["--cache-sim=no"])),
    library_benchmark_groups = [scan, apply, reference, store]
);
