//! Functions that were deployed through an API: the engine keeps their configuration, their sandboxes are here.

use crate::config::FunctionConfig;
use crate::definition::Definition;
use crate::function::Function;
use crate::host::Host;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One version of a function, as `local/engine/functions.py` describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Description {
    /// Without a qualifier.
    arn: String,
    version: String,
    config: FunctionConfig,
}

/// The functions by ARN and version.
#[derive(Debug)]
pub(crate) struct Deployed {
    host: Arc<Host>,
    functions: Mutex<Functions>,
}

#[derive(Debug, Default)]
struct Functions {
    current: BTreeMap<String, Arc<Function>>,
    /// Those whose last invocations may be under way.
    retired: Vec<Weak<Function>>,
}

impl Deployed {
    pub(crate) fn new(host: Arc<Host>) -> Self {
        Self { host, functions: Mutex::default() }
    }

    /// The function of this description: the known one with its warm sandboxes, or, if it was deployed anew, a new one in its place.
    pub(crate) fn take(&self, description: Description) -> (String, Arc<Function>) {
        let key = format!("{}:{}", description.arn, description.version);
        let mut functions = self.lock();
        if let Some(known) = functions.current.get(&key).filter(|known| known.definition.config == description.config) {
            return (key, Arc::clone(known));
        }
        let function = Function::new(self.definition(description));
        if let Some(replaced) = functions.current.insert(key.clone(), Arc::clone(&function)) {
            replaced.retire();
            functions.retired.retain(|retired| retired.strong_count() > 0);
            functions.retired.push(Arc::downgrade(&replaced));
        }
        (key, function)
    }

    /// The one that [`Self::take`] gave this key.
    pub(crate) fn get(&self, key: &str) -> Option<Arc<Function>> {
        self.lock().current.get(key).cloned()
    }

    /// Every function that may have a sandbox.
    pub(crate) fn all(&self) -> Vec<Arc<Function>> {
        let functions = self.lock();
        let retired = functions.retired.iter().filter_map(Weak::upgrade);
        functions.current.values().cloned().chain(retired).collect()
    }

    fn definition(&self, description: Description) -> Definition {
        let Description { arn, version, config } = description;
        let mut parts = arn.split(':');
        let region = parts.nth(3).unwrap_or(&self.host.inherited.region).to_owned();
        let name = parts.next_back().unwrap_or_default().to_owned();
        Definition { name, version, arn, config, host: Arc::new(self.host.in_region(&region)) }
    }

    fn lock(&self) -> MutexGuard<'_, Functions> {
        self.functions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn described(version: &str, memory: u32) -> Description {
        let config = json!({ "directory": "/code", "memory": memory });
        let arn = "arn:aws:lambda:eu-central-1:123456789012:function:f";
        serde_json::from_value(json!({ "arn": arn, "version": version, "config": config })).unwrap()
    }

    fn deployed() -> Deployed {
        Deployed::new(Arc::new(Host::for_tests()))
    }

    #[tokio::test]
    async fn an_unchanged_function_keeps_its_sandboxes() {
        let deployed = deployed();
        let (key, first) = deployed.take(described("$LATEST", 128));
        assert!(Arc::ptr_eq(&first, &deployed.take(described("$LATEST", 128)).1));
        assert!(Arc::ptr_eq(&first, &deployed.get(&key).unwrap()));
    }

    #[tokio::test]
    async fn a_changed_one_takes_the_place_of_the_old_and_versions_live_side_by_side() {
        let deployed = deployed();
        let (key, first) = deployed.take(described("$LATEST", 128));
        let (_, version) = deployed.take(described("1", 128));
        let (_, second) = deployed.take(described("$LATEST", 256));
        assert!(Arc::ptr_eq(&second, &deployed.get(&key).unwrap()) && !Arc::ptr_eq(&first, &second));
        // The old one too, as long as something uses it.
        assert_eq!((deployed.all().len(), version.definition.version.as_str()), (3, "1"));
    }

    #[tokio::test]
    async fn a_function_is_told_the_region_it_was_deployed_to() {
        let (_, function) = deployed().take(described("$LATEST", 128));
        assert_eq!(function.definition.name, "f");
        assert_eq!(function.definition.host.inherited.region, "eu-central-1");
    }
}
