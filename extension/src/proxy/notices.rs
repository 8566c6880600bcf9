//! Log lines about what is left alone by design. Each is logged once in the life of a sandbox; the metrics count every time.

use std::sync::Once;

/// References in base64 text, as Kinesis, Kafka and Amazon MQ carry records.
pub(super) fn encoded_references() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::info!("an event holds references inside of base64 text: they are not hydrated, see docs/envelopes.md");
    });
}

/// References in the event of a caller that is not trusted with them.
pub(super) fn exposed_references() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::info!("an exposed caller's event holds references: they are not hydrated, see docs/envelopes.md");
    });
}

/// A payload that is not JSON, although it seems to contain something to replace.
pub(super) fn invalid_json() {
    static SAID: Once = Once::new();
    SAID.call_once(|| {
        tracing::info!(
            "a payload is not valid JSON (a NaN, perhaps): nothing in it is replaced, see docs/troubleshooting.md"
        );
    });
}
