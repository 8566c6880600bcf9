// When a state that failed is tried again: Step Functions writes an event for each attempt, and none for the wait before it.

import { elapsed, made } from "./dom.js";
import { duration, moment } from "./references.js";

/** What Step Functions takes where a retrier leaves it out. */
const DEFAULTS = { IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2, MaxDelaySeconds: Infinity, JitterStrategy: "NONE" };
/** Errors that no wildcard takes. */
const NEVER = new Set(["States.DataLimitExceeded", "States.Runtime"]);

/**
 * Marks the visits that wait for their next attempt.
 * @param stateOf the definition of a state by its name
 */
export function markWaiting({ visits, end }, stateOf) {
  if (end) return;
  for (const visit of visits) {
    visit.next = visit.until === null ? nextAttempt(visit.attempts, stateOf(visit.name)?.Retry ?? []) : null;
    if (visit.next) visit.status = "waiting";
  }
}

/** @returns {{number, of, from, until}} which attempt it is, of at most how many, and between which moments it starts; null if there is none */
export function nextAttempt(attempts, retriers) {
  const last = attempts.at(-1);
  if (!last?.error || last.until === null) return null;
  const known = retriers.map((retrier) => ({ ...DEFAULTS, ...retrier }));
  const retrier = retrierOf(last.error.error, known);
  if (!retrier) return null;
  // Each retrier counts the errors that it takes.
  const count = attempts.filter(({ error }) => error && retrierOf(error.error, known) === retrier).length;
  if (count > retrier.MaxAttempts) return null;
  const wait = Math.min(retrier.IntervalSeconds * retrier.BackoffRate ** (count - 1), retrier.MaxDelaySeconds);
  const from = last.until + (retrier.JitterStrategy === "FULL" ? 0 : wait);
  return { number: attempts.length + 1, of: attempts.length + 1 + retrier.MaxAttempts - count, from, until: last.until + wait };
}

function retrierOf(error, retriers) {
  return retriers.find(({ ErrorEquals }) => ErrorEquals.some((name) => takes(name, error)));
}

function takes(name, error) {
  if (name === error) return true;
  if (NEVER.has(error)) return false;
  return name === "States.ALL" || (name === "States.TaskFailed" && error !== "States.Timeout");
}

/** "attempt 2 of at most 4 starts in 3.2 s, at 10:15:00", counted down. */
export function waitingFor({ number, of, from, until }) {
  const when = from === until ? `at ${moment(until)}` : `at ${moment(until)} at the latest`;
  return made("span", "", `attempt ${number} of at most ${of} starts `, countdown(until), `, ${when}`);
}

/** "attempt 2 in 3.2 s" */
export function waitingShort({ number, until }) {
  return made("span", "", `attempt ${number} `, countdown(until));
}

function countdown(until) {
  return elapsed(until, (since) => (since < 0 ? `in ${duration(-since)}` : "now"));
}
