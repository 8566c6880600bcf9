//! A response as Lambda takes it: in pieces for a Function URL, whole for an HTTP API.

use std::convert::Infallible;

use bytes::Bytes;
use http::response::Parts;
use http::{HeaderMap, Response};
use http_api::streaming::{Answer, Pieces, Streamed};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use serde_json::{Map, Value, json};

/// A response whose body may still be written.
pub(crate) type Written = Response<BoxBody<Bytes, Infallible>>;

/// What Lambda gets of a response.
pub(crate) async fn answer(response: Written, streams: bool) -> Answer {
    let (head, body) = response.into_parts();
    if streams {
        return Answer::Streamed(Streamed {
            status: head.status.as_u16(),
            headers: head.headers,
            pieces: pieces(body),
        });
    }
    let Ok(body) = body.collect().await;
    Answer::Whole(event(&head, &body.to_bytes()))
}

fn pieces(mut body: BoxBody<Bytes, Infallible>) -> Pieces {
    let (sender, pieces) = Pieces::channel();
    tokio::spawn(async move {
        while let Some(Ok(frame)) = body.frame().await {
            if let Ok(piece) = frame.into_data() {
                sender.send(piece);
            }
        }
    });
    pieces
}

/// Every body of this server is text.
fn event(head: &Parts, body: &[u8]) -> Value {
    json!({
        "statusCode": head.status.as_u16(), "headers": spelt(&head.headers), "body": String::from_utf8_lossy(body),
        "isBase64Encoded": false,
    })
}

fn spelt(headers: &HeaderMap) -> Map<String, Value> {
    headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into()))).collect()
}
