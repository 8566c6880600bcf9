// What one wants to know first of an execution: the answer or the error, what it took, and how much of the limit its states used.

import "./cost.js";
import { copyButton, elapsed, made } from "./dom.js";
import { show } from "./json.js";
import { dollars, parsed, totals, worded } from "./reading.js";
import { duration, readable } from "./references.js";
import { waitingFor } from "./retries.js";
import { badge, ofExecution } from "./status.js";

/** Bytes that Step Functions lets a state carry. */
export const STATE_LIMIT = 262144;

export function nameOf({ name, executionArn }) {
  return name ?? executionArn.split(":").pop();
}

export function heading({ name, executionArn, status, startDate, stopDate, stateMachineArn }) {
  const took = stopDate ? [`, took ${duration(stopDate - startDate)} `] : [", running for ", elapsed(startDate, duration), " "];
  const started = made("time", "", new Date(startDate * 1000).toLocaleString(undefined, { timeZoneName: "short" }));
  started.dateTime = new Date(startDate * 1000).toISOString();
  return [
    made("h2", "", badge(ofExecution(status)), " ", made("span", "name", nameOf({ name, executionArn }))),
    made("p", "faint", `${stateMachineArn.split(":").pop()}, ${executionArn.split(":")[3]}, started `, started, took, copyButton("the ARN", executionArn)),
  ];
}

/** The answer of an agent, else the output; of one that failed its error, of one that runs where it is. */
export function outcome({ status, output, input, error, cause }, { visits, end }, open) {
  const question = parsed(input)?.question;
  const asked = question ? made("p", "question", made("span", "faint", "Question "), question) : null;
  if (status === "RUNNING") return [asked, made("p", "answer", badge("running", runningIn(visits))), ...visits.filter(({ next }) => next).map(waiting)];
  const details = end?.executionFailedEventDetails ?? end?.executionTimedOutEventDetails ?? end?.executionAbortedEventDetails ?? {};
  const failure = error ?? details.error;
  if (status !== "SUCCEEDED") return [asked, failed(ofExecution(status), failure ?? status, cause ?? details.cause ?? "")];
  const result = parsed(output);
  const answer = result?.answer;
  const text = answer === undefined ? output : typeof answer === "string" ? answer : JSON.stringify(answer);
  const title = made("h3", "", answer === undefined ? "Output" : result.status && result.status !== "completed" ? `Answer (${result.status.replaceAll("_", " ")})` : "Answer", " ", copyButton(answer === undefined ? "the output" : "the answer", text));
  return [asked, title, made("div", "answer", typeof answer === "string" ? answer : show(text, open))];
}

function waiting({ name, next, error }) {
  return made("p", "", badge("waiting", name), ": ", waitingFor(next), made("span", "cause", ` after ${error.error}`));
}

function runningIn(visits) {
  const open = visits.filter(({ status }) => status === "running").map(({ name }) => name);
  return open.length ? `running in ${[...new Set(open)].join(", ")}` : "running";
}

function failed(status, error, cause) {
  return made("div", "answer", made("p", "", badge(status, error), " ", copyButton("the error", `${error}\n${cause}`)), made("p", "cause", worded(cause)));
}

export function figures({ startDate, stopDate }, { visits, weights }) {
  const sum = totals(visits);
  const contents = contentsOf(weights);
  const moved = [...contents.values()].reduce((total, size) => total + size, 0);
  const model = sum.turns === 0 ? [] : [
    figure("Turns", String(sum.turns), `${sum.tools} tool ${sum.tools === 1 ? "call" : "calls"}`),
    figure("Tokens", `${sum.input.toLocaleString()} → ${sum.output.toLocaleString()}`, sum.cached ? `read → written, ${sum.cached.toLocaleString()} cached` : "read → written"),
    figure("Cost", dollars(sum.cost), "of the model"),
  ];
  return [
    ...model,
    figure("Time", stopDate ? duration(stopDate - startDate) : elapsed(startDate, duration), `${visits.length} states entered`),
    figure("Errors", String(sum.errors + sum.told), `${sum.retries} ${sum.retries === 1 ? "retry" : "retries"}${sum.told ? `, ${sum.told} told to the model` : ""}`),
    figure("By reference", readable(moved), `${contents.size} ${contents.size === 1 ? "content" : "contents"}`),
    ...storage(contents),
  ];
}

/** What storing the contents and reading each once costs at most: how far they were compressed is not known here. */
function storage(contents) {
  if (contents.size === 0) return [];
  const price = (store, size) => 1e6 * (cost.write(store, size) + cost.read(store, size));
  const all = (storeOf) => [...contents].reduce((sum, [reference, size]) => sum + price(storeOf(reference), size), 0);
  const [paid, inBucket] = [all((reference) => reference.split(":")[2]), all(() => "s3")];
  return [figure("Storage", dollars(paid), `at most, by list price; ${dollars(inBucket)} in S3`)];
}

function figure(name, value, remark) {
  return made("dl", "figure", made("dt", "", name), made("dd", "", value, made("small", "", remark)));
}

function contentsOf(weights) {
  return new Map(weights.flatMap(({ references }) => references.map(({ reference, size }) => [reference, size])));
}

/** The largest data of any event, as it was and as it would have been with the contents in place of their references. */
export function bars({ weights }) {
  const largest = Math.max(0, ...weights.map(({ bytes }) => bytes));
  const unsaved = Math.max(0, ...weights.map(({ bytes, referenced }) => bytes + referenced));
  const most = Math.max(STATE_LIMIT * 1.1, unsaved);
  const title = made("h3", "", `Largest state; the line marks the limit of ${readable(STATE_LIMIT)} (${STATE_LIMIT.toLocaleString("en")} bytes)`);
  return [title, bar("with the layer", largest, most), bar("without it", unsaved, most)];
}

function bar(label, bytes, most) {
  const over = bytes > STATE_LIMIT;
  const fill = made("span", `fill ${over ? "over" : ""}`), limit = made("span", "limit");
  fill.style.width = `${(bytes / most) * 100}%`;
  limit.style.left = `${(STATE_LIMIT / most) * 100}%`;
  const share = `${((bytes / STATE_LIMIT) * 100).toFixed(bytes < STATE_LIMIT / 10 ? 1 : 0)} %`;
  const amount = made("span", "amount", badge(over ? "failed" : "succeeded", `${readable(bytes)}, ${share}${over ? ": over the limit" : ""}`));
  const meter = made("span", "meter", fill, limit);
  meter.setAttribute("role", "meter");
  for (const [name, value] of [["aria-label", `Largest state ${label}`], ["aria-valuemin", 0], ["aria-valuemax", STATE_LIMIT], ["aria-valuenow", bytes], ["aria-valuetext", `${readable(bytes)}${over ? ", over the limit" : ""}`]]) meter.setAttribute(name, value);
  return made("div", "state-size", made("span", "label", label), meter, amount);
}
