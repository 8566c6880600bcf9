//! The content table: DynamoDB in this process, on a loopback port.
//!
//! dynoxide answers the way DynamoDB does (limits, errors, batch caps); in front of it is a relay that counts what a bill
//! would count ([`Meter`]) and lets scripted faults happen ([`Faults`]). Items past their TTL are swept on a timer, since DynamoDB
//! does so in its own time and dynoxide only when asked: readers must look at the attribute themselves, here as there.

mod bucket;
mod clock;
mod error;
mod faults;
mod meter;
mod relay;
mod shifted_clock;
mod sweeper;
mod table_clock;
mod tables;

pub use bucket::{ContentBucket, Object};
pub use error::TableError;
pub use faults::{Fault, FaultScript, Faults, Gate, TableRequest};
pub use meter::Meter;
pub(crate) use table_clock::TableClock;
pub(crate) use tables::Tables;

use crate::http_server::{HttpServer, listen_on_loopback};
use dynoxide::actions::delete_item::DeleteItemRequest;
use dynoxide::actions::describe_time_to_live::DescribeTimeToLiveRequest;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::put_item::PutItemRequest;
use dynoxide::actions::scan::ScanRequest;
use dynoxide::actions::update_time_to_live::{TimeToLiveSpecification, UpdateTimeToLiveRequest};
use dynoxide::storage_backend::Clock;
use dynoxide::{AttributeValue, Database, DynoxideError, Item};
use relay::{Passage, Relay};
use serde::Deserialize;
use serde_json::{Value, json};
use shifted_clock::ShiftedClock;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use sweeper::Sweeper;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How a content table is made. `[table]` of the TOML file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TableConfig {
    /// The table's name.
    pub name: String,
    /// The file that keeps it (`SQLite`); in memory without.
    pub file: Option<PathBuf>,
    /// The attribute DynamoDB's TTL looks at: a number, seconds since 1970.
    pub ttl_attribute: String,
    /// The loopback port; 0 takes a free one.
    pub port: u16,
    /// Seconds between two sweeps of expired items; 0 never sweeps.
    pub sweep_interval: u64,
}

impl Default for TableConfig {
    fn default() -> Self {
        Self {
            name: "long-content".to_owned(),
            file: None,
            ttl_attribute: "expires_at".to_owned(),
            port: 0,
            sweep_interval: 60,
        }
    }
}

/// A running content table: key `id` (S), on demand, TTL enabled. Dropping it closes the port and every connection.
pub struct ContentTable {
    name: String,
    database: Database,
    sweeper: Sweeper,
    server: HttpServer,
    meter: watch::Receiver<Meter>,
    faults: FaultScript,
    tasks: Vec<JoinHandle<()>>,
}

impl ContentTable {
    /// Opens or creates the table and serves it.
    pub async fn start(config: TableConfig) -> Result<Self, TableError> {
        let clock = Arc::new(ShiftedClock::default());
        let database = open(&config, &clock)?;
        create_table(&database, &config.name)?;
        enable_ttl(&database, &config)?;
        let inner = listen(0).await?;
        let upstream = inner.local_addr().map_err(|source| TableError::Listen { port: 0, source })?;
        let mut tasks = vec![tokio::spawn(dynoxide::server::serve_on(inner, database.clone()))];
        let sweeper = Sweeper { database: database.clone(), file: config.file, clock };
        if config.sweep_interval > 0 {
            let every = Duration::from_secs(config.sweep_interval);
            tasks.push(tokio::spawn(sweeper.clone().sweep_on_timer(every)));
        }
        let (sender, meter) = watch::channel(Meter::default());
        let faults = FaultScript::default();
        let relay = Relay {
            table: config.name.clone(),
            upstream,
            database: database.clone(),
            meter: sender,
            faults: faults.clone(),
        };
        let server = serve(relay, config.port).await?;
        Ok(Self { name: config.name, database, sweeper, server, meter, faults, tasks })
    }

    /// `http://127.0.0.1:port`, the value of `AWS_ENDPOINT_URL_DYNAMODB`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// What moves the clock by which items expire.
    pub(crate) fn clock(&self) -> TableClock {
        TableClock(self.sweeper.clone())
    }

