//! What a model's row changes in the requests to it: settings that it does not take, and fields that the unified call has no name for.

use crate::models::Model;
use crate::prompt::Settings;
use serde_json::{Map, Value};

/// A row's `omit` and `request_overrides`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Changes {
    omit: Vec<String>,
    overrides: Map<String, Value>,
}

impl Changes {
    pub(crate) fn of(row: &Model) -> Self {
        Self { omit: row.omit.clone(), overrides: row.request_overrides.clone() }
    }

    /// The settings without those that are never sent.
    pub(crate) fn without_omitted(&self, mut settings: Settings) -> Settings {
        for name in &self.omit {
            match name.as_str() {
                "temperature" => settings.temperature = None,
                "top_p" => settings.top_p = None,
                "reasoning_effort" => settings.reasoning_effort = None,
                "stop_sequences" => settings.stop_sequences.clear(),
                "service_tier" => settings.service_tier = None,
                "cache" => settings.caches = false,
                // Pointers into the request: see `applied`.
                _ => {}
            }
        }
        settings
    }

    /// The request without what the row leaves out, and with what it adds.
    pub(crate) fn applied(&self, mut request: Value) -> Value {
        for pointer in self.omit.iter().filter(|name| name.starts_with('/')) {
            remove(&mut request, pointer);
        }
        merge(&mut request, &Value::Object(self.overrides.clone()));
        request
    }
}

fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, field)) = pointer.rsplit_once('/') else { return };
    if let Some(fields) = value.pointer_mut(parent).and_then(Value::as_object_mut) {
        fields.remove(&field.replace("~1", "/").replace("~0", "~"));
    }
}

/// RFC 7396: objects are merged, `null` removes, anything else replaces.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(fields) = target.as_object_mut() else { return };
    for (name, change) in patch {
        if change.is_null() {
            fields.remove(name);
        } else {
            merge(fields.entry(name.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn a_patch_is_merged_as_rfc_7396_says() {
        for (mut target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            merge(&mut target, &patch);
            assert_eq!(target, result, "{patch}");
        }
    }

    #[test]
    fn a_row_leaves_out_settings_and_what_pointers_name() {
        let row = Model {
            omit: ["temperature", "/include", "/a/b", "/not/there"].map(str::to_owned).to_vec(),
            request_overrides: Map::from_iter([("store".to_owned(), json!(true))]),
            ..Model::default()
        };
        let changes = Changes::of(&row);
        let settings =
            changes.without_omitted(Settings { temperature: Some(1.0), top_p: Some(0.5), ..Settings::default() });
        assert_eq!((settings.temperature, settings.top_p), (None, Some(0.5)));
        let request = json!({"include": ["x"], "a": {"b": 1, "c": 2}, "store": false});
        assert_eq!(changes.applied(request), json!({"a": {"c": 2}, "store": true}));
    }
}
