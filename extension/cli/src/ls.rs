//! `lrap ls`: what the table and the bucket hold.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use clap::Args;
use long_content::reference::StoreName;
use long_content::store::clock::Clock;
use long_content::store::cost;
use long_content::store::dynamodb::{Foreign, Inventory, Orphans, StoredContent};
use long_content::store::s3::Page;
use serde_json::{Value, json};

use crate::answer::{Outcome, ToolError, print};
use crate::context::{Context, Table, wait};
use crate::figures;
use crate::options::Tenant;

const EXAMPLES: &str = "\
Examples:
  lrap ls
  lrap ls --limit 20 --json

Needs dynamodb:Scan, which no function needs. DynamoDB charges a scan by the size of the table. With LRAP_CONTENT_BUCKET it needs
s3:ListBucket and s3:GetObject too, and S3 charges a request for each object.";

/// List what the table and the bucket hold. DynamoDB charges this scan by the size of the table
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Ls {
    /// Stop after N contents; which parts are orphans is then unknown
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl Ls {
    pub(crate) fn run(&self, context: &Context) -> Result<Outcome, ToolError> {
        let limit = self.limit.unwrap_or(usize::MAX);
        let table = context.open(&Tenant::default())?;
        let (inventory, is_whole) = wait(scan(&table, limit)).map_err(ToolError::Unavailable)?;
        let scanned = inventory.scanned();
        let (mut contents, orphans, foreign) = inventory.finish();
        contents.truncate(limit);
        let bucket = wait(list(&table, limit - contents.len())).map_err(ToolError::Unavailable)?;
        let (is_whole, objects) = (is_whole && bucket.next.is_none(), bucket.contents.len() + bucket.foreign.len());
        contents.extend(bucket.contents);
        let foreign = [foreign, bucket.foreign].concat();
        let listing = Listing { contents, orphans, foreign, is_whole, scanned, objects, now: Clock::default().now() };
        print(context.as_json, &listing.document(), &listing.text())
    }
}

/// Reads until there is enough, or everything was read, which is the second value.
async fn scan(table: &Table, limit: usize) -> Result<(Inventory, bool), String> {
    let mut inventory = Inventory::default();
    let mut progress = Progress { shows: io::stderr().is_terminal() };
    let mut from = None;
    loop {
        let page = table.store.table().page(from.as_ref(), table.until()).await?;
        from.clone_from(&page.next);
        inventory.add(page);
        if from.is_none() || inventory.len() >= limit {
            let is_whole = from.is_none() && inventory.len() <= limit;
            return Ok((inventory, is_whole));
        }
        progress.show(&inventory);
    }
}

/// What the bucket holds, if there is one, and up to `limit` objects; where it goes on says whether there are more.
async fn list(table: &Table, limit: usize) -> Result<Page, String> {
    let mut all = Page::default();
    let Some(bucket) = table.store.bucket() else { return Ok(all) };
    if limit == 0 {
        return Ok(Page { next: Some(String::new()), ..all });
    }
    loop {
        let left = limit - all.contents.len();
        let page = bucket.page(all.next.as_deref(), left, table.until()).await?;
        all.contents.extend(page.contents);
        all.foreign.extend(page.foreign);
        all.next = page.next;
        if all.next.is_none() || all.contents.len() >= limit {
            return Ok(all);
        }
    }
}

/// One line that is written over and over, and wiped in the end.
struct Progress {
    shows: bool,
}

impl Progress {
    fn show(&mut self, inventory: &Inventory) {
        if self.shows {
            let _ = write!(io::stderr(), "\r{} items read, {} contents", inventory.scanned(), inventory.len());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shows {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// What was found.
struct Listing {
    contents: Vec<StoredContent>,
    orphans: Vec<Orphans>,
    foreign: Vec<Foreign>,
    is_whole: bool,
    scanned: u64,
    objects: usize,
    now: u64,
}

impl Listing {
    fn document(&self) -> Value {
        let orphans = self
            .orphans
            .iter()
            .map(|orphans| json!({ "id": orphans.id, "parts": orphans.parts, "expires_at": orphans.expires_at }));
        let foreign = self.foreign.iter().map(|foreign| json!({ "id": foreign.id, "problem": foreign.problem }));
        json!({
            "contents": self.contents.iter().map(|content| self.content_document(content)).collect::<Vec<_>>(),
            "orphans": self.is_whole.then(|| orphans.collect::<Vec<_>>()),
            "foreign": foreign.collect::<Vec<_>>(),
            "items": self.scanned,
            "objects": self.objects,
            "usd_per_month": self.usd_per_month(),
            "saved_usd": self.saved_usd(),
            "complete": self.is_whole,
        })
    }

    fn content_document(&self, content: &StoredContent) -> Value {
        let reference = &content.reference;
        json!({
            "reference": reference.to_string(),
            "id": reference.id.to_string(),
            "kind": reference.kind.as_str(),
            "ttl": reference.ttl.as_seconds(),
            "size": reference.size,
            "elements": reference.count,
            "stored_size": content.stored,
            "encoding": content.encoding,
            "parts": content.parts,
            "missing_parts": self.missing(content),
            "expires_at": content.expires_at,
            "expired": self.is_expired(content.expires_at),
        })
    }

    fn is_expired(&self, expires_at: Option<u64>) -> bool {
        expires_at.is_some_and(|end| end <= self.now)
    }

    /// Parts that a content lists and the table does not hold. What was not read is not missing.
    fn missing(&self, content: &StoredContent) -> u64 {
        if self.is_whole { content.parts.saturating_sub(content.found) } else { 0 }
    }

    fn text(&self) -> String {
        let row = ["SIZE", "STORED", "ELEMENTS", "ENCODING", "PARTS", "EXPIRES", "REFERENCE"].map(str::to_owned);
        let mut text = line(&row);
        for content in &self.contents {
            text += &line(&self.row(content));
        }
        for orphans in &self.orphans {
            let end = figures::expiry(orphans.expires_at, self.now);
            let _ = writeln!(text, "orphans: {} parts of {} (expire {end})", orphans.parts, orphans.id);
        }
        for foreign in &self.foreign {
            let _ = writeln!(text, "not ours: {} ({})", foreign.id, foreign.problem);
        }
        text + &self.summary()
    }

    fn row(&self, content: &StoredContent) -> [String; 7] {
        let missing = self.missing(content);
        let parts =
            if missing == 0 { content.parts.to_string() } else { format!("{} of {}", content.found, content.parts) };
        [
            figures::bytes(content.reference.size),
            content.stored.map_or_else(|| "?".to_owned(), figures::bytes),
            content.reference.count.map_or_else(|| "-".to_owned(), |count| count.to_string()),
            content.encoding.to_owned(),
            parts,
            figures::expiry(content.expires_at, self.now),
            content.reference.to_string(),
        ]
    }

    fn summary(&self) -> String {
        let size = self.contents.iter().map(|content| content.reference.size).sum();
        let stored = self.contents.iter().filter_map(|content| content.stored).sum();
        let more = if self.is_whole { "" } else { "; there may be more" };
        let (count, size, stored) = (self.contents.len(), figures::bytes(size), figures::bytes(stored));
        let objects = if self.objects == 0 { String::new() } else { format!(" and {} objects", self.objects) };
        let (usd, saved) = (self.usd_per_month(), self.saved_usd());
        let saving = if saved == 0.0 { String::new() } else { format!(", {saved:.6} USD saved by the bucket") };
        format!(
            "{count} contents, {size}, stored as {stored}, {usd:.6} USD a month{saving}; {} items{objects} read{more}\n",
            self.scanned
        )
    }

    /// What keeping the contents costs, by list prices.
    fn usd_per_month(&self) -> f64 {
        self.contents.iter().map(|content| cost::month(content.reference.store, stored(content))).sum()
    }

    /// What the bucket costs less than the table, for writing its contents once and keeping them a month.
    fn saved_usd(&self) -> f64 {
        let of_bucket = self.contents.iter().filter(|content| content.reference.store == StoreName::S3).map(stored);
        of_bucket.map(|stored| cost::spared(cost::write, stored) + cost::spared(cost::month, stored)).sum()
    }
}

/// Bytes of the stored form; of the content, where its writer did not note them.
fn stored(content: &StoredContent) -> u64 {
    content.stored.unwrap_or(content.reference.size)
}

fn line([size, stored, elements, encoding, parts, expires, reference]: &[String; 7]) -> String {
    format!("{size:>11} {stored:>11} {elements:>9}  {encoding:<8}  {parts:>7}  {expires:<14}  {reference}\n")
}
