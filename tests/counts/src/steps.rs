//! Instructions of the library's steps, as the benchmark `content` left them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::limits::{Cost, Counts};

/// Adds the instructions of every step whose summary lies below `folder`.
pub(crate) fn count(folder: &Path, counts: &mut Counts) -> anyhow::Result<()> {
    let summaries = summaries(folder).with_context(|| format!("no summaries of steps in {}", folder.display()))?;
    ensure!(!summaries.is_empty(), "no summaries of steps in {}", folder.display());
    for path in summaries {
        let (name, instructions) = step(&path).with_context(|| format!("not a summary: {}", path.display()))?;
        counts.add(Cost::Instructions, &name, instructions);
    }
    Ok(())
}

/// Every `summary.json` below a folder.
fn summaries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = vec![];
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(summaries(&path)?);
        } else if path.ends_with("summary.json") {
            found.push(path);
        }
    }
    Ok(found)
}

/// The name and the instructions of one step.
fn step(path: &Path) -> anyhow::Result<(String, u64)> {
    let summary: Value = serde_json::from_slice(&fs::read(path)?)?;
    let text = |field| summary[field].as_str().context("a name is missing");
    let metrics = &summary["profiles"][0]["data"]["total"]["metrics"];
    let instructions = metrics["Ir"]["values"]["new"].as_u64().context("no count of instructions")?;
    Ok((format!("{}.{}", text("function_name")?, text("id")?), instructions))
}
