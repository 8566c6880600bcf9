//! What would become of an event: who sent it, which references it holds, whether their contents can be had.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use long_content::batch::Batch;
use long_content::envelope::{Envelope, Shape};
use long_content::hydrate::{self, HydratePlan, Hydration, TooLarge};
use long_content::locate::{self, Sighting};
use long_content::part::Absent;
use long_content::reference::{ContentRef, Kind, ParseRefError, Reference};
use long_content::store::GetError;

use crate::answer::ToolError;
use crate::context::{Context, Table, WITHOUT_STORE, wait};
use crate::options::Tenant;
use crate::report::{Place, Report};
use crate::verify::{ABSENT, status};
use lrap::config::{Config, MAX_EVENT_SIZE, OnMissing};
use lrap::error::{Failure, quoted};
use lrap::proxy::MAX_ROUNDS;

/// What became of reading the contents.
#[derive(Default)]
struct Fetched {
    outcomes: HashMap<ContentRef, Result<(), GetError>>,
    /// Parts that their contents do not have.
    absent: Vec<(Reference, Absent)>,
    /// What is named outside of all records of a batch.
    outside: HashSet<Reference>,
    /// The hydrated event's size, or that it is too large.
    size: Option<Result<u64, TooLarge>>,
}

pub(crate) fn report(context: &Context, event: &Bytes, reads: bool, tenant: &Tenant) -> Result<Report, ToolError> {
    let config = context.config_without(WITHOUT_STORE)?;
    let plan = hydrate::plan_with(event, config.search());
    let shape = Shape::of(event);
    let hydrates = config.hydrate.applies(shape.is_none_or(|shape| shape.envelope != Envelope::Exposed));
    let batch = Batch::of(event).filter(|_| config.on_missing != OnMissing::Fail);
    let keeps = config.on_missing.keeps(|| batch.is_some());
    let mut because = because(&config, shape, hydrates, keeps && !plan.is_empty());
    if plan.references().iter().any(|reference| reference.content.is_legacy()) {
        because.push("it holds legacy references, which are not listed below: LRAP_READ_LEGACY=true".to_owned());
    }
    let fetched = if hydrates && reads && !plan.references().is_empty() {
        wait(fetch(&context.open(tenant)?, hydrate::plan_with(event, config.search()), batch.as_ref()))?
    } else {
        Fetched::default()
    };
    let places = locate::sightings(event).iter().map(|sighting| place(sighting, hydrates, &fetched)).collect();
    let mut report = Report {
        form: "event",
        because,
        places,
        bytes_before: event.len() as u64,
        bytes_after: Some(event.len() as u64),
        exact: true,
        limit: None,
        outcome: "unchanged",
        error: None,
    };
    if hydrates && !plan.is_empty() {
        judge(&mut report, &config, plan, &fetched, batch.as_ref());
    }
    Ok(report)
}

/// Fills in what hydrating would come to.
fn judge(report: &mut Report, config: &Config, plan: HydratePlan, fetched: &Fetched, batch: Option<&Batch>) {
    let limit = config.max_event_size;
    let failure = failure(config.on_missing, &plan, fetched, batch);
    let size = fetched.size.unwrap_or_else(|| estimate(plan, limit));
    report.limit = Some((MAX_EVENT_SIZE, limit));
    report.exact = fetched.size.is_some();
    // Of a batch, records that do not fit are left in place.
    let too_large = size.err().filter(|_| batch.is_none());
    let failure = failure.or_else(|| too_large.map(|error| Failure::event_too_large(error, limit)));
    report.bytes_after = match too_large {
        Some(TooLarge::Bytes(bytes)) => Some(bytes),
        _ if failure.is_some() => None,
        _ => size.ok(),
    };
    report.outcome = if failure.is_some() { "fails" } else { "hydrated" };
    report.error = failure.map(|failure| failure.to_string());
}

/// The size that an event would have, as far as its references tell.
fn estimate(plan: HydratePlan, limit: u64) -> Result<u64, TooLarge> {
    Hydration::new(plan).fits(limit)
}

/// Why the event fails because of references that may not stay where they are.
fn failure(on_missing: OnMissing, plan: &HydratePlan, fetched: &Fetched, batch: Option<&Batch>) -> Option<Failure> {
    match (on_missing, batch) {
        (OnMissing::Keep, _) => None,
        (OnMissing::Auto, Some(batch)) => unreadable(&plan.malformed_outside(batch))
            .or_else(|| unfetched(fetched, |reference| fetched.outside.contains(reference))),
        _ => unreadable(plan.malformed()).or_else(|| unfetched(fetched, |_| true)),
    }
}

