//! Looking at JSON in which nothing is to be replaced, in this process: bytes per second, beside passes that look for less.

use std::fmt;
use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::ensure;
use bytes::Bytes;
use fastrand::Rng;
use long_content::envelope::Shape;
use long_content::hydrate;
use long_content::offload::{self, Limits, MAX_LOOK_ALIKES};
use long_content::reference::PREFIX;
use long_content::screen::{EventScreen, ResponseScreen};

use super::bench::Bench;
use crate::figures::{Figure, Figures, Measurement};
use crate::payload;
use crate::pin::Pin;

/// The largest event and response.
const LARGE: usize = 5632 << 10;

/// Not longer than the threshold.
const SHORT: usize = 4_900;

/// Of which the best counts: all that can go wrong makes it slower.
const SAMPLES: usize = 100;

const LIMITS: Limits<'_> = Limits { threshold: 5_000, keep: &[], kept: &[], max_look_alikes: MAX_LOOK_ALIKES };

/// Bytes of a piece that arrives from a connection.
const PIECE: usize = 64 << 10;

/// Whether a text has what is looked for.
type Pass = fn(&Bytes) -> bool;

const PASSES: [(&str, Pass); 7] = [
    ("memchr", |text| memchr::memchr(0, text).is_some()),
    ("memmem", |text| memchr::memmem::find(text, PREFIX.as_bytes()).is_some()),
    ("hydrate::plan", |text| !hydrate::plan(text).is_empty()),
    ("EventScreen", in_event),
    ("Shape::of_parts", |event| Shape::of_parts(event.chunks(PIECE)).is_some()),
    ("ResponseScreen", in_response),
    ("offload::plan", |text| !offload::plan(text, &LIMITS).contents().is_empty()),
];

fn in_event(event: &Bytes) -> bool {
    let mut screen = EventScreen::default();
    event.chunks(PIECE).for_each(|piece| {
        screen.push(piece);
    });
    screen.is_raised()
}

fn in_response(response: &Bytes) -> bool {
    let mut screen = ResponseScreen::new(LIMITS.threshold);
    response.chunks(PIECE).for_each(|piece| {
        screen.push(piece);
    });
    screen.is_raised()
}

type Make = fn(&mut Rng, usize) -> Vec<u8>;

const TEXTS: [(&str, usize, Make); 6] = [
    ("long", LARGE, |random, len| payload::strings(random, len, payload::prose)),
    ("small", LARGE, payload::small),
    ("escapes", LARGE, |random, len| payload::strings(random, len, payload::escaped)),
    ("nested", LARGE, |random, len| payload::strings(random, len, payload::json_in_text)),
    ("html", LARGE, |random, len| payload::strings(random, len, payload::html)),
    ("short", SHORT, payload::records),
];

/// JSON of one kind. How many processors there are makes no difference.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scan {
    label: &'static str,
    len: usize,
    make: Make,
}

impl Scan {
    pub(super) fn all() -> Vec<Self> {
        TEXTS.into_iter().map(|(label, len, make)| Self { label, len, make }).collect()
    }

    pub(super) fn run(self, name: &str, bench: &Bench<'_>) -> anyhow::Result<Vec<Measurement>> {
        if bench.pin != Pin::One {
            return Ok(vec![]);
        }
        let text = Bytes::from((self.make)(&mut Rng::with_seed(4), self.len));
        let samples = if bench.quick { SAMPLES / 10 } else { SAMPLES };
        let measure = |(lane, pass): (&str, Pass)| {
            ensure!(!pass(&text), "{lane} found what is not there");
            let mut figures = Figures::default();
            figures.set(Figure::GbPerS, best(&text, samples, pass));
            Ok(bench.measurement(name, lane, figures))
        };
        PASSES.into_iter().map(measure).collect()
    }
}

impl fmt::Display for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label)
    }
}

/// GB/s of the fastest of some samples, each of which looks at megabytes.
fn best(text: &Bytes, samples: usize, pass: Pass) -> f64 {
    let passes = LARGE.div_ceil(text.len());
    let sample = || {
        let begun = Instant::now();
        for _ in 0..passes {
            black_box(pass(black_box(text)));
        }
        begun.elapsed()
    };
    let fastest = std::iter::repeat_with(sample).take(samples).min().unwrap_or(Duration::MAX);
    (passes * text.len()) as f64 / fastest.as_secs_f64() / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;
    use long_content::reference::{Content, Scope, Ttl};

    #[test]
    fn no_pass_finds_anything_in_any_text() {
        for (label, len, make) in TEXTS {
            let text = Bytes::from(make(&mut Rng::with_seed(4), len.min(100 << 10)));
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&text).is_ok(), "{label}");
            assert!(PASSES.iter().all(|(_, pass)| !pass(&text)), "{label}");
        }
    }

    #[test]
    fn every_plan_finds_what_is_there() {
        let reference = Scope::new("bench").reference(Ttl::NONE, &Content::string("kept"));
        let long = "x".repeat(6_000);
        let text = format!(
            r#"{{"methodArn":"arn:aws:execute-api:eu-central-1:123456789012:api/dev/GET/","type":"TOKEN","strings":["{reference}","{long}"]}}"#
        );
        let text = Bytes::from(text);
        assert_eq!(PASSES.map(|(_, pass)| pass(&text))[1..], [true; PASSES.len() - 1]);
    }
}
