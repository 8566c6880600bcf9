//! Batches: events with records of which one may be bad, while the others are still processed (rule H5).
//!
//! Lambda's pollers send batches in three shapes. No other event is a batch: a list of items from a state machine is a
//! single event.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::{self, Name, StringToken};

/// The member in which records of `Records` name their source, and its value, for each poller. Other services send
/// `Records`, too (S3, SES, `CodeCommit`), but with them a function cannot report a single record as failed.
const SOURCES: &[(&str, &[u8])] = &[
    ("eventSource", b"aws:sqs"),
    ("EventSource", b"aws:sns"),
    ("eventSource", b"aws:kinesis"),
    ("eventSource", b"aws:dynamodb"),
];

/// The beginning of the source that a record from Pipes names.
const AWS: &[u8] = b"aws:";

/// Where the records of a batch are, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Range<usize>>,
}

impl Batch {
    /// The records of a batch: `Records` as SQS, SNS, Kinesis and DynamoDB streams send it, `records` of Kafka, or a bare
    /// array of records, as Pipes sends it. `None` for any other event.
    pub fn of(event: &[u8]) -> Option<Self> {
        let start = event.len() - event.trim_ascii_start().len();
        let records = match event.get(start)? {
            b'[' => of_pipes(event, start)?,
            b'{' => match member(event, start, "Records") {
                Some(records) => of_pollers(event, records.start)?,
                None => of_kafka(event, start)?,
            },
            _ => return None,
        };
        Some(Self { records })
    }

    /// Where each record is.
    pub(crate) fn records(&self) -> &[Range<usize>] {
        &self.records
    }

    /// Whether the byte at `at` is in a record.
    pub(crate) fn holds(&self, at: usize) -> bool {
        let before = self.records.partition_point(|record| record.start <= at);
        before.checked_sub(1).is_some_and(|index| at < self.records[index].end)
    }

    /// The event with a number in the place of each record, and every other byte unchanged at its place.
    pub(crate) fn around(&self, event: &[u8]) -> Vec<u8> {
        let mut around = event.to_vec();
        for record in &self.records {
            around[record.clone()].fill(b' ');
            around[record.start] = b'0';
        }
        around
    }

    /// Bytes of the records together.
    pub(crate) fn len(&self) -> u64 {
        self.records.iter().map(|record| record.len() as u64).sum()
    }
}

/// The elements of `Records`, if all name a poller as their source.
fn of_pollers(event: &[u8], array: usize) -> Option<Vec<Range<usize>>> {
    let is_record = |element: usize| {
        SOURCES.iter().any(|(name, source)| source_of(event, element, name).as_deref() == Some(source))
    };
    records_of(event, array, is_record)
}

/// The elements of a bare array, if all name a source of AWS.
fn of_pipes(event: &[u8], array: usize) -> Option<Vec<Range<usize>>> {
    let is_record =
        |element: usize| source_of(event, element, "eventSource").is_some_and(|source| source.starts_with(AWS));
    records_of(event, array, is_record)
}

/// The elements of an array, if there are some and all are records.
fn records_of(event: &[u8], array: usize, is_record: impl Fn(usize) -> bool) -> Option<Vec<Range<usize>>> {
    let elements = elements(event, array)?;
    (!elements.is_empty() && elements.iter().all(|element| is_record(element.start))).then_some(elements)
}

/// The source that an element names in the member `name`.
fn source_of<'a>(event: &'a [u8], element: usize, name: &str) -> Option<Cow<'a, [u8]>> {
    text(event, &member(event, element, name)?)
}

/// The elements of every topic's array.
fn of_kafka(event: &[u8], object: usize) -> Option<Vec<Range<usize>>> {
    let source = text(event, &member(event, object, "eventSource")?)?;
    if !matches!(&source[..], b"aws:kafka" | b"SelfManagedKafka") {
        return None;
    }
    let topics = member(event, object, "records").filter(|records| event[records.start] == b'{')?;
    let topics = json::members(event, topics.start).map(|(_, records)| elements(event, records.start));
    topics.collect::<Option<Vec<_>>>().map(|topics| topics.concat())
}

