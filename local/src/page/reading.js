// What a visit was for a person: a call of the model, a call of a tool, another task, or plumbing between them.

import { retriesOf } from "./history.js";

const QUIET = new Set(["Pass", "Choice", "Wait", "Succeed"]);
const read = new WeakMap();

/**
 * @returns {{role, title, tokens, cost, calls, text, isError}} `role` is "model", "tool", "task" or "quiet"; `cost` in millionths of a dollar;
 * `isError` of a tool whose result tells the model of an error
 */
export function readingOf(visit) {
  const last = visit.attempts.at(-1);
  const known = read.get(visit);
  if (known) return known;
  const reading = readTask(visit, parsed(last?.given)?.Payload, parsed(last?.output)?.Payload);
  read.set(visit, reading);
  return reading;
}

function readTask(visit, given, taken) {
  const used = taken?.metadata?.tokens_used;
  if (used || given?.provider_config) {
    const calls = (taken?.function_calls ?? []).map(({ name }) => name);
    return { role: "model", title: modelOf(given), tokens: used ?? {}, cost: taken?.metadata?.cost_micro_usd ?? 0, calls, text: taken?.text ?? "" };
  }
  if (typeof given?.name === "string" && "input" in given) return { role: "tool", title: given.name, calls: [], tokens: {}, cost: 0, text: "", isError: taken?.is_error === true };
  return { role: QUIET.has(visit.type) ? "quiet" : "task", title: "", calls: [], tokens: {}, cost: 0, text: "", isFunction: given !== undefined };
}

function modelOf(given) {
  return given?.provider_config?.model_id ?? "";
}

export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The status of a visit for a person. A tool whose result is an error has succeeded for the state machine only. */
export function statusFor(visit) {
  return readingOf(visit).isError && visit.status === "succeeded" ? "caught" : visit.status;
}

/** What Lambda says of an error, in the function's words; any other cause as it is. */
export function worded(cause) {
  return parsed(cause)?.errorMessage ?? cause;
}

/** Whether a visit only prepares for others. In a run with a model those are also the reads of registries and the like. */
export function isPlumbing(visit, isAgent) {
  if (visit.status !== "succeeded" || retriesOf(visit) > 0) return false;
  const { role, isFunction } = readingOf(visit);
  if (role === "quiet") return true;
  if (visit.iterations.length > 0) return isAgent && visit.iterations.every(({ visits }) => visits.every((inner) => isPlumbing(inner, true)));
  return isAgent && role === "task" && !isFunction;
}

export function isAgentRun(visits) {
  return visits.some((visit) => readingOf(visit).role === "model");
}

/** What all calls of models took. */
export function totals(visits) {
  const sum = { turns: 0, tools: 0, input: 0, output: 0, cached: 0, cost: 0, retries: 0, errors: 0, told: 0 };
  for (const visit of visits) {
    const { role, tokens, cost, isError } = readingOf(visit);
    sum.told += isError ? 1 : 0;
    sum.turns += role === "model" ? 1 : 0;
    sum.tools += role === "tool" ? 1 : 0;
    sum.input += tokens.input_tokens ?? 0;
    sum.output += tokens.output_tokens ?? 0;
    sum.cached += tokens.cache_read_tokens ?? 0;
    sum.cost += cost;
    sum.retries += retriesOf(visit);
    sum.errors += visit.attempts.filter(({ error }) => error).length;
  }
  return sum;
}

/** Millionths of a dollar as "$0.000123". */
export function dollars(micro) {
  return `$${(micro / 1e6).toFixed(micro >= 1e5 ? 2 : 6)}`;
}

/** Whether a search finds something in a visit; an empty search finds all. */
export function matches(visit, search) {
  if (!search) return true;
  const { title, calls } = readingOf(visit);
  const texts = [visit.name, visit.type, title, ...calls, visit.error?.error, visit.error?.cause, visit.input, visit.output];
  return texts.some((text) => text?.toLowerCase().includes(search)) || visit.iterations.some(({ visits }) => visits.some((inner) => matches(inner, search)));
}
