//! The registry of agents: a table with a row for each version of each agent, and one more for each agent, [`LATEST`].
//!
//! That one is a copy of the newest active version, so that a state machine finds it by one `GetItem`; an agent without an
//! active version has none. It is written in the same transaction as every change of a version, over the copy that the change
//! was made from: of two changes made at once, one is done and the other is [`Refusal::Overtaken`].

use super::agent::{Agent, AgentStatus, NAMES};
use super::version::Version;
use crate::moment;
use crate::pages::{Listed, Listing, Page, Part};
use crate::rows::{Item, Seen, Stored, written};
use crate::table_error::{lost_in_a_transaction, not_listed, unavailable};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Delete, Put, TransactWriteItem};
use functions_shared::Refusal;

/// The version of the copy. No version can be called so.
const LATEST: &str = "latest";
/// In the copy: the version that it is a copy of.
const RESOLVED: &str = "resolved_version";
/// By status and time of the last change.
const BY_STATUS: &str = "AgentsByStatus";

/// The table of agents.
#[derive(Clone, Debug)]
pub struct AgentRegistry {
    client: Client,
    table: String,
}

/// All rows of one agent, as they were read at once.
#[derive(Debug)]
struct Family {
    name: String,
    /// Newest first.
    versions: Vec<Stored<Agent>>,
    /// What the copy's row must still be when a change is written.
    latest: Seen,
}

/// What becomes of one version.
enum Change {
    Put(Box<Agent>, Option<String>),
    Delete(Version),
}

impl AgentRegistry {
    /// The registry in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Adds a version, for the stack `owner` if one registers it. A version that is there is a conflict.
    pub async fn create(&self, agent: Agent, owner: Option<&str>) -> Result<Agent, Refusal> {
        let family = self.family(&agent.agent_name).await?;
        if family.find(&agent.version).is_some() {
            return Err(exists(&agent));
        }
        self.change(family, Change::Put(Box::new(agent.clone()), owner.map(str::to_owned))).await?;
        Ok(agent)
    }

    /// Writes a version that the stack `owner` registers, over the one that it registered before. One that somebody else
    /// has registered is a conflict. `keeps_status`: one that is there stays active, testing or deprecated.
    pub async fn register(&self, mut agent: Agent, owner: &str, keeps_status: bool) -> Result<Agent, Refusal> {
        let family = self.family(&agent.agent_name).await?;
        match family.find(&agent.version) {
            Some(there) if there.owner.as_deref() != Some(owner) => return Err(exists(&agent)),
            Some(there) => {
                agent.created_at.clone_from(&there.row.created_at);
                if keeps_status {
                    agent.status = there.row.status;
                }
            }
            None => {}
        }
        self.change(family, Change::Put(Box::new(agent.clone()), Some(owner.to_owned()))).await?;
        Ok(agent)
    }

    /// The newest active version.
    pub async fn newest_active(&self, name: &str) -> Result<Agent, Refusal> {
        let family = self.family(name).await?;
        let newest = family.versions.into_iter().find(|stored| stored.row.status == AgentStatus::Active);
        newest
            .map(|stored| stored.row)
            .ok_or_else(|| Refusal::NotFound(format!("no version of agent {name} is active")))
    }

    /// One version.
    pub async fn version(&self, name: &str, version: &Version) -> Result<Stored<Agent>, Refusal> {
        if !NAMES.include(name) {
            return Err(missing(name, version));
        }
        let key = key(name, &version.to_string());
        let read = self.client.get_item().table_name(&self.table).set_key(Some(key)).consistent_read(true);
        let found = read.send().await.map_err(|error| unavailable(&error))?;
        found.item.as_ref().map_or_else(|| Err(missing(name, version)), Stored::read)
    }

    /// A page of an agent's versions, newest first.
    pub async fn versions(&self, name: &str, page: &Page) -> Result<Listed<Agent>, Refusal> {
        let family = self.family(name).await?;
        if family.versions.is_empty() {
            return Err(Refusal::NotFound(format!("there is no agent {name}")));
        }
        let after = page.text("version")?.map(|text| Version::read("next_token", text)).transpose()?;
        let left = family.versions.into_iter().map(|stored| stored.row);
        let mut left = left.filter(|agent| after.as_ref().is_none_or(|after| agent.version < *after)).peekable();
        let mut listed = Listing::new(page.limit);
        while listed.has_room()
            && let Some(agent) = left.next()
        {
            listed.add(agent)?;
        }
        let last = listed.last().map(|agent| Item::from([("version".to_owned(), text(&agent.version.to_string()))]));
        let is_last = left.peek().is_none();
        Ok(listed.ending(last.as_ref().filter(|_| !is_last)))
    }

