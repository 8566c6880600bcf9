//! What would become of a response: which values leave it, by which rule, and what is left.

use bytes::Bytes;
use long_content::fit::{self, Destination, DoesNotFit};
use long_content::keys::Keyring;
use long_content::locate;
use long_content::offload::{self, Limits, MAX_LOOK_ALIKES};
use long_content::reference::{Content, ContentRef, Kind, Scope};
use long_content::store::settings;

use crate::answer::ToolError;
use crate::context::{Context, WITHOUT_STORE, scope_of};
use crate::options::Tenant;
use crate::report::{Place, Report};
use lrap::config::{Config, MAX_PAYLOAD_SIZE, Mode};
use lrap::error::Failure;

/// Signs in place of keys that are in a secret, which explaining does not fetch: every key's references are of one length.
const STAND_IN: &str = "stands-in-for-keys-in-a-secret";

pub(crate) fn report(context: &Context, response: &Bytes, tenant: &Tenant) -> Result<Report, ToolError> {
    let config = context.config_without(WITHOUT_STORE)?;
    let mut report = Report {
        form: "response",
        because: because(&config),
        places: vec![],
        bytes_before: response.len() as u64,
        bytes_after: Some(response.len() as u64),
        exact: true,
        limit: config.max_payload_size.map(|bytes| (MAX_PAYLOAD_SIZE, bytes as u64)),
        outcome: "unchanged",
        error: None,
    };
    if config.offload == Mode::Never {
        return Ok(report);
    }
    let inspection = Inspection { scope: scope(&config, tenant), config };
    match inspection.leave(response, &mut report.places) {
        Ok(left) => {
            report.bytes_after = Some(left.len() as u64);
            let leaves = report.places.iter().any(|place| place.status == OFFLOADED);
            report.outcome = if leaves { "offloaded" } else { "unchanged" };
        }
        Err(error) => {
            report.bytes_after = Some(error.smallest as u64);
            report.outcome = "fails";
            report.error = Some(Failure::does_not_fit(&error).to_string());
        }
    }
    Ok(report)
}

/// Whose keys sign, or what stands in for them.
fn scope(config: &Config, tenant: &Tenant) -> Scope {
    let scope = scope_of(config, tenant);
    let stand_in = || STAND_IN.parse::<Keyring>().expect("BUG: a key long enough");
    if config.signing.secret.is_some() { scope.signed_by(stand_in()) } else { scope }
}

fn because(config: &Config) -> Vec<String> {
    let mut because = vec![
        match config.offload {
            Mode::Never => "the response is not offloaded: LRAP_OFFLOAD=never",
            Mode::Always => "the response is offloaded for every caller: LRAP_OFFLOAD=always",
            Mode::Auto => {
                "the response is offloaded unless the caller cannot hydrate (run `lrap explain` with the event to see): LRAP_OFFLOAD=auto"
            }
        }
        .to_owned(),
    ];
    if config.signing.secret.is_some() {
        because.push(
            "references are signed with the keys of LRAP_SIGNING_SECRET_ARN, which lrap does not read: \
             their size is known, their text is not"
                .to_owned(),
        );
    }
    because
}

/// What becomes of a value that is offloaded.
const OFFLOADED: &str = "offloaded";

/// Long strings that stay, in the order of the document.
fn note_kept(places: &mut Vec<Place>, response: &[u8], starts: &[usize]) {
    for pointer in locate::pointers(response, starts) {
        let why = "LRAP_KEEP names it, whatever its size".to_owned();
        places.push(Place { pointers: vec![pointer], reference: None, size: None, status: "stays", why });
    }
}

struct Inspection {
    scope: Scope,
    config: Config,
}

impl Inspection {
    /// Takes the response through both rules. What leaves is noted in `places`.
    fn leave(&self, response: &Bytes, places: &mut Vec<Place>) -> Result<Bytes, DoesNotFit> {
        let threshold = self.config.max_content_size;
        let limits = Limits { threshold, keep: &self.config.keep, ..Limits::default() };
        let plan = offload::plan(response, &limits);
        let references = self.references(plan.contents());
        let why = |content: &Content| {
            if content.kind == Kind::Verbatim {
                format!(
                    "it holds strings that would be taken for references, and at most {MAX_LOOK_ALIKES} are offloaded one by one"
                )
            } else if content.bytes.len() > threshold {
                format!("longer than MAX_CONTENT_SIZE={threshold}")
            } else {
                "the next function would take it for a reference".to_owned()
            }
        };
        self.note(places, response, &plan.starts(), plan.contents().iter().map(why), &references);
        note_kept(places, response, plan.stays());
        let left = plan.apply(&references);
        let Some(max_size) = self.config.max_payload_size else { return Ok(left) };
        let destination =
            Destination { max_size, keep: &self.config.keep, ttl: self.config.ttl, is_signed: self.scope.is_signed() };
        let plan = fit::plan(&left, &destination)?;
        let references = self.references(plan.contents());
        let why = |_: &Content| format!("among the largest of a response larger than MAX_PAYLOAD_SIZE={max_size}");
        self.note(places, &left, &plan.starts(), plan.contents().iter().map(why), &references);
        Ok(plan.apply(&references))
    }

    fn references(&self, contents: &[Content]) -> Vec<ContentRef> {
        let placing = settings::placing(self.config.bucket.as_ref());
        contents.iter().map(|content| placing.reference(&self.scope, self.config.ttl, content)).collect()
    }

    fn note(
        &self,
        places: &mut Vec<Place>,
        response: &[u8],
        starts: &[usize],
        why: impl Iterator<Item = String>,
        references: &[ContentRef],
    ) {
        let is_known = self.config.signing.secret.is_none();
        let pointers = locate::pointers(response, starts);
        for ((pointer, why), reference) in pointers.into_iter().zip(why).zip(references) {
            let (pointers, size) = (vec![pointer], Some(reference.size));
            let reference = is_known.then(|| reference.to_string());
            places.push(Place { pointers, reference, size, status: OFFLOADED, why });
        }
    }
}