    /// All tables behind its endpoint, for people to look at.
    pub(crate) fn tables(&self) -> Tables {
        Tables(self.database.clone())
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What this table was asked and charged so far; others that were made behind the same endpoint are not counted. Counted before
    /// the client gets its answer.
    pub fn meter(&self) -> Meter {
        self.meter.borrow().clone()
    }

    /// Waits until the counters are as wanted, such as for a request that is about to hang.
    pub async fn metered(&self, wanted: impl FnMut(&Meter) -> bool) -> Meter {
        let mut meter = self.meter.clone();
        match meter.wait_for(wanted).await {
            Ok(seen) => seen.clone(),
            // The sender lives in the server, which lives as long as `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// The faults in force. `table.faults().set(Faults::share(30, Fault::Throttle, 1))`.
    pub fn faults(&self) -> &FaultScript {
        &self.faults
    }

    /// All items in DynamoDB JSON, by id; past the relay: neither counted nor at fault.
    pub async fn items(&self) -> Result<Vec<Value>, TableError> {
        let (name, database) = (self.name.clone(), self.database.clone());
        tokio::task::spawn_blocking(move || scan(&database, &name)).await?
    }

    /// The item with this id, in DynamoDB JSON.
    pub async fn get_raw(&self, id: &str) -> Result<Option<Value>, TableError> {
        let request = GetItemRequest {
            table_name: self.name.clone(),
            key: key(id),
            consistent_read: Some(true),
            ..Default::default()
        };
        let database = self.database.clone();
        let found = tokio::task::spawn_blocking(move || database.get_item(request)).await??;
        Ok(found.item.map(serde_json::to_value).transpose()?)
    }

    /// Puts an item given in DynamoDB JSON: `json!({"id": {"S": "a"}, "expires_at": {"N": "1"}})`.
    pub async fn put_raw(&self, item: Value) -> Result<(), TableError> {
        let item: Item = serde_json::from_value(item)?;
        let request = PutItemRequest { table_name: self.name.clone(), item, ..Default::default() };
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || database.put_item(request)).await??;
        Ok(())
    }

    /// Deletes the item with this id, if it is there.
    pub async fn delete(&self, id: &str) -> Result<(), TableError> {
        let request = DeleteItemRequest { table_name: self.name.clone(), key: key(id), ..Default::default() };
        let database = self.database.clone();
        tokio::task::spawn_blocking(move || database.delete_item(request)).await??;
        Ok(())
    }

    /// Deletes what is past its TTL now, as DynamoDB does some time later. How many items.
    pub async fn sweep(&self) -> Result<usize, TableError> {
        self.sweeper.sweep().await
    }
}

impl fmt::Debug for ContentTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentTable").field("name", &self.name).field("server", &self.server).finish_non_exhaustive()
    }
}

impl Drop for ContentTable {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// What is in a file is swept by the [`Sweeper`]'s connection, as dynoxide opens it by the machine's clock.
fn open(config: &TableConfig, clock: &Arc<ShiftedClock>) -> Result<Database, DynoxideError> {
    match &config.file {
        None => Database::memory_with_clock(Arc::clone(clock) as Arc<dyn Clock>),
        Some(file) => Database::new(&file.to_string_lossy()),
    }
}

/// A table that a file brought along stays as it is.
fn create_table(database: &Database, name: &str) -> Result<(), TableError> {
    let request = json!({
        "TableName": name,
        "KeySchema": [{ "AttributeName": "id", "KeyType": "HASH" }],
        "AttributeDefinitions": [{ "AttributeName": "id", "AttributeType": "S" }],
        "BillingMode": "PAY_PER_REQUEST",
    });
    match database.create_table(serde_json::from_value(request)?) {
        Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn enable_ttl(database: &Database, config: &TableConfig) -> Result<(), TableError> {
    let described = database.describe_time_to_live(DescribeTimeToLiveRequest { table_name: config.name.clone() })?;
    if described.time_to_live_description.time_to_live_status == "ENABLED" {
        return Ok(());
    }
    database.update_time_to_live(UpdateTimeToLiveRequest {
        table_name: config.name.clone(),
        time_to_live_specification: TimeToLiveSpecification {
            attribute_name: config.ttl_attribute.clone(),
            enabled: true,
        },
    })?;
    Ok(())
}

async fn listen(port: u16) -> Result<tokio::net::TcpListener, TableError> {
    listen_on_loopback(port).await.map_err(|source| TableError::Listen { port, source })
}

async fn serve(relay: Relay, port: u16) -> Result<HttpServer, TableError> {
    let relay = Arc::new(relay);
    let connection = move || {
        let (relay, passage) = (Arc::clone(&relay), Arc::new(Passage::new(relay.faults.open())));
        move |request| {
            let (relay, passage) = (Arc::clone(&relay), Arc::clone(&passage));
            async move { relay.answer(&passage, request).await }
        }
    };
    HttpServer::serve(listen(port).await?, connection).map_err(|source| TableError::Listen { port, source })
}

fn scan(database: &Database, table: &str) -> Result<Vec<Value>, TableError> {
    let mut items = Vec::new();
    let mut from = None;
    loop {
        let request = ScanRequest { table_name: table.to_owned(), exclusive_start_key: from, ..Default::default() };
        let page = database.scan(request)?;
        items.extend(page.items.unwrap_or_default());
        from = page.last_evaluated_key;
        if from.is_none() {
            break;
        }
    }
    items.sort_by_key(|item| item.get("id").and_then(AttributeValue::to_key_string));
    Ok(items.into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
}

fn key(id: &str) -> Item {
    Item::from([("id".to_owned(), AttributeValue::S(id.to_owned()))])
}
