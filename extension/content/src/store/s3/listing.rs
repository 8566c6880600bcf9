//! What is in a bucket, for people who look at it: its keys, and the heading of each object.

use std::time::Instant;

use futures_util::future::join_all;
use http::Method;

use super::answer::element;
use super::bucket::{Ask, Reply};
use super::object::{FOLDER, Heading};
use super::store::S3Store;
use super::write::encoded;
use crate::store::dynamodb::{Foreign, StoredContent};

/// How many headings of objects are requested at the same time.
const AT_ONCE: usize = 16;

/// Some objects of a bucket.
#[derive(Debug, Default)]
pub struct Page {
    /// Contents.
    pub contents: Vec<StoredContent>,
    /// Objects that this layer has not written.
    pub foreign: Vec<Foreign>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

impl S3Store {
    /// Reads one page of at most `most` objects; `from` is `None` for the first page. The error is the last one from the
    /// bucket.
    pub async fn page(&self, from: Option<&str>, most: usize, until: Instant) -> Result<Page, String> {
        let most = most.clamp(1, 1000);
        let from = from.map(|token| format!("&continuation-token={}", encoded(token))).unwrap_or_default();
        let query = format!("?list-type=2&max-keys={most}&prefix={}{from}", encoded(FOLDER));
        let list = || Ask::new("ListObjectsV2", Method::GET, query.clone());
        let Reply::Done(answer) = self.bucket.persist(until, list).await? else {
            return Err("ListObjectsV2: no such bucket (look at LRAP_CONTENT_BUCKET)".to_owned());
        };
        let next = element(answer.body(), "NextContinuationToken").map(unescaped);
        let mut page = Page { next, ..Page::default() };
        for objects in objects(answer.body()).chunks(AT_ONCE) {
            for read in join_all(objects.iter().map(|(key, stored)| self.look(key, *stored, until))).await {
                match read? {
                    Ok(content) => page.contents.push(content),
                    Err(foreign) => page.foreign.push(foreign),
                }
            }
        }
        Ok(page)
    }

    /// The content under a key, or what is there instead.
    async fn look(&self, key: &str, stored: u64, until: Instant) -> Result<Result<StoredContent, Foreign>, String> {
        let foreign = |problem: &str| Foreign { id: key.to_owned(), problem: problem.to_owned() };
        if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/.".contains(&byte)) {
            return Ok(Err(foreign("its key does not have the form of this layer's keys")));
        }
        let head = || Ask::new("HeadObject", Method::HEAD, key);
        let Reply::Done(answer) = self.bucket.persist(until, head).await? else {
            return Ok(Err(foreign("it was deleted meanwhile")));
        };
        let heading = Heading::parse(answer.headers()).ok();
        let content = heading.and_then(|heading| {
            Some(StoredContent {
                reference: heading.reference(key)?,
                stored: Some(stored),
                encoding: heading.encoding.as_str(),
                parts: 0,
                found: 0,
                expires_at: heading.expiry.second(),
            })
        });
        Ok(content.ok_or_else(|| foreign("it does not have the metadata of this layer's objects")))
    }
}

/// Keys and sizes in an answer.
fn objects(xml: &[u8]) -> Vec<(String, u64)> {
    let text = std::str::from_utf8(xml).unwrap_or_default();
    let object = |entry: &str| {
        let size = element(entry.as_bytes(), "Size")?.parse().ok()?;
        Some((unescaped(element(entry.as_bytes(), "Key")?), size))
    };
    text.split("<Contents>").skip(1).filter_map(object).collect()
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_keys_and_sizes() {
        let xml = "<ListBucketResult><Contents><Key>1d/a</Key><Size>12</Size></Contents>\
                   <Contents><Size>0</Size><Key>x&amp;y</Key></Contents></ListBucketResult>";
        assert_eq!(objects(xml.as_bytes()), [("1d/a".to_owned(), 12), ("x&y".to_owned(), 0)]);
    }
}
