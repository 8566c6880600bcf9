//! Puts contents: with one `PUT` each, or with an upload in parts; several at the same time.
//!
//! A short content is written without a look: writing the same object again does no harm, and makes it live longer. Before a
//! long content is written, the store looks whether the object is already there for at least half of its life.

use std::time::Instant;

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::Method;

use super::answer::element;
use super::bucket::{Ask, Piece, Reply};
use super::object::{Heading, key};
use super::store::S3Store;
use crate::reference::{ContentRef, Scope};
use crate::store::Expiry;
use crate::store::cost::{self, UPLOAD_PART, WORTH_A_LOOK};
use crate::store::encoding::{Encoder, Encoding};

/// For more bytes than this, another thread compresses and hashes.
const BLOCKING: usize = 512 << 10;

/// A content ready to be sent.
#[derive(Debug)]
struct Object {
    reference: ContentRef,
    scope: Scope,
    encoding: Encoding,
    /// There are several if it is uploaded in parts.
    pieces: Vec<Piece>,
}

/// Stores contents, and returns their expiries in the same order.
pub(super) async fn put(
    store: &S3Store,
    scope: &Scope,
    contents: &[(ContentRef, Bytes)],
    until: Instant,
) -> Result<Vec<Expiry>, String> {
    let objects = lay_out(store, scope, contents).await?;
    try_join_all(objects.iter().map(|object| put_one(store, object, until))).await
}

async fn put_one(store: &S3Store, object: &Object, until: Instant) -> Result<Expiry, String> {
    if object.stored() > WORTH_A_LOOK
        && let Some(expiry) = look(store, object, until).await
    {
        return Ok(expiry);
    }
    let expiry = match &object.pieces[..] {
        [piece] => put_whole(store, object, piece, until).await?,
        _ => upload(store, object, until).await?,
    };
    store.bucket.saved(cost::spared(cost::write, object.stored()));
    Ok(expiry)
}

async fn put_whole(store: &S3Store, object: &Object, piece: &Piece, until: Instant) -> Result<Expiry, String> {
    let _turn = store.at_once.acquire().await;
    let started = store.clock.now();
    let put = || Ask {
        headers: object.headers(store, Some(piece), store.clock.now()),
        body: piece.clone(),
        ..Ask::new("PutObject", Method::PUT, key(&object.reference))
    };
    match store.bucket.persist(until, put).await? {
        // Attempts that came later let it live longer.
        Reply::Done(_) => Ok(Expiry::of(object.reference.ttl, started)),
        _ => Err("PutObject: no such bucket (look at LRAP_CONTENT_BUCKET)".to_owned()),
    }
}

/// The expiry of the object, if it is already there for at least half of its life. If the answer is an error, the object is
/// written, so a function that may write but not read can still store.
async fn look(store: &S3Store, object: &Object, until: Instant) -> Option<Expiry> {
    let ask = Ask::new("HeadObject", Method::HEAD, key(&object.reference));
    let until = until.min(Instant::now() + crate::store::dynamodb::retry::ATTEMPT);
    let reply = tokio::time::timeout_at(until.into(), store.bucket.call(&ask)).await.ok()?.ok()?;
    let Reply::Done(answer) = reply else { return None };
    let heading = Heading::parse(answer.headers()).ok()?;
    let is_kept = heading.is_of(object.scope.tag(&object.reference)) && heading.fits(&object.reference);
    let is_good = is_kept && heading.expiry.leaves_half(object.reference.ttl, store.clock.now());
    is_good.then_some(heading.expiry)
}

/// Uploads an object in parts. S3 creates the object when the upload is completed. If a crash leaves an incomplete upload, a
/// rule of the bucket deletes it. If S3 does not know the upload any more, it was either completed and the answer was lost,
/// or a new upload is started.
async fn upload(store: &S3Store, object: &Object, until: Instant) -> Result<Expiry, String> {
    loop {
        let started = store.clock.now();
        let id = create(store, object, until).await?;
        let target = format!("{}?uploadId={}", key(&object.reference), encoded(&id));
        let parts = (1..).zip(&object.pieces).map(|(number, piece)| part(store, &target, number, piece, until));
        let Some(tags) = try_join_all(parts).await?.into_iter().collect::<Option<Vec<_>>>() else { continue };
        let list = Piece::of(part_list(&tags, &object.pieces).into());
        let complete =
            || Ask { body: list.clone(), ..Ask::new("CompleteMultipartUpload", Method::POST, target.clone()) };
        match store.bucket.persist(until, complete).await? {
            Reply::Done(_) => return Ok(Expiry::of(object.reference.ttl, started)),
            _ => {
                if let Some(expiry) = look(store, object, until).await {
                    return Ok(expiry);
                }
            }
        }
    }
}

