// The list of executions: sorted, newest first unless one wants it otherwise, searched, filtered by what became of them, and kept up to date.

import { arrows, button, elapsed, made, replace } from "./dom.js";
import { duration, moment } from "./references.js";
import { badge, ofExecution } from "./status.js";
import { nameOf } from "./summary.js";

const ORDERS = {
  newest: ["Newest first", (one, other) => other.startDate - one.startDate],
  oldest: ["Oldest first", (one, other) => one.startDate - other.startDate],
  longest: ["Longest first", (one, other) => tookOf(other) - tookOf(one)],
  name: ["By name", (one, other) => nameOf(one).localeCompare(nameOf(other), undefined, { numeric: true })],
  machine: ["By state machine", (one, other) => machineOf(one).localeCompare(machineOf(other), undefined, { numeric: true })],
  status: ["By status", (one, other) => ofExecution(one.status).localeCompare(ofExecution(other.status))],
};
const FILTERS = { all: "All", running: "Running", failed: "Failed", succeeded: "Succeeded" };

/** @param choose called with an ARN */
export function executionsList(choose) {
  const search = made("input", "");
  Object.assign(search, { type: "search", placeholder: "Search executions", ariaLabel: "Search executions" });
  const filter = made("select", "", Object.entries(FILTERS).map(([value, name]) => new Option(name, value)));
  filter.setAttribute("aria-label", "Show only");
  const order = made("select", "", Object.entries(ORDERS).map(([value, [name]]) => new Option(name, value)));
  order.setAttribute("aria-label", "Sort");
  const list = made("ol", "executions");
  list.setAttribute("aria-label", "Executions");
  const count = made("p", "faint count");
  count.setAttribute("role", "status");
  const state = { executions: [], chosen: null, list, count, search, filter, order, choose };
  search.addEventListener("input", () => render(state));
  for (const select of [filter, order]) select.addEventListener("change", () => render(state));
  arrows(list, "button");
  // From the search into the list.
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    list.querySelector("button")?.focus();
  });
  return {
    root: made("section", "list", made("div", "tools", search, filter, order), count, list),
    update: (executions) => render(Object.assign(state, { executions })),
    choose: (arn) => render(Object.assign(state, { chosen: arn })),
    search,
  };
}

function render(state) {
  const { executions, list, count } = state;
  const found = executions.filter((execution) => isWanted(execution, state)).sort(ORDERS[state.order.value][1]);
  const key = JSON.stringify([state.chosen, found.map(({ executionArn, status }) => [executionArn, status])]);
  if (key === state.shown) return;
  state.shown = key;
  replace(list, found.map((execution) => made("li", "", entry(execution, state))));
  const many = `${found.length} ${found.length === 1 ? "execution" : "executions"}`;
  const text = found.length === executions.length ? many : `${found.length} of ${executions.length} executions`;
  if (count.textContent !== text) count.textContent = text;
}

function isWanted({ name, executionArn, status }, { search, filter }) {
  const wanted = search.value.trim().toLowerCase();
  const is = ofExecution(status);
  const fits = filter.value === "all" || is === filter.value || (filter.value === "failed" && is === "stopped");
  return fits && (!wanted || `${name} ${executionArn}`.toLowerCase().includes(wanted));
}

function entry({ name, status, startDate, stopDate, executionArn, stateMachineArn }, { chosen, choose }) {
  const took = stopDate ? duration(stopDate - startDate) : elapsed(startDate, (seconds) => `${duration(seconds)} so far`);
  const item = button("execution", "", () => choose(executionArn));
  item.append(
    made("span", "name", nameOf({ name, executionArn })),
    made("span", "faint", machineOf({ executionArn, stateMachineArn })),
    made("span", "line", badge(ofExecution(status)), made("span", "", moment(startDate)), made("span", "", took)),
  );
  item.dataset.key = executionArn;
  if (executionArn === chosen) item.setAttribute("aria-current", "true");
  return item;
}

function machineOf({ executionArn, stateMachineArn }) {
  return stateMachineArn?.split(":").pop() ?? executionArn.split(":").at(-2);
}

function tookOf({ startDate, stopDate }) {
  return (stopDate ?? Date.now() / 1000) - startDate;
}
