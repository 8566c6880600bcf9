//! JSON that is written into the request's own buffer, so that a content is copied once, as base64.

/// Writes an object.
pub(crate) fn object(json: &mut Vec<u8>, members: impl FnOnce(&mut Members<'_>)) {
    json.push(b'{');
    members(&mut Members { json, is_first: true });
    json.push(b'}');
}

/// Writes a text.
pub(crate) fn text(json: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(json, text).expect("BUG: text is JSON, and memory takes it");
}

/// The members of an object that is being written.
pub(crate) struct Members<'a> {
    json: &'a mut Vec<u8>,
    is_first: bool,
}

impl Members<'_> {
    /// A member of any value.
    pub(crate) fn value(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.is_first) {
            self.json.push(b',');
        }
        text(self.json, name);
        self.json.push(b':');
        write(self.json);
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.value(name, |json| text(json, value));
    }

    pub(crate) fn object(&mut self, name: &str, members: impl FnOnce(&mut Members<'_>)) {
        self.value(name, |json| object(json, members));
    }

    /// A member that is an array of values, each written by `write`.
    pub(crate) fn array<T>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Vec<u8>, T),
    ) {
        self.value(name, |json| {
            json.push(b'[');
            for (nth, value) in values.into_iter().enumerate() {
                if nth > 0 {
                    json.push(b',');
                }
                write(json, value);
            }
            json.push(b']');
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_written_is_json() {
        let mut written = Vec::new();
        object(&mut written, |root| {
            root.object("empty", |_| {});
            root.array("none", [""; 0], text);
            root.array("some \"texts\"", ["a", "\n"], text);
            root.value("number", |json| json.push(b'1'));
        });
        let read: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!(read, json!({"empty": {}, "none": [], "some \"texts\"": ["a", "\n"], "number": 1}));
    }
}
