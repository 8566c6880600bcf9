//! Where the contents of a sandbox are: in the table alone, or in a bucket beside it that takes all of them. Tests that hold for
//! either do all that they do to a store through this.

use std::sync::Arc;

use lambda_local::table::{ContentBucket, Fault, Faults, Gate};

use crate::bucket::bucket;
use crate::fake_lambda::FakeLambda;
use crate::json::{noise, quote};
use crate::message::{Event, Request};
use crate::runtime::Runtime;
use crate::table::Table;
use crate::waiting::soon;

/// Which store takes contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backing {
    Table,
    Bucket,
}

impl Backing {
    pub const BOTH: [Self; 2] = [Self::Table, Self::Bucket];

    /// The store as references spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "dynamodb",
            Self::Bucket => "s3",
        }
    }
}

/// The stores of one sandbox, or of several.
#[derive(Debug, Clone)]
pub struct Stores {
    pub table: Arc<Table>,
    pub bucket: Option<Arc<ContentBucket>>,
}

/// What the store was asked for since it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    pub requests: u64,
    /// Items or objects written.
    pub written: u64,
    /// Items or objects read.
    pub read: u64,
    /// Requests that read.
    pub reads: u64,
    /// Requests that write.
    pub writes: u64,
}

impl Spent {
    /// What was added since `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            requests: self.requests - earlier.requests,
            written: self.written - earlier.written,
            read: self.read - earlier.read,
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
        }
    }
}

impl Stores {
    pub async fn start(backing: Backing) -> Self {
        let bucket = match backing {
            Backing::Table => None,
            Backing::Bucket => Some(Arc::new(bucket().await)),
        };
        Self { table: Arc::new(Table::start().await), bucket }
    }

    pub fn backing(&self) -> Backing {
        if self.bucket.is_some() { Backing::Bucket } else { Backing::Table }
    }

    /// What names them, in the environment of a sandbox: all contents go to the bucket, if there is one.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let table = [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.table.endpoint()),
            ("AGENT_CONTEXT_TABLE", self.table.name().to_owned()),
        ];
        let bucket = self.bucket.iter().flat_map(|bucket| {
            [
                ("AWS_ENDPOINT_URL_S3", bucket.endpoint()),
                ("LRAP_CONTENT_BUCKET", bucket.name().to_owned()),
                ("LRAP_S3_MIN_SIZE", "0".to_owned()),
            ]
        });
        table.into_iter().chain(bucket).collect()
    }

    /// How often sandboxes have opened their connections before they had something to ask: requests that are no operation.
    pub fn warmed(&self) -> [u64; 2] {
        [self.table.warmed(), self.bucket.as_ref().map_or(0, |bucket| bucket.requests_of(""))]
    }

    /// Waits until one more sandbox than `before` has done so.
    pub async fn warmed_since(&self, before: [u64; 2]) {
        self.table.warmed_times(before[0] + 1).await;
        if let Some(bucket) = &self.bucket {
            soon("a warm connection to the bucket", bucket.asked(|bucket| bucket.requests_of("") > before[1])).await;
        }
    }

    /// What both were asked for.
    pub fn spent(&self) -> Spent {
        let table = self.table.meter();
        let of = |operation| self.bucket.as_ref().map_or(0, |bucket| bucket.requests_of(operation));
        let (written, read) = (of("PutObject") + of("CompleteMultipartUpload"), of("GetObject"));
        Spent {
            requests: table.total_requests() + self.bucket.as_ref().map_or(0, |bucket| bucket.total_requests()),
            written: table.items_written + written,
            read: table.items_read + read,
            reads: table.requests_of("BatchGetItem") + read,
            writes: table.requests_of("PutItem") + table.requests_of("BatchWriteItem") + written + of("UploadPart"),
        }
    }

    /// Waits for so many requests of any operation after those of `before`.
    pub async fn asked_times(&self, before: Spent, times: u64) {
        let are_there = || self.spent().requests >= before.requests + times;
        match &self.bucket {
            None => soon("requests", self.table.until(|_| are_there())).await,
            Some(bucket) => soon("requests", bucket.asked(|_| are_there())).await,
        }
    }

    pub fn faults(&self, faults: Faults) {
        match &self.bucket {
            None => self.table.faults(faults),
            Some(bucket) => bucket.faults().set(faults),
        }
    }

    pub fn clear_faults(&self) {
        self.faults(Faults::default());
    }

    /// Connections that are open now go silent; new ones work.
    pub fn silence_open_connections(&self) {
        match &self.bucket {
            None => self.table.silence_open_connections(),
            Some(bucket) => bucket.faults().silence_open_connections(),
        }
    }

    /// How many connections sandboxes have opened so far.
    fn opened(&self) -> u64 {
        self.bucket.as_ref().map_or_else(|| self.table.opened(), |bucket| bucket.faults().opened())
    }

    /// Has sandboxes with these `runtimes` keep as many connections open: each stores a content while the others do.
    pub async fn keep_connections(&self, lambda: &FakeLambda, runtimes: &mut [Runtime]) {
        let (gate, before) = (Gate::shut(), self.spent());
        self.faults(Faults::always(Fault::Wait(gate.clone())));
        for (number, runtime) in (self.opened() * 1000..).zip(runtimes.iter_mut()) {
            let id = format!("keep-{number}");
            lambda.push(Event::new(&id, "{}"));
            assert_eq!(runtime.next().await.id(), id);
            runtime.begin(&Request::response(&id, quote(&noise(6000, number)))).await;
        }
        self.asked_times(before, runtimes.len() as u64).await;
        gate.open();
        for runtime in runtimes.iter_mut() {
            assert_eq!(runtime.answer("POST").await.status, 202);
        }
        self.clear_faults();
    }

    /// Ids of all items, or keys of all objects.
    pub async fn keys(&self) -> Vec<String> {
        match &self.bucket {
            None => self.table.items().await.iter().map(|item| item["id"]["S"].as_str().unwrap().to_owned()).collect(),
            Some(bucket) => bucket.keys().await,
        }
    }

    /// Every content is past its time, and still there.
    pub async fn expire_all(&self) {
        let Some(bucket) = &self.bucket else { return self.table.expire_all().await };
        for key in bucket.keys().await {
            let end = || "1000000000".parse().unwrap();
            bucket.edit(&key, |headers, _| drop(headers.insert("x-amz-meta-expires-at", end()))).await;
        }
    }

    /// One byte of every stored content is another one.
    pub async fn corrupt_all(&self) {
        let Some(bucket) = &self.bucket else { return self.table.corrupt_all().await };
        for key in bucket.keys().await {
            bucket.edit(&key, |_, bytes| *bytes.last_mut().unwrap() ^= 1).await;
        }
    }

    /// Deletes every item, or every object.
    pub async fn delete_all(&self) {
        let Some(bucket) = &self.bucket else { return self.table.delete_all().await };
        for key in bucket.keys().await {
            bucket.delete(&key).await;
        }
    }

    /// The same contents in stores of another name.
    pub async fn copied(&self) -> Self {
        let table = Table::named("another").await;
        for item in self.table.items().await {
            table.put(item).await;
        }
        let Some(bucket) = &self.bucket else { return Self { table: Arc::new(table), bucket: None } };
        let copy = crate::bucket::bucket().await;
        for key in bucket.keys().await {
            copy.put(&key, bucket.object(&key).await).await;
        }
        Self { table: Arc::new(table), bucket: Some(Arc::new(copy)) }
    }
}
