//! Gets contents: first the heading and the first bytes of an object, then the other bytes in ranges, several at the same
//! time.

use std::time::Instant;

use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use http::{HeaderMap, Method};

use super::bucket::{Ask, Reply};
use super::object::{self, Heading, Unreadable, key};
use super::store::S3Store;
use crate::reference::{ContentRef, Scope};
use crate::store::cost::{self, RANGE};
use crate::store::encoding::{Encoding, decode_parts};
use crate::store::{GetError, MAX_CONTENT_LEN, Stored};

/// For more bytes than this, another thread decompresses and hashes.
const BLOCKING: u64 = 512 << 10;

/// Reads contents in the references' order, each once.
pub(super) async fn get(
    store: &S3Store,
    scope: &Scope,
    references: &[ContentRef],
    until: Instant,
) -> Vec<Result<Stored, GetError>> {
    let get = async |reference: &ContentRef| {
        let read = tokio::time::timeout_at(until.into(), get_one(store, scope, reference, until)).await;
        read.unwrap_or_else(|_| Err(GetError::Unavailable("there was no time left to read it".to_owned())))
    };
    join_all(references.iter().map(get)).await
}

async fn get_one(store: &S3Store, scope: &Scope, reference: &ContentRef, until: Instant) -> Result<Stored, GetError> {
    if reference.size > MAX_CONTENT_LEN {
        return Err(GetError::Refused);
    }
    loop {
        let first = first(store, reference, until).await?;
        let heading = judge(store, scope, reference, &first.headers)?;
        let Some(pieces) = rest(store, reference, first, until).await? else { continue };
        let stored = pieces.iter().map(|piece| piece.len() as u64).sum();
        let bytes = content(scope, reference, heading.encoding, pieces, until).await?;
        store.bucket.saved(cost::spared(cost::read, stored));
        return Ok(Stored { bytes, expiry: heading.expiry });
    }
}

/// The first bytes of an object.
struct First {
    headers: HeaderMap,
    bytes: Bytes,
}

/// Requests as many bytes as the content may have according to its reference: a stored form is never longer than its
/// content.
async fn first(store: &S3Store, reference: &ContentRef, until: Instant) -> Result<First, GetError> {
    let most = reference.size.min(RANGE);
    let range = (most > 0).then(|| format!("bytes=0-{}", most - 1));
    let mut headers: Vec<_> = range.into_iter().map(|range| ("range", range)).collect();
    loop {
        match ask(store, reference, &headers, until).await? {
            Reply::Done(answer) => {
                let (head, bytes) = answer.into_parts();
                return Ok(First { headers: head.headers, bytes });
            }
            Reply::Absent => return Err(GetError::NotFound),
            // It is empty, so all of it may be asked for.
            _ => headers.clear(),
        }
    }
}

async fn ask(
    store: &S3Store,
    reference: &ContentRef,
    headers: &[(&'static str, String)],
    until: Instant,
) -> Result<Reply, GetError> {
    let _turn = store.at_once.acquire().await;
    let get = || Ask { headers: headers.to_vec(), ..Ask::new("GetObject", Method::GET, key(reference)) };
    store.bucket.persist(until, get).await.map_err(GetError::Unavailable)
}

/// Compares the heading with the reference. A reader of another scope does not learn that the object exists.
fn judge(store: &S3Store, scope: &Scope, reference: &ContentRef, headers: &HeaderMap) -> Result<Heading, GetError> {
    let heading = Heading::parse(headers).map_err(|unreadable| match unreadable {
        Unreadable::Damaged => GetError::Corrupt,
        Unreadable::Newer(format) => {
            GetError::Unavailable(format!("it was stored in object format {format}, which a newer layer reads"))
        }
    })?;
    match () {
        () if !heading.is_of(scope.tag(reference)) => Err(GetError::NotFound),
        () if !heading.fits(reference) => Err(GetError::Refused),
        () if heading.expiry.has_come(store.clock.now()) => Err(GetError::Expired),
        () => Ok(heading),
    }
}

/// All pieces of the object; `None` if it was replaced meanwhile.
async fn rest(
    store: &S3Store,
    reference: &ContentRef,
    first: First,
    until: Instant,
) -> Result<Option<Vec<Bytes>>, GetError> {
    let read = first.bytes.len() as u64;
    let whole = object::whole(&first.headers).unwrap_or(read);
    if whole > reference.size {
        return Err(GetError::Corrupt);
    }
    let tag = object::etag(&first.headers).unwrap_or_default();
    let starts = (read..whole).step_by(RANGE as usize);
    let ranges = starts.map(|start| range(store, reference, &tag, start..whole.min(start + RANGE), until));
    let rest: Option<Vec<_>> = try_join_all(ranges).await?.into_iter().collect();
    Ok(rest.map(|rest| [first.bytes].into_iter().chain(rest).collect()))
}

/// Some bytes of the object with this entity tag; `None` if there is another object now.
async fn range(
    store: &S3Store,
    reference: &ContentRef,
    tag: &str,
    bytes: std::ops::Range<u64>,
    until: Instant,
) -> Result<Option<Bytes>, GetError> {
    let headers = [("range", format!("bytes={}-{}", bytes.start, bytes.end - 1)), ("if-match", tag.to_owned())];
    match ask(store, reference, &headers, until).await? {
        Reply::Done(answer) if answer.body().len() as u64 == bytes.end - bytes.start => Ok(Some(answer.into_body())),
        Reply::Done(_) => Err(GetError::Corrupt),
        Reply::Absent => Err(GetError::NotFound),
        Reply::Changed | Reply::TooShort => Ok(None),
    }
}

/// The content, decoded and verified. Long work is done on another thread.
async fn content(
    scope: &Scope,
    reference: &ContentRef,
    encoding: Encoding,
    pieces: Vec<Bytes>,
    until: Instant,
) -> Result<Bytes, GetError> {
    let (scope, reference) = (scope.clone(), *reference);
    let verify = move || {
        let content = decode_parts(encoding, pieces, reference.size as usize).ok_or(GetError::Corrupt)?;
        if scope.holds(&reference, &content) { Ok(content) } else { Err(GetError::Corrupt) }
    };
    if reference.size <= BLOCKING {
        return verify();
    }
    match tokio::time::timeout_at(until.into(), tokio::task::spawn_blocking(verify)).await {
        Ok(outcome) => outcome.unwrap_or(Err(GetError::Corrupt)),
        Err(_) => Err(GetError::Unavailable("there was no time left to decode it".to_owned())),
    }
}
