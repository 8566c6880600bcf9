//! Looks whether contents are stored before writing them. The alternative is a condition, which costs as much as a write if
//! it fails, and is possible for single items only. A look takes a round trip; for an absent item it costs half a read unit,
//! which is a tenth of a write unit.

use std::collections::HashMap;
use std::time::Instant;

use super::entry::Heading;
use super::item::{Attributes, Label, Layout};
use super::retry::ATTEMPT;
use super::store::DynamoDbStore;
use super::table::{MAX_READS, Table};
use crate::reference::ContentId;
use crate::store::Expiry;

/// For a single item of more write units than this, a look is worth its round trip: one write that is saved pays for
/// hundreds of looks. A smaller item is written on a condition.
const WORTH_A_LOOK: u64 = 32;

/// Whether to look before writing these. If not, they are one item, which is written on a condition.
pub(super) fn is_worth_it(contents: &[(Label, Layout)]) -> bool {
    match contents {
        [] => false,
        [(_, Layout::Whole(item))] => item.write_units() > WORTH_A_LOOK,
        _ => true,
    }
}

/// Which contents are in the table already for at least half of their life, with their expiries. A look only saves work, so
/// after any error the content is written: a function that may write but not read can still store.
pub(super) async fn stored(
    store: &DynamoDbStore,
    contents: &[(Label, Layout)],
    until: Instant,
) -> HashMap<ContentId, Expiry> {
    let keys = contents.iter().map(|(label, _)| label.reference.id.to_string()).collect();
    let now = Instant::now();
    let limit = ATTEMPT.min(until.saturating_duration_since(now) / 2);
    let mut items = HashMap::new();
    // What was found before the time was over is found all the same.
    let _ = tokio::time::timeout_at((now + limit).into(), look(&store.table, keys, &mut items)).await;
    let second = store.clock.now();
    let stored = |(label, _): &(Label, Layout)| {
        let Label { reference, tenant, scope, .. } = *label;
        let item = items.get(&reference.id.to_string()).filter(|item| Heading::is_of(item, scope))?;
        let heading = Heading::glimpse(item)?;
        let is_kept = heading.fits(&reference, tenant) && heading.expiry.leaves_half(reference.ttl, second);
        is_kept.then_some((reference.id, heading.expiry))
    };
    contents.iter().filter_map(stored).collect()
}

/// Makes one request after another, without retries. Most calls need only one request.
async fn look(table: &Table, mut keys: Vec<String>, items: &mut HashMap<String, Attributes>) {
    while !keys.is_empty() {
        let batch = keys.split_off(keys.len().saturating_sub(MAX_READS));
        let batch_keys: Vec<_> = batch.iter().map(String::as_str).collect();
        let Ok(found) = table.look(&batch_keys).await else { return };
        if found.unread.len() == batch.len() {
            return;
        }
        keys.extend(found.unread);
        items.extend(found.items);
    }
}
