// An execution's history as the Step Functions API tells it, folded into visits: a state entered and left once.
//
// Events of parallel branches are mixed in time; `previousEventId` leads from each back along its own branch. Times are seconds since 1970.

import { weightOf } from "./references.js";

const ENDS = /^Execution(Succeeded|Failed|TimedOut|Aborted)$/;
const ATTEMPT_STARTS = /^(Task|LambdaFunction|Activity)Scheduled$/;
const ATTEMPT_ENDS = /^(Task|LambdaFunction|Activity)(Succeeded|Failed|TimedOut|StartFailed|SubmitFailed|ScheduleFailed)$/;
const FAILURES = /(Failed|TimedOut)$/;

/**
 * @returns {{visits, roots, end, places, taken, weights}} visits in the order in which states were entered; `roots` those outside of any Map or
 *   Parallel; `places` the visit of each event by its id; `taken` the edges that were taken, as "from>to"; `weights` of all data in events
 */
export function fold(events) {
  const state = { visits: [], roots: [], places: new Map(), taken: new Set(), weights: [], end: null };
  for (const event of events) place(state, event);
  for (const visit of state.visits) close(visit, state.end);
  return state;
}

/** A place is where an event happens: in an open visit, or between two of them, in an iteration or at the top. */
function place(state, event) {
  const before = state.places.get(event.previousEventId) ?? { visit: null, last: null, scope: null };
  weigh(state, event);
  if (ENDS.test(event.type)) state.end = event;
  let at = before;
  if (event.stateEnteredEventDetails) at = enter(state, event, before);
  else if (event.stateExitedEventDetails) at = leave(event, before);
  else if (event.type === "MapIterationStarted") at = startIteration(event, before);
  else if (/^MapIteration/.test(event.type)) at = endIteration(event, before);
  else if (/^(Map|Parallel)State(Succeeded|Failed|Aborted)$/.test(event.type)) at = climb(before, (visit) => visit.iterations.length > 0 || visit === before.visit);
  if (at.visit && at === before) attempt(at.visit, event);
  if (at.visit && FAILURES.test(event.type)) at.visit.error = errorOf(event);
  state.places.set(event.id, at);
}

function enter(state, event, before) {
  const { name, input } = event.stateEnteredEventDetails;
  const type = event.type.replace("StateEntered", "");
  // Branches of a Parallel have no events: their first states follow its start.
  const isBranch = before.visit?.type === "Parallel" && before.visit.until === null;
  const scope = isBranch ? iterationOf(before.visit, before.visit.iterations.length, event.timestamp) : before.scope;
  const visit = { number: state.visits.length + 1, name, type, from: event.timestamp, until: null, input, output: null, assigned: null, error: null, weight: weightOf(input),
    attempts: [], iterations: [], scope, status: "running" };
  if (before.last && !isBranch) state.taken.add(`${before.last.name}>${name}`);
  state.visits.push(visit);
  (scope ? scope.visits : state.roots).push(visit);
  return { visit, last: null, scope };
}

function leave(event, before) {
  const { name, output, assignedVariables } = event.stateExitedEventDetails;
  const at = climb(before, (visit) => visit.name === name);
  if (!at.visit) return before;
  Object.assign(at.visit, { until: event.timestamp, output, assigned: assignedVariables ?? null });
  return { visit: null, last: at.visit, scope: at.visit.scope };
}

/** The innermost open visit that `wanted` takes, from the inside to the outside. */
function climb(before, wanted) {
  let { visit, scope } = before;
  while (scope && !(visit && wanted(visit))) {
    visit = scope.parent;
    scope = visit.scope;
  }
  return { visit: visit && wanted(visit) ? visit : null, last: null, scope };
}

function startIteration(event, before) {
  const { index } = event.mapIterationStartedEventDetails;
  const parent = before.visit ?? climb(before, (visit) => visit.type === "Map").visit;
  return parent ? { visit: null, last: null, scope: iterationOf(parent, index, event.timestamp) } : before;
}

function iterationOf(parent, index, from) {
  const iteration = { parent, index, from, until: null, visits: [], ended: null };
  parent.iterations.push(iteration);
  return iteration;
}

function endIteration(event, before) {
  const details = Object.values(event).find((value) => value?.index !== undefined) ?? {};
  const { scope } = before;
  const iteration = scope?.index === details.index ? scope : (scope?.parent ?? before.visit)?.iterations.find(({ index }) => index === details.index);
  if (!iteration) return before;
  Object.assign(iteration, { until: event.timestamp, ended: event.type.replace("MapIteration", "").toLowerCase() });
  return { visit: iteration.parent, last: null, scope: iteration.parent.scope };
}

function attempt(visit, event) {
  if (ATTEMPT_STARTS.test(event.type)) visit.attempts.push({ from: event.timestamp, until: null, error: null, given: dataOf(event, "parameters", "input"), output: null });
  const last = visit.attempts.at(-1);
  if (!last || !ATTEMPT_ENDS.test(event.type)) return;
  last.until = event.timestamp;
  if (FAILURES.test(event.type)) last.error = errorOf(event);
  else {
    last.output = dataOf(event, "output");
    // A retry that succeeded made up for it.
    visit.error = null;
  }
}

export function errorOf(event) {
  const { error, cause } = Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] ?? {};
  return { error: error ?? event.type, cause: cause ?? "" };
}

function dataOf(event, ...names) {
  const details = Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] ?? {};
  return names.map((name) => details[name]).find((value) => value !== undefined) ?? null;
}

/** What Step Functions limits is in these fields. */
function weigh(state, event) {
  for (const data of [dataOf(event, "input"), dataOf(event, "output"), dataOf(event, "parameters")])
    if (typeof data === "string") state.weights.push({ ...weightOf(data), event });
}

// A state that was left in spite of an error had caught it; one that was never left failed, or is still running, or was stopped with the rest.
function close(visit, end) {
  if (visit.until !== null) visit.status = visit.error ? "caught" : "succeeded";
  else if (visit.error || (end && visit.type === "Fail")) visit.status = "failed";
  else visit.status = end ? "stopped" : "running";
  if (visit.type === "Fail" && end?.executionFailedEventDetails && !visit.scope) visit.error ??= errorOf(end);
  visit.until ??= end?.timestamp ?? null;
  for (const attempt of visit.attempts) attempt.until ??= visit.until;
  for (const iteration of visit.iterations) iteration.until ??= visit.until;
}

export function statusOf({ ended, visits }) {
  if (ended) return ended === "succeeded" ? (visits.some(({ status }) => status === "caught") ? "caught" : "succeeded") : ended === "failed" ? "failed" : "stopped";
  const last = visits.at(-1)?.status ?? "running";
  return visits.some(({ status }) => status === "failed") ? "failed" : last;
}

export function retriesOf(visit) {
  return Math.max(0, visit.attempts.length - 1);
}