    /// Changes what a version is used for. One that is so already is not written again.
    pub async fn set_status(&self, name: &str, version: &Version, status: AgentStatus) -> Result<Agent, Refusal> {
        let family = self.family(name).await?;
        let stored = family.find(version).ok_or_else(|| missing(name, version))?.clone();
        if stored.row.status == status {
            return Ok(stored.row);
        }
        let agent = Agent { status, updated_at: moment::now(), ..stored.row };
        self.change(family, Change::Put(Box::new(agent.clone()), stored.owner)).await?;
        Ok(agent)
    }

    /// Deletes a version.
    pub async fn delete(&self, name: &str, version: &Version) -> Result<(), Refusal> {
        let family = self.family(name).await?;
        family.find(version).ok_or_else(|| missing(name, version))?;
        self.change(family, Change::Delete(version.clone())).await
    }

    /// A page of versions: with a status, those last changed first; without, in no order that means anything.
    pub async fn list(&self, status: Option<AgentStatus>, page: Page) -> Result<Listed<Agent>, Refusal> {
        let (mut listed, mut after) = (Listing::new(page.limit), page.after);
        loop {
            let (items, last) = self.part(status, Page { limit: listed.room(), after }).await?;
            for item in &items {
                listed.add(Stored::read(item)?.row)?;
            }
            after = last;
            if after.is_none() || !listed.has_room() {
                return Ok(listed.ending(after.as_ref()));
            }
        }
    }

    /// The active versions that call a tool: `golf-agent v1.0`.
    pub async fn users_of(&self, tool: &str) -> Result<Vec<String>, Refusal> {
        let (mut users, mut after) = (Vec::new(), None);
        loop {
            let (items, last) = self.part(Some(AgentStatus::Active), Page { limit: MAX_PART, after }).await?;
            for item in &items {
                let agent = Stored::<Agent>::read(item)?.row;
                users.extend(agent.uses(tool).then(|| format!("{} {}", agent.agent_name, agent.version)));
            }
            after = last;
            if after.is_none() {
                users.sort_unstable();
                return Ok(users);
            }
        }
    }

    /// Fewer rows than the page may hold where copies lie between them.
    async fn part(&self, status: Option<AgentStatus>, page: Page) -> Result<Part, Refusal> {
        let is_continued = page.after.is_some();
        let Some(status) = status else {
            return self.part_of_all(page).await.map_err(|error| not_listed(&error, is_continued));
        };
        self.part_of_status(status, page).await.map_err(|error| not_listed(&error, is_continued))
    }

