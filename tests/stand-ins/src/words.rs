//! A call in a few words.

use http::request::Parts;
use serde_json::Value;

/// The service, what is asked of it, and the table, topic or queue that it is about.
pub(crate) fn words(service: &str, head: &Parts, body: &[u8]) -> String {
    let service = service.trim_start_matches("aws:");
    let (operation, about) =
        target(head, body).or_else(|| action(body)).or_else(|| invocation(head)).unwrap_or_else(|| request(head));
    format!("{service} {operation} {about}").trim_end().to_owned()
}

/// Of AWS's JSON protocols.
fn target(head: &Parts, body: &[u8]) -> Option<(String, String)> {
    let target = head.headers.get("x-amz-target")?.to_str().ok()?;
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let about = ["TableName", "QueueUrl", "SecretId"].iter().find_map(|name| input[*name].as_str());
    Some((last(target, '.'), last(about.unwrap_or_default(), '/')))
}

/// Of AWS's query protocol.
fn action(body: &[u8]) -> Option<(String, String)> {
    let field = |name: &str| form_urlencoded::parse(body).find(|(known, _)| known == name).map(|(_, value)| value);
    Some((field("Action")?.into_owned(), last(&field("TopicArn").unwrap_or_default(), ':')))
}

/// Of Lambda: the function by its name, whether the path has that or an ARN.
fn invocation(head: &Parts) -> Option<(String, String)> {
    let function = head.uri.path().strip_prefix("/2015-03-31/functions/")?.strip_suffix("/invocations")?;
    Some(("Invoke".to_owned(), last(&function.replace("%3A", ":"), ':')))
}

fn request(head: &Parts) -> (String, String) {
    (head.method.to_string(), head.uri.path().to_owned())
}

fn last(text: &str, separator: char) -> String {
    text.rsplit(separator).next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: &str, request: http::request::Builder, body: &str) -> String {
        words(service, &request.body(()).unwrap().into_parts().0, body.as_bytes())
    }

    #[test]
    fn calls_of_aws_are_named_by_operation_and_resource() {
        let json = http::Request::post("/").header("x-amz-target", "DynamoDB_20120810.PutItem");
        assert_eq!(of("aws:dynamodb", json, r#"{"TableName":"rows"}"#), "dynamodb PutItem rows");
        let form = "Action=Publish&TopicArn=arn%3Aaws%3Asns%3Aus-east-1%3A1%3Anotifications&Message=m";
        assert_eq!(of("aws:sns", http::Request::post("/"), form), "sns Publish notifications");
        for function in ["tool-dev", "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Atool-dev"] {
            let path = format!("/2015-03-31/functions/{function}/invocations");
            assert_eq!(of("aws:lambda", http::Request::post(path), "{}"), "lambda Invoke tool-dev");
        }
    }

    #[test]
    fn other_calls_are_named_by_method_and_path_without_the_query() {
        assert_eq!(of("noaa", http::Request::get("/points/1,2?key=secret"), ""), "noaa GET /points/1,2");
        assert_eq!(of("aws:scheduler", http::Request::post("/schedules/s"), "{}"), "scheduler POST /schedules/s");
    }
}
