//! The tables as the page shows them: how many rows, how large, and the first rows. Past the relay: neither counted nor at fault.

use super::error::TableError;
use dynoxide::Database;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::list_tables::ListTablesRequest;
use dynoxide::actions::scan::ScanRequest;
use serde_json::{Value, json};
use std::fmt;

/// Rows that are shown of one table.
const ROWS: usize = 50;

/// All tables behind the endpoint of the content table.
#[derive(Clone)]
pub(crate) struct Tables(pub(super) Database);

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

impl Tables {
    /// `{name, rows, bytes, keys}` of each.
    pub(crate) async fn list(&self) -> Result<Vec<Value>, TableError> {
        let database = self.0.clone();
        tokio::task::spawn_blocking(move || list(&database)).await?
    }

    /// The first rows of a table, in DynamoDB JSON.
    pub(crate) async fn rows(&self, table: &str) -> Result<Vec<Value>, TableError> {
        let (database, table_name) = (self.0.clone(), table.to_owned());
        let request = ScanRequest { table_name, limit: Some(ROWS), ..Default::default() };
        let page = tokio::task::spawn_blocking(move || database.scan(request)).await??;
        Ok(page.items.unwrap_or_default().into_iter().map(serde_json::to_value).collect::<Result<_, _>>()?)
    }
}

fn list(database: &Database) -> Result<Vec<Value>, TableError> {
    let mut tables = Vec::new();
    let mut after = None;
    loop {
        let request = ListTablesRequest { exclusive_start_table_name: after, limit: None };
        let page = serde_json::to_value(database.list_tables(request)?)?;
        let names = page["TableNames"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in names {
            tables.push(describe(database, name)?);
        }
        after = page["LastEvaluatedTableName"].as_str().map(ToOwned::to_owned);
        if after.is_none() {
            return Ok(tables);
        }
    }
}

fn describe(database: &Database, name: &str) -> Result<Value, TableError> {
    let described = database.describe_table(DescribeTableRequest { table_name: name.to_owned() })?;
    let table = &serde_json::to_value(described)?["Table"];
    let keys = table["KeySchema"].as_array().into_iter().flatten().map(|key| key["AttributeName"].clone());
    let keys: Vec<Value> = keys.collect();
    Ok(json!({ "name": name, "rows": table["ItemCount"], "bytes": table["TableSizeBytes"], "keys": keys }))
}
