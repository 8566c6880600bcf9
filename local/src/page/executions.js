// The list of executions, newest first: searched, filtered by what became of them, and kept up to date.

import { arrows, button, elapsed, made, replace } from "./dom.js";
import { duration, moment } from "./references.js";
import { badge, ofExecution } from "./status.js";

const FILTERS = { all: "All", running: "Running", failed: "Failed", succeeded: "Succeeded" };

/** @param choose called with an ARN */
export function executionsList(choose) {
  const search = made("input", "");
  Object.assign(search, { type: "search", placeholder: "Search names, machines, regions", ariaLabel: "Search executions" });
  const filter = made("select", "", Object.entries(FILTERS).map(([value, name]) => new Option(name, value)));
  filter.setAttribute("aria-label", "Show only");
  const list = made("ol", "executions");
  list.setAttribute("aria-label", "Executions");
  const count = made("p", "faint count");
  count.setAttribute("role", "status");
  const state = { executions: [], chosen: null, list, count, search, filter, choose };
  search.addEventListener("input", () => render(state));
  filter.addEventListener("change", () => render(state));
  arrows(list, "button");
  // From the search into the list.
  search.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    list.querySelector("button")?.focus();
  });
  return {
    root: made("section", "list", made("div", "tools", search, filter), count, list),
    update: (executions) => render(Object.assign(state, { executions })),
    choose: (arn) => render(Object.assign(state, { chosen: arn })),
    search,
  };
}

function render(state) {
  const { executions, list, count } = state;
  const found = executions.filter((execution) => isWanted(execution, state));
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
  const parts = executionArn.split(":");
  const took = stopDate ? duration(stopDate - startDate) : elapsed(startDate, (seconds) => `${duration(seconds)} so far`);
  const machine = (stateMachineArn ?? parts.slice(0, -1).join(":")).split(":").pop();
  const item = button("execution", "", () => choose(executionArn));
  item.append(
    made("span", "name", name ?? parts.pop()),
    made("span", "faint", machine),
    made("span", "line", badge(ofExecution(status)), made("span", "", moment(startDate)), made("span", "", took)),
  );
  item.dataset.key = executionArn;
  if (executionArn === chosen) item.setAttribute("aria-current", "true");
  return item;
}
