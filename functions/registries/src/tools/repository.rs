//! The registry of tools: a table with one row for each.

use super::remote::{Auth, Described};
use super::tool::{NAMES, Tool, ToolStatus};
use crate::moment;
use crate::pages::{Listed, Page, Part, token_of};
use crate::rows::{Item, Seen, Stored, written};
use crate::table_error::{not_listed, refusal, unavailable};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::query::QueryError;
use aws_sdk_dynamodb::operation::scan::ScanError;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use functions_shared::Refusal;
use serde_json::json;
use std::collections::HashMap;

/// By status and time of the last change.
const BY_STATUS: &str = "ToolsByStatus";
/// `DynamoDB` reads so many rows at once.
const MAX_BATCH: usize = 100;

/// The table of tools.
#[derive(Clone, Debug)]
pub struct ToolRegistry {
    client: Client,
    table: String,
}

/// What an agent must know of a tool that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Whether agents may have it.
    pub status: ToolStatus,
    /// What the model is told about it, in bytes of JSON.
    pub bytes: usize,
}

impl ToolRegistry {
    /// The registry in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self { client, table: table.into() }
    }

    /// Adds a tool. One that is there is a conflict.
    pub async fn create(&self, tool: Tool) -> Result<Tool, Refusal> {
        self.put(&tool, &Seen::Nothing, None, exists(&tool.tool_name)).await?;
        Ok(tool)
    }

    /// Writes a tool that the stack `owner` registers, over what it registered before. One that somebody else has registered
    /// is a conflict. `keeps_status`: one that is there stays active, deprecated or disabled.
    pub async fn register(&self, mut tool: Tool, owner: &str, keeps_status: bool) -> Result<Tool, Refusal> {
        let there = self.find(&tool.tool_name).await?;
        match &there {
            Some(there) if there.owner.as_deref() != Some(owner) => {
                return Err(exists(&tool.tool_name));
            }
            Some(there) => tool.inherit(&there.row, keeps_status),
            None => {}
        }
        self.put(&tool, &Seen::of(there.as_ref()), Some(owner), overtaken()).await?;
        Ok(tool)
    }

    /// Writes a tool over the one that is there. `keeps_status`: it stays active, deprecated or disabled.
    pub async fn replace(&self, mut tool: Tool, keeps_status: bool) -> Result<Tool, Refusal> {
        let there = self.get(&tool.tool_name).await?;
        tool.inherit(&there.row, keeps_status);
        self.put(&tool, &Seen::of(Some(&there)), there.owner.as_deref(), overtaken()).await?;
        Ok(tool)
    }

    /// Changes whether agents may have a tool, as a person wants it.
    pub async fn set_status(&self, name: &str, status: ToolStatus) -> Result<Tool, Refusal> {
        let there = self.get(name).await?;
        let tool = Tool { status, withheld: None, updated_at: moment::now(), ..there.row.clone() };
        self.put(&tool, &Seen::of(Some(&there)), there.owner.as_deref(), overtaken()).await?;
        Ok(tool)
    }

    /// Disables a tool that `owner` has registered, until [`Self::release`].
    pub async fn withhold(&self, name: &str, owner: &str) -> Result<(), Refusal> {
        self.set_own(name, owner, |tool| match tool.status {
            ToolStatus::Disabled => None,
            offered => Some((ToolStatus::Disabled, Some(offered))),
        })
        .await
    }

    /// Gives a tool that `owner` has registered and withheld the status it had before. One that a person has disabled stays disabled.
    pub async fn release(&self, name: &str, owner: &str) -> Result<(), Refusal> {
        self.set_own(name, owner, |tool| Some((tool.withheld?, None))).await
    }

    /// Gives a tool of `owner` the status that `change` says, and what it is withheld from. `None` leaves it as it is.
    async fn set_own(
        &self,
        name: &str,
        owner: &str,
        change: impl Fn(&Tool) -> Option<(ToolStatus, Option<ToolStatus>)>,
    ) -> Result<(), Refusal> {
        let there = self.find(name).await?.filter(|there| there.owner.as_deref() == Some(owner));
        let Some(there) = there else { return Ok(()) };
        let Some((status, withheld)) = change(&there.row) else { return Ok(()) };
        let tool = Tool { status, withheld, updated_at: moment::now(), ..there.row.clone() };
        self.put(&tool, &Seen::of(Some(&there)), Some(owner), overtaken()).await
    }

    /// Brings the tool that `owner` has registered to what its server says now. Whether that changed anything.
    pub async fn follow(
        &self,
        name: &str,
        owner: &str,
        auth: &Auth,
        said: Option<&Described>,
    ) -> Result<bool, Refusal> {
        let there = self.find(name).await?.filter(|there| there.owner.as_deref() == Some(owner));
        let Some(there) = there else { return Ok(false) };
        let Some(tool) = there.row.followed(auth, said) else { return Ok(false) };
        self.put(&tool, &Seen::of(Some(&there)), Some(owner), overtaken()).await?;
        Ok(true)
    }

    /// One tool.
    pub async fn get(&self, name: &str) -> Result<Stored<Tool>, Refusal> {
        self.find(name).await?.ok_or_else(|| Refusal::NotFound(format!("there is no tool {name}")))
    }

    /// One tool, if it is there.
    pub async fn find(&self, name: &str) -> Result<Option<Stored<Tool>>, Refusal> {
        // What cannot be a name is not there; as a key, the table might refuse it.
        if !NAMES.include(name) {
            return Ok(None);
        }
        let read = self.client.get_item().table_name(&self.table).set_key(Some(key(name))).consistent_read(true);
        let found = read.send().await.map_err(|error| unavailable(&error))?;
        found.item.as_ref().map(Stored::read).transpose()
    }

    /// Deletes a tool as it was read.
    pub async fn delete(&self, there: &Stored<Tool>) -> Result<(), Refusal> {
        let (condition, values) = Seen::of(Some(there)).condition("tool_name");
        let delete = self.client.delete_item().table_name(&self.table).set_key(Some(key(&there.row.tool_name)));
        let delete = delete.condition_expression(condition).set_expression_attribute_values(values);
        delete.send().await.map_err(|error| refusal(&error, overtaken()))?;
        Ok(())
    }

    /// What is known of each of these tools that is there, at most 100.
    pub async fn offers(&self, names: &[&str]) -> Result<HashMap<String, Offer>, Refusal> {
        debug_assert!(names.len() <= MAX_BATCH, "BUG: an agent has no more tools");
        let mut offers = HashMap::new();
        let mut keys: Vec<Item> = names.iter().filter(|name| NAMES.include(name)).map(|name| key(name)).collect();
        while !keys.is_empty() {
            let (items, left) = self.read_offers(keys).await?;
            for item in items {
                offers.extend(offer_of(&item));
            }
            keys = left;
        }
        Ok(offers)
    }

    /// What was read, and the keys that are left over.
    async fn read_offers(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), Refusal> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.projection_expression("tool_name, description, input_schema, #status");
        let wanted = wanted.expression_attribute_names("#status", "status");
        let wanted = wanted.build().map_err(|error| Refusal::Unavailable(error.to_string()))?;
        let read = self.client.batch_get_item().request_items(&self.table, wanted).send().await;
        let read = read.map_err(|error| unavailable(&error))?;
        let items = read.responses.unwrap_or_default().remove(&self.table).unwrap_or_default();
        let left = read.unprocessed_keys.unwrap_or_default().remove(&self.table);
        Ok((items, left.map(|left| left.keys).unwrap_or_default()))
    }

    /// A page of tools: with a status, those last changed first; without, in no order that means anything.
    pub async fn list(&self, status: Option<ToolStatus>, page: Page) -> Result<Listed<Tool>, Refusal> {
        let is_continued = page.after.is_some();
        let (items, last) = match status {
            Some(status) => {
                self.part_of_status(status, page).await.map_err(|error| not_listed(&error, is_continued))?
            }
            None => self.part_of_all(page).await.map_err(|error| not_listed(&error, is_continued))?,
        };
        let rows = items.iter().map(|item| Stored::read(item).map(|stored| stored.row)).collect::<Result<_, _>>()?;
        Ok(Listed { rows, next_token: last.as_ref().map(token_of) })
    }

    async fn part_of_status(&self, status: ToolStatus, page: Page) -> Result<Part, SdkError<QueryError>> {
        let query = self.client.query().table_name(&self.table).index_name(BY_STATUS).scan_index_forward(false);
        let query = query.key_condition_expression("#status = :status").expression_attribute_names("#status", "status");
        let query = query.expression_attribute_values(":status", AttributeValue::S(status.as_str().to_owned()));
        let found = query.limit(page.rows()).set_exclusive_start_key(page.after).send().await?;
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    async fn part_of_all(&self, page: Page) -> Result<Part, SdkError<ScanError>> {
        let scan = self.client.scan().table_name(&self.table).limit(page.rows());
        let found = scan.set_exclusive_start_key(page.after).send().await?;
        Ok((found.items.unwrap_or_default(), found.last_evaluated_key))
    }

    async fn put(&self, tool: &Tool, seen: &Seen, owner: Option<&str>, lost: Refusal) -> Result<(), Refusal> {
        let (condition, values) = seen.condition("tool_name");
        let put = self.client.put_item().table_name(&self.table).set_item(Some(written(tool, owner)?));
        let put = put.condition_expression(condition).set_expression_attribute_values(values);
        put.send().await.map_err(|error| refusal(&error, lost))?;
        Ok(())
    }
}

fn overtaken() -> Refusal {
    Refusal::Overtaken("the tool".to_owned())
}

fn exists(name: &str) -> Refusal {
    Refusal::Conflict(format!("tool {name} already exists"))
}

fn key(name: &str) -> Item {
    Item::from([("tool_name".to_owned(), AttributeValue::S(name.to_owned()))])
}

fn offer_of(item: &Item) -> Option<(String, Offer)> {
    let text = |name: &str| item.get(name)?.as_s().ok();
    let name = text("tool_name")?;
    // A status that is none of ours is not one that lets an agent have the tool.
    let status = ToolStatus::read(text("status")?).unwrap_or(ToolStatus::Disabled);
    let description = text("description").map_or(2, |text| json!(text).to_string().len());
    let bytes = name.len() + description + text("input_schema").map_or(0, String::len);
    Some((name.clone(), Offer { status, bytes }))
}
