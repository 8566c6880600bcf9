// The page: which execution, its figures, its graph, its states in order, and one of them in full.

import * as content from "./content.js";
import { draw } from "./graph.js";
import { fold, weightOf } from "./history.js";
import { show } from "./json.js";
import { bytesOf, readable } from "./references.js";

const REFRESH_MS = 1000;
/** Bytes that Step Functions lets a state carry. */
const STATE_LIMIT = 262144;

const find = (selector) => document.querySelector(selector);
const [list, notice, summary, run, graph, rows, detail] =
  ["#executions", "#notice", "#summary", "#run", "#graph", "#visits tbody", "#detail"].map(find);
let chosen = null;

start().catch((error) => say(`The executions cannot be read: ${error.message}`));

async function start() {
  list.addEventListener("change", () => (location.hash = list.value));
  addEventListener("hashchange", follow);
  await refreshList();
  await follow();
}

/** One question to the Step Functions API. */
async function call(action, parameters) {
  const answer = await fetch("/page/executions", {
    method: "POST",
    headers: { "x-amz-target": `AWSStepFunctions.${action}` },
    body: JSON.stringify(parameters),
  });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message ?? body.Message ?? `${action}: ${answer.status}`);
  return body;
}

async function refreshList() {
  const { stateMachines } = await call("ListStateMachines", {});
  const lists = await Promise.all(stateMachines.map(({ stateMachineArn }) => call("ListExecutions", { stateMachineArn })));
  const executions = lists.flatMap(({ executions }) => executions).sort((a, b) => b.startDate - a.startDate);
  list.replaceChildren(...executions.map(optionOf));
  say(executions.length ? "" : "No execution yet. Start one, and load this page again.");
}

function optionOf({ status, startDate, executionArn }) {
  const name = executionArn.split(":").pop();
  const option = document.createElement("option");
  option.value = encodeURIComponent(executionArn);
  option.textContent = `${new Date(startDate * 1000).toLocaleTimeString()} ${name} (${status.toLowerCase()})`;
  return option;
}

/** Shows the execution that the address names, else the newest; looks again while it runs. */
async function follow() {
  const named = location.hash.slice(1) || list.value;
  if (!named) return;
  list.value = named;
  const arn = decodeURIComponent(named);
  const [execution, { definition }, events] = await Promise.all([
    call("DescribeExecution", { executionArn: arn }), call("DescribeStateMachineForExecution", { executionArn: arn }), historyOf(arn)]);
  if (location.hash.slice(1) && location.hash.slice(1) !== named) return;
  render(execution, JSON.parse(definition), fold(events));
  if (execution.status === "RUNNING") setTimeout(follow, REFRESH_MS);
}

async function historyOf(executionArn) {
  const events = [];
  let nextToken;
  do {
    const page = await call("GetExecutionHistory", { executionArn, maxResults: 1000, includeExecutionData: true, nextToken });
    events.push(...page.events);
    nextToken = page.nextToken;
  } while (nextToken);
  return events;
}

function render(execution, definition, { visits, end }) {
  const status = new Map(visits.map((visit) => [visit.name, visit.status]));
  summary.replaceChildren(...figures(execution, visits, end));
  graph.replaceChildren(draw(definition, status, (name) => choose(visits.findLast((visit) => visit.name === name), visits)));
  rows.replaceChildren(...visits.map((visit) => row(visit, visits)));
  summary.hidden = run.hidden = false;
  const last = visits.find((visit) => visit.number === chosen) ?? visits.at(-1);
  if (last) choose(last, visits);
}

function figures({ status, startDate, stopDate, input, output, error, cause }, visits, end) {
  const weights = [weightOf(input), ...visits.map((visit) => visit.weight), weightOf(output)];
  const largest = Math.max(...weights.map(({ bytes }) => bytes));
  const unsaved = Math.max(...weights.map(({ bytes, referenced }) => bytes + referenced));
  const contents = new Map(weights.flatMap(({ references }) => references.map(({ reference, size }) => [reference, size])));
  const moved = [...contents.values()].reduce((sum, size) => sum + size, 0);
  const seconds = ((stopDate ?? Date.now() / 1000) - startDate).toFixed(1);
  const failure = error ?? end?.executionFailedEventDetails?.error;
  return [
    figure("Status", status.toLowerCase(), failure ? `${failure}: ${(cause ?? "").slice(0, 200)}` : "", status === "SUCCEEDED" ? "succeeded" : status === "RUNNING" ? "running" : "failed"),
    figure("Time", `${seconds} s`, `${visits.length} states entered`),
    figure("Largest state", readable(largest), `of ${readable(STATE_LIMIT)} allowed`),
    figure("By reference", readable(moved), `${contents.size} ${contents.size === 1 ? "content" : "contents"}`),
    figure("Without offloading", readable(unsaved), unsaved > STATE_LIMIT ? "the largest state, over the limit" : "the largest state"),
  ];
}

function figure(name, value, remark, status = "") {
  const box = element("dl", "figure"), data = element("dd", `status ${status}`, value);
  box.append(element("dt", "", name), data);
  if (remark) data.append(element("small", "", remark));
  return box;
}

function row(visit, visits) {
  const line = element("tr", "");
  line.dataset.visit = visit.number;
  const name = element("td", "");
  name.append(element("button", `status ${visit.status}`, visit.name));
  const time = visit.until === null ? "" : `${((visit.until - visit.from) * 1000).toFixed(0)} ms`;
  line.append(element("td", "", visit.number), name, element("td", "number", readable(visit.weight.bytes)),
    element("td", "number", visit.weight.referenced ? readable(visit.weight.referenced) : ""), element("td", "number", time));
  line.addEventListener("click", () => choose(visit, visits));
  return line;
}

function choose(visit, visits) {
  chosen = visit === visits.at(-1) ? null : visit.number;
  for (const line of rows.children) line.classList.toggle("chosen", Number(line.dataset.visit) === visit.number);
  for (const node of graph.querySelectorAll(".node")) node.classList.toggle("chosen", node.dataset.state === visit.name);
  const parts = [element("h2", `status ${visit.status}`, `${visit.number}. ${visit.name}`)];
  if (visit.error) parts.push(element("p", "cause", `${visit.error.error}\n${visit.error.cause}`));
  parts.push(...side("Input", visit.input), ...side("Output", visit.output));
  detail.replaceChildren(...parts);
}

function side(name, text) {
  if (text === null || text === undefined) return [];
  return [element("h3", "", `${name}, ${readable(bytesOf(text))}`), show(text, content.open)];
}

function say(text) {
  notice.textContent = text;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}
