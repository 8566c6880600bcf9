// An execution's history as the Step Functions API tells it, folded into visits: a state entered and left once.
//
// Events of parallel branches are mixed in time; `previousEventId` leads from each back along its own branch. Times are seconds since 1970.

import { bytesOf, referencesIn } from "./references.js";

/** @returns {{visits: Array, end: object|null, taken: Set<string>}} visits in the order in which states were entered */
export function fold(events) {
  const byId = new Map(events.map((event) => [event.id, event]));
  const visits = new Map();
  for (const event of events) {
    if (event.stateEnteredEventDetails) visits.set(event.id, entered(event, visits.size + 1));
    else if (event.stateExitedEventDetails) leave(visits.get(entryOf(event, byId)), event);
    else if (/Failed$|TimedOut$/.test(event.type)) blame(visits.get(entryOf(event, byId, true)), event);
  }
  const end = events.find((event) => /^Execution(Succeeded|Failed|TimedOut|Aborted)$/.test(event.type)) ?? null;
  for (const visit of visits.values()) close(visit, end);
  return { visits: [...visits.values()], end };
}

function entered(event, number) {
  const { name, input } = event.stateEnteredEventDetails;
  return { number, name, type: event.type.replace("StateEntered", ""), from: event.timestamp, until: null, input, output: null, error: null,
    weight: weightOf(input) };
}

function leave(visit, event) {
  if (!visit) return;
  visit.until = event.timestamp;
  visit.output = event.stateExitedEventDetails.output;
}

function blame(visit, event) {
  if (!visit) return;
  const details = Object.entries(event).find(([key]) => /(Failed|TimedOut)EventDetails$/.test(key))?.[1] ?? {};
  visit.error = { error: details.error ?? event.type, cause: details.cause ?? "" };
}

// A state that was left in spite of an error had caught it; one that was never left failed, or is still at work.
function close(visit, end) {
  if (visit.until !== null) visit.status = visit.error ? "caught" : "succeeded";
  else visit.status = visit.error || end ? "failed" : "running";
  visit.until ??= end?.timestamp ?? null;
}

/** The event by which the state was entered that `event` belongs to. */
function entryOf(event, byId, any = false) {
  const wanted = any ? null : event.stateExitedEventDetails.name;
  let inner = 0;
  for (let at = byId.get(event.previousEventId); at; at = byId.get(at.previousEventId)) {
    if (at.stateExitedEventDetails && any) inner += 1;
    const name = at.stateEnteredEventDetails?.name;
    if (name === undefined) continue;
    if (any ? inner-- === 0 : name === wanted) return at.id;
  }
  return undefined;
}

/** Bytes of a state's text, and of what it carries by reference. */
export function weightOf(text) {
  const references = referencesIn(text ?? "");
  return { bytes: bytesOf(text ?? ""), referenced: references.reduce((sum, reference) => sum + reference.size, 0), references };
}
