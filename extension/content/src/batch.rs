//! Batches: events that hold records of which one may be bad, without the others suffering for it (rule H5).
//!
//! Lambda's pollers send them in three shapes, and nothing else is one: a state machine's list of items is a single event.

use std::ops::Range;

use crate::json::{self, Name, StringToken};

/// The beginning of what a record of AWS says of its source.
const AWS: &str = "aws:";

/// Where the records of a batch are, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    records: Vec<Range<usize>>,
}

impl Batch {
    /// The records of a batch: `Records` as SQS, SNS, Kinesis and DynamoDB streams send it, `records` of Kafka, or a bare
    /// array of records, as Pipes hands it over. `None` for any other event.
    pub fn of(event: &[u8]) -> Option<Self> {
        let start = event.len() - event.trim_ascii_start().len();
        let records = match event.get(start)? {
            b'[' => of_aws(event, start)?,
            b'{' => match member(event, start, "Records") {
                Some(records) => of_aws(event, records.start)?,
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

    /// Bytes of the records together.
    pub(crate) fn len(&self) -> u64 {
        self.records.iter().map(|record| record.len() as u64).sum()
    }
}

/// The elements of an array, if all say that they are from AWS.
fn of_aws(event: &[u8], array: usize) -> Option<Vec<Range<usize>>> {
    let elements = elements(event, array)?;
    let source = |element: &Range<usize>| {
        let names = ["eventSource", "EventSource"];
        names.iter().find_map(|name| text(event, &member(event, element.start, name)?))
    };
    let is_record = |element: &Range<usize>| source(element).is_some_and(|source| source.starts_with(AWS.as_bytes()));
    (!elements.is_empty() && elements.iter().all(is_record)).then_some(elements)
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

/// The value of an object's member, the last of that name.
fn member(event: &[u8], object: usize, wanted: &str) -> Option<Range<usize>> {
    let is_wanted = |name: &Name| matches!(name, Name::Key(_)) && name.is(event, wanted);
    json::members(event, object).filter(|(name, _)| is_wanted(name)).last().map(|(_, value)| value)
}

/// What a string says.
fn text<'a>(event: &'a [u8], value: &Range<usize>) -> Option<std::borrow::Cow<'a, [u8]>> {
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
    fn batches_are_what_pollers_and_pipes_send() {
        let (sqs, sns) = (r#"{"eventSource": "aws:sqs", "body": 1}"#, r#"{"EventSource":"aws:sns","Sns":{}}"#);
        assert_eq!(records(&format!(r#" {{"Records": [{sqs}, {sqs}]}}"#)), Some(vec![sqs, sqs]));
        assert_eq!(records(&format!(r#"{{"x":0,"Records":[{sns}]}}"#)), Some(vec![sns]));
        assert_eq!(records(&format!("[{sqs},{sqs}]")), Some(vec![sqs, sqs]));
        for source in ["aws:kafka", "SelfManagedKafka"] {
            let event = format!(r#"{{"records":{{"a-0":[1,2],"b-0":[3]}},"eventSource":"{source}"}}"#);
            assert_eq!(records(&event), Some(vec!["1", "2", "3"]));
        }
    }

    #[test]
    fn nothing_else_is_a_batch() {
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