    async fn part_of_status(&self, status: AgentStatus, page: Page) -> Result<Part, SdkError<QueryError>> {
        let query = self.client.query().table_name(&self.table).index_name(BY_STATUS).scan_index_forward(false);
        let query = query.key_condition_expression("#status = :status").filter_expression("version <> :latest");
        let query = query.expression_attribute_names("#status", "status").limit(page.rows());
        let query = query.expression_attribute_values(":status", text(status.as_str()));
        let query = query.expression_attribute_values(":latest", text(LATEST));
        let found = query.set_exclusive_start_key(page.after).send().await?;
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    async fn part_of_all(&self, page: Page) -> Result<Part, SdkError<ScanError>> {
        let scan = self.client.scan().table_name(&self.table).limit(page.rows());
        let scan = scan.filter_expression("version <> :latest").expression_attribute_values(":latest", text(LATEST));
        let found = scan.set_exclusive_start_key(page.after).send().await?;
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    async fn family(&self, name: &str) -> Result<Family, Refusal> {
        // What cannot be a name is not there; as a key, the table might refuse it.
        if !NAMES.include(name) {
            return Family::of(name, &[]);
        }
        let (mut items, mut after) = (Vec::new(), None);
        loop {
            let query =
                self.client.query().table_name(&self.table).consistent_read(true).set_exclusive_start_key(after);
            let query =
                query.key_condition_expression("agent_name = :name").expression_attribute_values(":name", text(name));
            let found = query.send().await.map_err(|error| unavailable(&error))?;
            items.extend(found.items.unwrap_or_default());
            after = found.last_evaluated_key;
            if after.is_none() {
                return Family::of(name, &items);
            }
        }
    }

    async fn change(&self, family: Family, change: Change) -> Result<(), Refusal> {
        let transaction = self.client.transact_write_items();
        let written = transaction.set_transact_items(Some(family.writes(change, &self.table)?)).send().await;
        written.map(|_| ()).map_err(|error| not_written(&error))
    }
}

/// How many rows of a list are looked through at once.
const MAX_PART: usize = 100;

impl Family {
    fn of(name: &str, items: &[Item]) -> Result<Self, Refusal> {
        let is_latest = |item: &&Item| item.get("version") == Some(&text(LATEST));
        let revision = |item: &Item| item.get("revision").and_then(|value| value.as_s().ok()).cloned();
        let latest = items.iter().find(is_latest).map_or(Seen::Nothing, |item| Seen::Revision(revision(item)));
        let versions = items.iter().filter(|item| !is_latest(item)).map(Stored::read);
        let mut versions: Vec<Stored<Agent>> = versions.collect::<Result<_, _>>()?;
        versions.sort_unstable_by(|one, other| other.row.version.cmp(&one.row.version));
        Ok(Self { name: name.to_owned(), versions, latest })
    }

    fn find(&self, version: &Version) -> Option<&Stored<Agent>> {
        self.versions.iter().find(|stored| stored.row.version == *version)
    }

    /// The version's write and the copy's, each over what was read.
    fn writes(&self, change: Change, table: &str) -> Result<Vec<TransactWriteItem>, Refusal> {
        let (changed, put) = match change {
            Change::Put(agent, owner) => (agent.version.clone(), Some((agent, owner))),
            Change::Delete(version) => (version, None),
        };
        let seen = Seen::of(self.find(&changed));
        let newest = self.newest_after(&changed, put.as_ref().map(|(agent, _)| agent.as_ref()));
        let mut writes = Vec::new();
        match &put {
            Some((agent, owner)) => writes.push(put_over(&seen, table, written(agent.as_ref(), owner.as_deref())?)?),
            None => writes.extend(self.deletion(&seen, table, &changed.to_string())?),
        }
        match newest {
            Some(newest) => writes.push(put_over(&self.latest, table, copy_of(newest)?)?),
            None => writes.extend(self.deletion(&self.latest, table, LATEST)?),
        }
        Ok(writes)
    }

    /// The newest active version once `changed` is `put`, or gone.
    fn newest_after<'a>(&'a self, changed: &Version, put: Option<&'a Agent>) -> Option<&'a Agent> {
        let others = self.versions.iter().map(|stored| &stored.row).filter(|agent| agent.version != *changed);
        let active = others.chain(put).filter(|agent| agent.status == AgentStatus::Active);
        active.max_by(|one, other| one.version.cmp(&other.version))
    }

    /// Of a row that is there.
    fn deletion(&self, seen: &Seen, table: &str, version: &str) -> Result<Option<TransactWriteItem>, Refusal> {
        if *seen == Seen::Nothing {
            return Ok(None);
        }
        let (condition, values) = seen.condition("agent_name");
        let delete = Delete::builder().table_name(table).set_key(Some(key(&self.name, version)));
        let delete = delete.condition_expression(condition).set_expression_attribute_values(values).build();
        Ok(Some(TransactWriteItem::builder().delete(delete.map_err(|error| incomplete(&error))?).build()))
    }
}

fn put_over(seen: &Seen, table: &str, item: Item) -> Result<TransactWriteItem, Refusal> {
    let (condition, values) = seen.condition("agent_name");
    let put = Put::builder().table_name(table).set_item(Some(item)).condition_expression(condition);
    let put = put.set_expression_attribute_values(values).build().map_err(|error| incomplete(&error))?;
    Ok(TransactWriteItem::builder().put(put).build())
}

fn copy_of(agent: &Agent) -> Result<Item, Refusal> {
    let mut item = written(agent, None)?;
    item.insert(RESOLVED.to_owned(), text(&agent.version.to_string()));
    item.insert("version".to_owned(), text(LATEST));
    Ok(item)
}

fn key(name: &str, version: &str) -> Item {
    Item::from([("agent_name".to_owned(), text(name)), ("version".to_owned(), text(version))])
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn exists(agent: &Agent) -> Refusal {
    Refusal::Conflict(format!("agent {} {} already exists", agent.agent_name, agent.version))
}

fn missing(name: &str, version: &Version) -> Refusal {
    Refusal::NotFound(format!("there is no agent {name} {version}"))
}

fn incomplete(error: &BuildError) -> Refusal {
    Refusal::Unavailable(error.to_string())
}

fn not_written(error: &SdkError<TransactWriteItemsError>) -> Refusal {
    if let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        && lost_in_a_transaction(cancelled.cancellation_reasons().iter().map(|reason| reason.code()))
    {
        return Refusal::Overtaken("the agent".to_owned());
    }
    unavailable(error)
}
