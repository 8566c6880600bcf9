//! The content table, and the damage that tests do to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lambda_local::table::{ContentTable, Fault, Faults, Meter, TableConfig};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::waiting::soon;

/// A content table of its own for each test; it never sweeps by itself.
#[derive(Debug)]
pub struct Table(ContentTable);

impl Table {
    pub async fn start() -> Self {
        Self::named("content").await
    }

    /// A table of another name.
    pub async fn named(name: &str) -> Self {
        let config = TableConfig { name: name.to_owned(), sweep_interval: 0, ..TableConfig::default() };
        Self(ContentTable::start(config).await.unwrap())
    }

    pub fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    pub fn address(&self) -> SocketAddr {
        self.endpoint().strip_prefix("http://").expect("a URL").parse().expect("an address")
    }

    pub fn name(&self) -> &str {
        self.0.name()
    }

    /// What was requested so far.
    pub fn meter(&self) -> Meter {
        self.0.meter()
    }

    /// How often a sandbox has opened its connection before it had something to ask: a request that is no operation.
    pub fn warmed(&self) -> u64 {
        self.meter().requests_of("")
    }

    /// Waits until sandboxes have done so `times`.
    pub async fn warmed_times(&self, times: u64) {
        soon("a warm connection", self.0.metered(|meter| meter.requests_of("") >= times)).await;
    }

    /// Waits for a request of `operation` after those of `before`.
    pub async fn asked(&self, before: &Meter, operation: &str) {
        soon(operation, self.0.metered(|meter| meter.since(before).requests_of(operation) > 0)).await;
    }

    /// Waits until requests have come after which `is_so`.
    pub(crate) async fn until(&self, is_so: impl Fn(&Meter) -> bool) {
        self.0.metered(is_so).await;
    }

    pub fn faults(&self, faults: Faults) {
        self.0.faults().set(faults);
    }

    pub fn clear_faults(&self) {
        self.0.faults().clear();
    }

    /// Connections that are open now go silent; new ones work.
    pub fn silence_open_connections(&self) {
        self.0.faults().silence_open_connections();
    }

    /// How many connections sandboxes have opened so far.
    pub fn opened(&self) -> u64 {
        self.0.faults().opened()
    }

    /// No request is answered from now on.
    pub fn hang(&self) {
        self.faults(Faults::always(Fault::Hang));
    }

    /// Every item, as `DynamoDB` spells it in JSON.
    pub async fn items(&self) -> Vec<Value> {
        self.0.items().await.unwrap()
    }

    /// Deletes every item.
    pub async fn delete_all(&self) {
        for item in self.items().await {
            self.0.delete(item["id"]["S"].as_str().unwrap()).await.unwrap();
        }
    }

    /// Puts an item as it is.
    pub async fn put(&self, item: Value) {
        self.0.put_raw(item).await.unwrap();
    }

    /// Every item is past its time, and still there.
    pub async fn expire_all(&self) {
        self.edit_all(|item| item["expires_at"] = json!({"N": "1000000000"})).await;
    }

    /// One byte of every stored content is another one.
    pub async fn corrupt_all(&self) {
        self.edit_all(|item| item.pointer_mut("/content/B").map_or((), flip_last_byte)).await;
    }

    /// Deletes an item that is not the one that makes the content readable: the largest.
    pub async fn delete_a_part(&self) {
        let items = self.items().await;
        let part = items.iter().max_by_key(|item| item["content"]["B"].as_str().map_or(0, str::len)).unwrap();
        self.0.delete(part["id"]["S"].as_str().unwrap()).await.unwrap();
    }

    /// Puts an item as it is.
    pub async fn put_raw(&self, item: Value) {
        self.0.put_raw(item).await.unwrap();
    }

    /// Deletes one item.
    pub async fn delete(&self, id: &str) {
        self.0.delete(id).await.unwrap();
    }

    /// Deletes what makes contents of several parts readable, as if their writers had died before the last write.
    pub async fn delete_the_commit(&self) {
        for item in self.items().await.iter().filter(|item| item.get("part_size").is_some()) {
            self.0.delete(item["id"]["S"].as_str().unwrap()).await.unwrap();
        }
    }

    async fn edit_all(&self, edit: impl Fn(&mut Value)) {
        for mut item in self.items().await {
            edit(&mut item);
            self.0.put_raw(item).await.unwrap();
        }
    }
}

/// An address that swallows what is sent to it: its queue of connections is full, so that the kernel answers no SYN.
pub struct SynHole {
    listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl SynHole {
    pub async fn dig() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut queue = Vec::new();
        let connect = || TcpStream::connect(listener.local_addr().unwrap());
        while let Ok(queued) = timeout(Duration::from_millis(200), connect()).await {
            queue.push(queued.unwrap());
        }
        Self { listener, _queue: queue }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }
}

/// Changes the last byte of a base64 text; an item without content stays.
fn flip_last_byte(base64: &mut Value) {
    let Some(text) = base64.as_str() else { return };
    let end = text.trim_end_matches('=').len();
    // The first character of the last group stands for the highest bits, which are always part of a byte.
    let at = (end - 1) / 4 * 4;
    let other = if text[at..].starts_with('Q') { "Z" } else { "Q" };
    *base64 = json!(format!("{}{other}{}", &text[..at], &text[at + 1..]));
}