fn elements(event: &[u8], array: usize) -> Option<Vec<Range<usize>>> {
    (event[array] == b'[').then(|| json::members(event, array).map(|(_, element)| element).collect())
}

/// The value of an object's member; the last one of that name.
fn member(event: &[u8], object: usize, wanted: &str) -> Option<Range<usize>> {
    let is_wanted = |name: &Name| matches!(name, Name::Key(_)) && name.is(event, wanted);
    json::members(event, object).filter(|(name, _)| is_wanted(name)).last().map(|(_, value)| value)
}

/// The decoded text of a string.
fn text<'a>(event: &'a [u8], value: &Range<usize>) -> Option<Cow<'a, [u8]>> {
    let token = (event[value.start] == b'"').then(|| StringToken::at(event, value.start)).flatten()?;
    Some(json::decode(event, &token))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(event: &str) -> Option<Vec<&str>> {
        let batch = Batch::of(event.as_bytes())?;
        Some(batch.records().iter().map(|record| &event[record.clone()]).collect())
    }

    #[test]
    fn h5_batches_are_what_pollers_and_pipes_send() {
        let (sqs, sns) = (r#"{"eventSource": "aws:sqs", "body": 1}"#, r#"{"EventSource":"aws:sns","Sns":{}}"#);
        assert_eq!(records(&format!(r#" {{"Records": [{sqs}, {sqs}]}}"#)), Some(vec![sqs, sqs]));
        assert_eq!(records(&format!(r#"{{"x":0,"Records":[{sns}]}}"#)), Some(vec![sns]));
        for source in ["aws:kinesis", "aws:dynamodb"] {
            let record = format!(r#"{{"eventSource":"{source}"}}"#);
            assert_eq!(records(&format!(r#"{{"Records":[{record}]}}"#)), Some(vec![&*record]));
        }
        assert_eq!(records(&format!("[{sqs},{sqs}]")), Some(vec![sqs, sqs]));
        assert_eq!(records(r#"[{"eventSource":"aws:mq"}]"#), Some(vec![r#"{"eventSource":"aws:mq"}"#]));
        for source in ["aws:kafka", "SelfManagedKafka"] {
            let event = format!(r#"{{"records":{{"a-0":[1,2],"b-0":[3]}},"eventSource":"{source}"}}"#);
            assert_eq!(records(&event), Some(vec!["1", "2", "3"]));
        }
    }

    #[test]
    fn h5_nothing_else_is_a_batch() {
        for event in [
            "",
            "{",
            "7",
            "[]",
            "[1]",
            r#"{"Items":[{"eventSource":"aws:sqs"}]}"#,
            r#"{"Records":[]}"#,
            r#"{"Records":[{"t":"x"}]}"#,
            r#"{"Records":{"eventSource":"aws:sqs"}}"#,
            r#"{"Records":[{"eventSource":"aws:sqs"},{"t":"x"}]}"#,
            r#"{"Records":[{"eventSource":"mine"}]}"#,
            r#"{"Records":[{"eventSource":"aws:s3"}]}"#,
            r#"{"Records":[{"eventSource":"aws:ses"}]}"#,
            r#"{"Records":[{"eventSource":"aws:codecommit"}]}"#,
            r#"{"Records":[{"EventSource":"aws:sqs"}]}"#,
            r#"{"Records":[{"eventSource":"aws:sns"}]}"#,
            r#"{"Records":[{"eventSource":"aws:sqs"},{"eventSource":"aws:s3"}]}"#,
            r#"[{"EventSource":"aws:sns"}]"#,
            r#"[{"eventSource":"aws:sqs"},{"eventSource":1}]"#,
            r#"[[{"eventSource":"aws:sqs"}]]"#,
            r#"{"records":{"a-0":[1]}}"#,
            r#"{"records":[1],"eventSource":"aws:kafka"}"#,
            r#"{"records":{"a-0":1},"eventSource":"aws:kafka"}"#,
            r#"{"records":{"a-0":[1]},"eventSource":"aws:mq"}"#,
        ] {
            assert_eq!(records(event), None, "{event}");
        }
    }
}
