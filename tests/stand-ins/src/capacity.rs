//! What DynamoDB charges for a request: the relay asks for it, and tells the record.

use axum::body::Bytes;
use http::HeaderMap;
use serde_json::{Value, json};

/// Operations that say what they cost, each with `ReturnConsumedCapacity`.
const CHARGED: [&str; 10] = [
    "PutItem",
    "GetItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "Scan",
    "BatchGetItem",
    "BatchWriteItem",
    "TransactGetItems",
    "TransactWriteItems",
];

/// Request units of one request, those of its indexes included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Units(pub(crate) f64);

/// The body of a request that also asks for what it costs. None of a request that DynamoDB does not charge.
pub(crate) fn asking(headers: &HeaderMap, body: &[u8]) -> Option<Bytes> {
    let (api, operation) = headers.get("x-amz-target")?.to_str().ok()?.split_once('.')?;
    if !api.starts_with("DynamoDB") || !CHARGED.contains(&operation) {
        return None;
    }
    let mut request: Value = serde_json::from_slice(body).ok()?;
    request.as_object_mut()?.entry("ReturnConsumedCapacity").or_insert(json!("TOTAL"));
    Some(request.to_string().into())
}

/// What the answer says: of one table, or of several.
pub(crate) fn units(answer: &[u8]) -> Option<Units> {
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let consumed = match answer.get("ConsumedCapacity")? {
        Value::Array(tables) => tables.iter().filter_map(of_table).sum(),
        table => of_table(table)?,
    };
    Some(Units(consumed))
}

fn of_table(table: &Value) -> Option<f64> {
    table["CapacityUnits"].as_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_operation(target: &'static str) -> HeaderMap {
        HeaderMap::from_iter([("x-amz-target".parse().unwrap(), target.parse().unwrap())])
    }

    #[test]
    fn only_what_dynamodb_charges_is_asked_for_its_cost() {
        let put = asking(&of_operation("DynamoDB_20120810.PutItem"), b"{\"Item\":{}}").unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&put).unwrap()["ReturnConsumedCapacity"], "TOTAL");
        assert_eq!(asking(&of_operation("DynamoDB_20120810.DescribeTable"), b"{}"), None);
        assert_eq!(asking(&of_operation("AmazonSQS.SendMessage"), b"{}"), None);
    }

    #[test]
    fn the_units_of_all_tables_are_added() {
        assert_eq!(units(br#"{"ConsumedCapacity":{"TableName":"a","CapacityUnits":4.0}}"#), Some(Units(4.0)));
        assert_eq!(units(br#"{"ConsumedCapacity":[{"CapacityUnits":1.5},{"CapacityUnits":2.0}]}"#), Some(Units(3.5)));
        assert_eq!(units(br#"{"Item":{}}"#), None);
    }
}