fn unreadable(malformed: &[(String, ParseRefError)]) -> Option<Failure> {
    malformed.first().map(|(text, error)| Failure::malformed(text, error))
}

/// The failure of the first reference whose content could not be read and that `fails` the event.
fn unfetched(fetched: &Fetched, fails: impl Fn(&Reference) -> bool) -> Option<Failure> {
    let is_named = |content: &ContentRef| {
        fails(&(*content).into()) || fetched.outside.iter().any(|reference| reference.content == *content)
    };
    let failed = fetched.outcomes.iter().filter_map(|(reference, outcome)| Some((reference, outcome.as_ref().err()?)));
    let failed =
        failed.filter(|(reference, _)| is_named(reference)).map(|(reference, error)| Failure::get(reference, error));
    let absent = fetched.absent.iter().filter(|(reference, _)| fails(reference));
    failed.chain(absent.map(|(reference, absent)| Failure::absent(reference, *absent))).next()
}

fn because(config: &Config, shape: Option<&Shape>, hydrates: bool, keeps: bool) -> Vec<String> {
    let offloads = config.offload.applies(shape.is_none_or(|shape| shape.envelope == Envelope::Plain));
    let caller =
        shape.map_or("the event counts as one from a workflow, a queue or a direct caller", |shape| shape.caller);
    let sender =
        if shape.is_some() { format!("sent by {caller}, as the shape of the event shows") } else { caller.to_owned() };
    let is = |does: bool| if does { "is" } else { "is not" };
    let (hydrate, offload) = (config.hydrate.as_str(), config.offload.as_str());
    let mut because = vec![
        sender,
        format!("the event {} hydrated: LRAP_HYDRATE={hydrate}", is(hydrates)),
        format!("the response to it {} offloaded: LRAP_OFFLOAD={offload}", is(offloads)),
    ];
    if keeps {
        because.push(
            "references whose contents cannot be read stay in the event, because LRAP_ON_MISSING says so or because \
             the event is a batch of records"
                .to_owned(),
        );
    }
    because
}

fn place(sighting: &Sighting, hydrates: bool, fetched: &Fetched) -> Place {
    let Sighting { pointers, text, reference } = sighting;
    let of = |status, why: String, size| Place {
        pointers: pointers.clone(),
        reference: Some(quoted(text)),
        size,
        status,
        why,
    };
    let reference = match reference {
        Err(error) => return of("unreadable", error.to_string(), None),
        Ok(reference) => reference,
    };
    let kind = match (&reference.part, reference.content.kind) {
        (Some(_), _) => "a part of a JSON value",
        (None, Kind::String) => "a string",
        (None, Kind::Json | Kind::Verbatim) => "a JSON value",
    };
    let size = reference.part.is_none().then_some(reference.content.size);
    if let Some((_, why)) = fetched.absent.iter().find(|(absent, _)| absent == reference) {
        return of(ABSENT, why.to_string(), size);
    }
    match fetched.outcomes.get(&reference.content) {
        Some(Ok(())) => of("ok", kind.to_owned(), size),
        Some(Err(error)) => of(status(error), error.to_string(), size),
        None if hydrates => of("seen", format!("{kind}, not read (--fetch reads it)"), size),
        None => of("left alone", kind.to_owned(), size),
    }
}

/// Reads the contents, and those that they refer to, as the proxy does.
async fn fetch(table: &Table, plan: HydratePlan, batch: Option<&Batch>) -> Result<Fetched, ToolError> {
    let (mut outcomes, mut absent) = (HashMap::new(), vec![]);
    let mut hydration = Hydration::new(plan);
    for _ in 0..MAX_ROUNDS {
        let wanted = hydration.wanted();
        if wanted.is_empty() || hydration.fits(table.config.max_event_size).is_err() {
            break;
        }
        let contents = table.get(&wanted).await;
        for (reference, content) in wanted.into_iter().zip(contents) {
            if let Err(error @ GetError::Unavailable(_)) = &content {
                return Err(ToolError::Unavailable(Failure::get(&reference, error).message));
            }
            outcomes.insert(reference, content.as_ref().map(|_| ()).map_err(Clone::clone));
            hydration.add(reference, content.ok());
        }
        absent.extend(hydration.take_absent());
    }
    let outside = batch.map(|batch| hydration.named_outside(batch)).unwrap_or_default();
    let size = hydration.hydrated(table.config.max_event_size).map(|event| event.len());
    Ok(Fetched { outcomes, absent, outside, size: Some(size) })
}