async fn create(store: &S3Store, object: &Object, until: Instant) -> Result<String, String> {
    let create = || Ask {
        headers: object.headers(store, None, store.clock.now()),
        ..Ask::new("CreateMultipartUpload", Method::POST, format!("{}?uploads=", key(&object.reference)))
    };
    match store.bucket.persist(until, create).await? {
        Reply::Done(answer) => element(answer.body(), "UploadId").map(str::to_owned),
        _ => None,
    }
    .ok_or_else(|| "CreateMultipartUpload: the answer has no upload id".to_owned())
}

/// Uploads one part. Returns its entity tag, or `None` if there is no such upload any more.
async fn part(
    store: &S3Store,
    target: &str,
    number: usize,
    piece: &Piece,
    until: Instant,
) -> Result<Option<String>, String> {
    let _turn = store.at_once.acquire().await;
    let ask = || Ask {
        headers: vec![("x-amz-checksum-sha256", piece.checksum())],
        body: piece.clone(),
        ..Ask::new("UploadPart", Method::PUT, format!("{target}&partNumber={number}"))
    };
    match store.bucket.persist(until, ask).await? {
        Reply::Done(answer) => Ok(Some(super::object::etag(answer.headers()).unwrap_or_default())),
        _ => Ok(None),
    }
}

fn part_list(tags: &[String], pieces: &[Piece]) -> String {
    let part = |(number, (tag, piece)): (usize, (&String, &Piece))| {
        let checksum = piece.checksum();
        format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{tag}</ETag><ChecksumSHA256>{checksum}</ChecksumSHA256></Part>"
        )
    };
    let parts: String = (1..).zip(tags.iter().zip(pieces)).map(part).collect();
    format!(
        r#"<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{parts}</CompleteMultipartUpload>"#
    )
}

/// Text encoded for a query.
pub(super) fn encoded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(byte).collect()
}

impl Object {
    fn new(encoder: &Encoder, scope: &Scope, reference: ContentRef, content: &Bytes) -> Self {
        let stored = encoder.encode(content, |_, len| len as u64);
        let part = UPLOAD_PART as usize;
        let starts = (0..stored.bytes.len().max(1)).step_by(part);
        let piece = |start| Piece::of(stored.bytes.slice(start..stored.bytes.len().min(start + part)));
        Self { reference, scope: scope.clone(), encoding: stored.encoding, pieces: starts.map(piece).collect() }
    }

    /// Bytes of the stored form.
    fn stored(&self) -> u64 {
        self.pieces.iter().map(|piece| piece.bytes.len() as u64).sum()
    }

    /// The headers of the request that creates the object: its heading as of `now`, its encryption, and the checksum of its
    /// bytes, or the kind of checksum that its parts will have.
    fn headers(&self, store: &S3Store, whole: Option<&Piece>, now: u64) -> Vec<(&'static str, String)> {
        let expiry = Expiry::of(self.reference.ttl, now);
        let mut headers = Heading::of(&self.reference, &self.scope, self.encoding, expiry).headers();
        headers.push(match whole {
            Some(piece) => ("x-amz-checksum-sha256", piece.checksum()),
            None => ("x-amz-checksum-algorithm", "SHA256".to_owned()),
        });
        if let Some(key) = &store.bucket.settings().kms_key {
            headers.push(("x-amz-server-side-encryption", "aws:kms".to_owned()));
            headers.push(("x-amz-server-side-encryption-aws-kms-key-id", key.clone()));
            headers.push(("x-amz-server-side-encryption-bucket-key-enabled", "true".to_owned()));
        }
        headers
    }
}

/// Compresses and hashes contents, each once. Long work is done on another thread.
async fn lay_out(store: &S3Store, scope: &Scope, contents: &[(ContentRef, Bytes)]) -> Result<Vec<Object>, String> {
    let (encoder, scope, contents) = (store.encoder.clone(), scope.clone(), contents.to_vec());
    let len: usize = contents.iter().map(|(_, bytes)| bytes.len()).sum();
    let work =
        move || contents.iter().map(|(reference, bytes)| Object::new(&encoder, &scope, *reference, bytes)).collect();
    if len <= BLOCKING {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| "the content could not be encoded".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::reference::{Content, StoreName, Ttl};

    #[test]
    fn what_is_longer_than_a_part_is_cut_into_as_few_as_possible() {
        let part = UPLOAD_PART as usize;
        let scope = Scope::new("table").with_bucket(Some("bucket"));
        for (len, expected) in [(0, vec![0]), (part, vec![part]), (2 * part + 1, vec![part, part, 1])] {
            let mut noise = vec![0; len];
            fastrand::Rng::with_seed(1).fill(&mut noise);
            let content = Content::json(noise);
            let reference = scope.reference_in(StoreName::S3, Ttl::NONE, &content);
            let object = Object::new(&Encoder::default(), &scope, reference, &content.bytes);
            let lens: Vec<_> = object.pieces.iter().map(|piece| piece.bytes.len()).collect();
            assert_eq!((lens, object.stored()), (expected, len as u64));
        }
    }

    #[test]
    fn an_id_is_encoded_in_a_query() {
        assert_eq!(encoded("a-Z_0.~+/= é"), "a-Z_0.~%2B%2F%3D%20%C3%A9");
    }
}
