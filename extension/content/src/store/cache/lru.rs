//! A map with a limit for the weight of its values: the least recently used value is dropped first. It needs no task and no
//! timer, and allocates nothing while it is empty.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values with their weights, in the order of their last use.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Keys by the moment of their last use; moments only grow.
    order: BTreeMap<u64, K>,
    moment: u64,
    weight: u64,
    capacity: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: u64,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Lru<K, V> {
    /// An empty map for values of `capacity` together.
    pub(super) fn new(capacity: u64) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), moment: 0, weight: 0, capacity }
    }

    /// Whether a value of this weight can be kept at all.
    pub(super) fn has_room_for(&self, weight: u64) -> bool {
        weight <= self.capacity
    }

    /// The value, which counts as used now.
    pub(super) fn get(&mut self, key: &K) -> Option<&V> {
        let entry = self.entries.get_mut(key)?;
        self.moment += 1;
        let key = self.order.remove(&entry.used).expect("BUG: every entry has its place in the order");
        entry.used = self.moment;
        self.order.insert(self.moment, key);
        Some(&entry.value)
    }

    /// Keeps a value in place of the key's previous one, and drops the least recently used values to make room. A value that
    /// is too heavy even alone is not kept.
    pub(super) fn insert(&mut self, key: K, value: V, weight: u64) {
        self.remove(&key);
        if !self.has_room_for(weight) {
            return;
        }
        while self.weight > self.capacity - weight {
            self.evict();
        }
        self.moment += 1;
        self.weight += weight;
        self.order.insert(self.moment, key.clone());
        self.entries.insert(key, Entry { value, weight, used: self.moment });
    }

    pub(super) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.order.remove(&entry.used);
            self.weight -= entry.weight;
        }
    }

    fn evict(&mut self) {
        let (_, key) = self.order.pop_first().expect("BUG: what weighs something has an entry");
        let entry = self.entries.remove(&key).expect("BUG: every place in the order has its entry");
        self.weight -= entry.weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A simple implementation to compare with: a list, with the most recently used value last.
    #[derive(Default)]
    struct Model(Vec<(u8, u32, u64)>);

    impl Model {
        fn get(&mut self, key: u8) -> Option<u32> {
            let at = self.0.iter().position(|(other, ..)| *other == key)?;
            let entry = self.0.remove(at);
            self.0.push(entry);
            Some(entry.1)
        }

        fn insert(&mut self, key: u8, value: u32, weight: u64, capacity: u64) {
            self.0.retain(|(other, ..)| *other != key);
            if weight > capacity {
                return;
            }
            self.0.push((key, value, weight));
            while self.0.iter().map(|(.., weight)| weight).sum::<u64>() > capacity {
                self.0.remove(0);
            }
        }
    }

    proptest! {
        #[test]
        fn it_keeps_what_the_model_keeps(
            capacity in 0_u64..40,
            steps in proptest::collection::vec((0_u8..3, 0_u8..12, any::<u32>(), 0_u64..20), 0..200),
        ) {
            let (mut lru, mut model) = (Lru::new(capacity), Model::default());
            for (step, key, value, weight) in steps {
                match step {
                    0 => prop_assert_eq!(lru.get(&key).copied(), model.get(key)),
                    1 => { lru.insert(key, value, weight); model.insert(key, value, weight, capacity); }
                    _ => { lru.remove(&key); model.0.retain(|(other, ..)| *other != key); }
                }
                prop_assert_eq!(lru.weight, model.0.iter().map(|(.., weight)| weight).sum::<u64>());
                prop_assert!(lru.weight <= capacity);
                prop_assert_eq!((lru.entries.len(), lru.order.len()), (model.0.len(), model.0.len()));
            }
        }
    }
}
