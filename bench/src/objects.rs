//! A bucket on this machine, as far as writing and reading whole objects goes. It answers as late as it is told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use test_kit::{Exchange, Peer, Reply};

/// How many requests the log of the bucket keeps: few, because the benchmark reads none of them.
const KEPT: usize = 2;

/// What is stored under a path: its metadata, and its bytes.
type Object = (Vec<(String, String)>, Vec<u8>);

/// Serves a bucket that answers `delay` late.
pub(crate) async fn serve(delay: Duration) -> Peer {
    let objects = Mutex::new(HashMap::new());
    let answer = move |request: &Exchange| {
        let reply = answer(&mut objects.lock().unwrap_or_else(PoisonError::into_inner), request);
        let (reply, release) = reply.held();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            drop(release);
        });
        Some(reply)
    };
    Peer::start_keeping(KEPT, answer).await
}

fn answer(objects: &mut HashMap<String, Object>, request: &Exchange) -> Reply {
    let path = request.target.split('?').next().unwrap_or_default().to_owned();
    match (request.method.as_str(), objects.get(&path)) {
        ("PUT", _) => {
            let metadata = request.headers.iter().filter(|(name, _)| name.starts_with("x-amz-meta-"));
            let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            objects.insert(path, (metadata, request.body.clone()));
            Reply::new(200, "").header("ETag", "\"one\"")
        }
        ("GET", Some((metadata, bytes))) => read(metadata, bytes, request.headers.get("range")),
        ("HEAD", _) => Reply::to_head(0).header("x-amz-meta-format", "none"),
        _ => Reply::new(404, "<Error><Code>NoSuchKey</Code></Error>"),
    }
}

/// The bytes of a range, `bytes=0-99`, which may end behind the object.
fn read(metadata: &[(String, String)], bytes: &[u8], range: Option<&str>) -> Reply {
    let bounds = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let bounds = bounds.and_then(|(start, end)| Some((start.parse().ok()?, end.parse::<usize>().ok()? + 1)));
    let (start, end) = bounds.unwrap_or((0, bytes.len()));
    let end = end.min(bytes.len());
    let reply = Reply::new(206, &bytes[start.min(end)..end]).header("ETag", "\"one\"");
    let reply = reply.header("Content-Range", &format!("bytes {start}-{}/{}", end.saturating_sub(1), bytes.len()));
    metadata.iter().fold(reply, |reply, (name, value)| reply.header(name, value))
}
