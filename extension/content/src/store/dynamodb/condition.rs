//! A condition under which an item is written. With it, the table itself checks whether the item is there already, so the
//! check takes no round trip and no permission to read.

use super::item::{CONTENT, EXPIRES_AT, ID, Item, TENANT, Value};
use crate::store::Expiry;

/// A condition expression and its placeholders, which are needed because some names are reserved words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) expression: String,
    /// Placeholders with the names of attributes.
    pub(super) names: Vec<(String, &'static str)>,
    /// Placeholders with values.
    pub(super) values: Vec<(String, Value)>,
}

impl Condition {
    /// True unless the item is there already, with the same attributes, a content of the same length, and an expiry that is
    /// not before `enough`. Any other item under its id, of another tenant or damaged, is replaced.
    pub(super) fn unless_stored(item: &Item, enough: Expiry) -> Self {
        let mut condition = Self::default();
        let mut same: Vec<_> = item.values().filter_map(|(name, value)| condition.same(name, value, enough)).collect();
        for optional in [TENANT, EXPIRES_AT] {
            if item.values().all(|(name, _)| *name != optional) {
                same.push(format!("attribute_not_exists({})", condition.name(optional)));
            }
        }
        let absent = format!("attribute_not_exists({})", condition.name(ID));
        condition.expression = format!("{absent} OR NOT ({})", same.join(" AND "));
        condition
    }

    /// The condition that an attribute has the value that would be written.
    fn same(&mut self, name: &'static str, value: &Value, enough: Expiry) -> Option<String> {
        Some(match (name, value) {
            (ID, _) => return None,
            (EXPIRES_AT, _) => format!("{} >= {}", self.name(name), self.value(name, Value::N(enough.second()?))),
            // Compared by its length alone: sending it twice would cost more than damage is likely. The writer compares the rest
            // with the item that comes back.
            (CONTENT, Value::B(bytes)) => {
                format!("size({}) = {}", self.name(name), self.value(name, Value::N(bytes.len() as u64)))
            }
            _ => format!("{} = {}", self.name(name), self.value(name, value.clone())),
        })
    }

    fn name(&mut self, name: &'static str) -> String {
        let placeholder = format!("#{name}");
        self.names.push((placeholder.clone(), name));
        placeholder
    }

    fn value(&mut self, name: &str, value: Value) -> String {
        let placeholder = format!(":{name}");
        self.values.push((placeholder.clone(), value));
        placeholder
    }
}

#[cfg(test)]
mod tests {
    use super::super::item::samples::{NOW, layout};
    use super::super::item::{Layout, MAX_PART};
    use super::*;
    use crate::reference::Ttl;

    fn condition(ttl: Ttl) -> Condition {
        let Layout::Whole(item) = layout(10, ttl, MAX_PART) else { panic!("parts") };
        Condition::unless_stored(&item, Expiry::half_of(ttl, NOW))
    }

    #[test]
    fn a_condition_asks_for_everything_that_would_be_written() {
        let Condition { expression, names, values } = condition(Ttl::seconds(60));
        let same = "#kind = :kind AND #ttl = :ttl AND #size = :size AND #format = :format AND #encoding = :encoding AND \
                    #stored = :stored AND #scope = :scope AND #expires_at >= :expires_at AND size(#content) = :content AND \
                    attribute_not_exists(#tenant)";
        assert_eq!(expression, format!("attribute_not_exists(#id) OR NOT ({same})"));
        for (placeholder, value) in [(":expires_at", NOW + 30), (":content", 10)] {
            assert!(values.contains(&(placeholder.to_owned(), Value::N(value))), "{placeholder}: {values:?}");
        }
        assert!(names.iter().all(|(placeholder, name)| *placeholder == format!("#{name}")));
        assert_eq!(names.len(), 11);
    }

    #[test]
    fn what_is_endless_must_be_endless_there() {
        let Condition { expression, values, .. } = condition(Ttl::NONE);
        assert!(expression.contains("attribute_not_exists(#expires_at)"), "{expression}");
        assert!(values.iter().all(|(placeholder, _)| placeholder != ":expires_at"));
    }
}
