// One execution: its summary in front, then its steps, graph, timeline, events and definition, and beside them one state in full.

import { newEvents, states } from "./api.js";
import * as content from "./content.js";
import { detail, side } from "./detail.js";
import { arrows, chooseTab, copyButton, downloadButton, made, replace, tabs } from "./dom.js";
import { FIRST, eventInFull, events as eventTable } from "./events.js";
import { draw } from "./graph.js";
import { fold, retriesOf } from "./history.js";
import { show } from "./json.js";
import { sortable } from "./sorting.js";
import { visitedOnly } from "./layout.js";
import { markWaiting } from "./retries.js";
import { steps } from "./steps.js";
import { ofExecution, word } from "./status.js";
import { bars, figures, heading, nameOf, outcome } from "./summary.js";
import { timeline } from "./timeline.js";
import { viewer } from "./viewer.js";

const TABS = { steps: "Steps", graph: "Graph", timeline: "Timeline", events: "Events", data: "Input and output", definition: "Definition" };
/** States of a machine that is drawn without those that an execution was not in, until one wants them. */
const MANY = 30;
const ENDED = /^(SUCCEEDED|FAILED|TIMED_OUT|ABORTED)$/;

/** @param moved called with the tab and the number of the state that are shown */
export function runView(moved) {
  const parts = Object.fromEntries(["head", "answer", "figures", "bars", "panel", "side"].map((name) => [name, made("section", name)]));
  const state = { ...parts, arn: null, tab: "steps", execution: null, events: [], folded: null, definition: null, chosen: null, limit: FIRST, moved };
  Object.assign(state, controls(state));
  state.list = tabs("Views of the execution", TABS, (tab) => setTab(state, tab));
  parts.side.setAttribute("aria-label", "Chosen state");
  for (const selector of [".step, summary", ".bar-row", ".event"]) arrows(parts.panel, selector);
  const front = made("div", "front", parts.head, parts.answer, parts.figures, parts.bars);
  const root = made("article", "run", front, made("div", "tools", state.list, state.search, state.onlyErrors, state.all), made("div", "panes", parts.panel, parts.side));
  state.root = root;
  chooseTab(state.list, state.tab);
  return { root, open: (arn, at) => open(state, arn, at), refresh: () => refresh(state), search: state.find, unchoose: () => unchoose(state), title: () => titleOf(state) };
}

function controls(state) {
  const find = made("input", "");
  Object.assign(find, { type: "search", placeholder: "Search states, data", ariaLabel: "Search in this execution" });
  find.addEventListener("input", () => renderPanel(state));
  const checkbox = (text) => {
    const input = made("input", "");
    input.type = "checkbox";
    input.addEventListener("change", () => renderPanel(state));
    return { input, label: made("label", "check", input, text) };
  };
  const [errors, all, visited] = ["Errors and retries only", "Plumbing too", "Only states that were entered"].map(checkbox);
  const picture = viewer("Graph of the state machine", visited.label);
  const sorting = sortable("Events", () => renderPanel(state));
  return { sorting, find, search: find, errors: errors.input, onlyErrors: errors.label, everything: all.input, all: all.label, visited: visited.input, picture };
}

/** @param at `{tab, visit}` which are shown first, if the address names them */
async function open(state, arn, { tab, visit }) {
  if (state.arn === arn) return;
  Object.assign(state, { arn, execution: null, events: [], folded: null, definition: null, chosen: visit ? { visit } : null, limit: FIRST });
  if (Object.hasOwn(TABS, tab)) setTab(state, tab);
  state.root.ariaBusy = "true";
  delete state.side.dataset.shown;
  await refresh(state);
}

/** Reads what is new; an execution that has ended is not read again. */
async function refresh(state) {
  const { arn } = state;
  if (!arn || ENDED.test(state.execution?.status)) return;
  const execution = await states("DescribeExecution", { executionArn: arn });
  const definition = state.definition ?? JSON.parse((await states("DescribeStateMachineForExecution", { executionArn: arn })).definition);
  const read = await newEvents(arn, state.events.length);
  if (state.arn !== arn) return;
  const newest = state.events.at(-1)?.id ?? 0;
  const added = read.filter(({ id }) => id > newest);
  const isFirst = state.execution === null;
  const hasChanged = isFirst || added.length > 0 || execution.status !== state.execution.status;
  if (isFirst) state.visited.checked = countOf(definition) > MANY;
  Object.assign(state, { execution, definition, events: state.events.concat(added) });
  if (added.length > 0 || !state.folded) {
    state.folded = fold(state.events);
    if (!ENDED.test(execution.status)) markWaiting(state.folded, (name) => stateOf(definition, name));
  }
  render(state, hasChanged);
}

function titleOf({ execution }) {
  return execution ? `${nameOf(execution)}: ${word(ofExecution(execution.status))}` : "";
}

/** Tells the address what is shown. */
function tell({ moved, tab, chosen }) {
  moved(tab, chosen?.visit);
}

function countOf({ States }) {
  const inner = (state) => [state.ItemProcessor ?? state.Iterator, ...(state.Branches ?? [])].filter(Boolean);
  return Object.values(States).reduce((sum, state) => sum + 1 + inner(state).reduce((count, box) => count + countOf(box), 0), 0);
}

function render(state, changed) {
  const { execution, folded } = state;
  if (changed) {
    replace(state.head, heading(execution));
    replace(state.figures, figures(execution, folded));
    replace(state.answer, outcome(execution, folded, content.open).filter(Boolean));
    replace(state.bars, bars(folded));
  }
  if (changed || state.tab === "timeline") renderPanel(state);
  renderSide(state);
  state.root.ariaBusy = "false";
}

function setTab(state, tab) {
  if (state.tab === tab) return;
  state.tab = tab;
  chooseTab(state.list, tab);
  state.panel.scrollTop = 0;
  renderPanel(state);
  tell(state);
}

function renderPanel(state) {
  const { tab, folded, execution, search, panel } = state;
  if (!folded) return;
  const wanted = search.value.trim().toLowerCase();
  state.search.hidden = !["steps", "timeline", "events"].includes(tab);
  state.onlyErrors.hidden = tab !== "events";
  state.all.hidden = tab !== "timeline";
  panel.dataset.tab = tab;
  panel.setAttribute("role", "tabpanel");
  panel.setAttribute("aria-label", TABS[tab]);
  const choose = (visit) => chooseVisit(state, visit);
  const span = { from: execution.startDate, until: execution.stopDate ?? Date.now() / 1000 };
  const content = {
    steps: () => [steps(folded, wanted, choose)],
    graph: () => [state.picture.root],
    timeline: () => [timeline(folded, span, { search: wanted, all: state.everything.checked }, choose)],
    events: () => [exportOf(state), eventTable(state.events, folded, { search: wanted, errors: state.errors.checked }, state.limit, (event) => chooseEvent(state, event), state.sorting), moreEvents(state)],
    data: () => dataOf(state),
    definition: () => definitionOf(state),
  }[tab]();
  if (tab !== "graph" || state.picture.root.parentNode !== panel) replace(panel, content.filter(Boolean));
  if (tab === "graph") drawGraph(state);
  mark(state);
}

/** The execution with its definition and all its events, as the Step Functions API told them. */
function exportOf({ execution, definition, events }) {
  return downloadButton("Download as JSON", `${nameOf(execution)}.json`, () => JSON.stringify({ execution, definition, events }, null, 2));
}

function moreEvents(state) {
  if (state.events.length <= state.limit) return null;
  const more = made("button", "more", "Show more");
  more.addEventListener("click", () => {
    state.limit += FIRST;
    renderPanel(state);
  });
  return more;
}

function dataOf({ execution }) {
  return [...side("Input", execution.input, content.open), ...side("Output", execution.output, content.open)];
}

function definitionOf({ definition }) {
  const text = JSON.stringify(definition, null, 2);
  return [made("p", "", copyButton("the definition", text)), show(text, content.open)];
}

function drawGraph(state) {
  const { folded, definition, visited, picture } = state;
  const marks = new Map();
  for (const visit of folded.visits) {
    const known = marks.get(visit.name) ?? { count: 0, retries: 0 };
    marks.set(visit.name, { status: visit.status, count: known.count + 1, retries: known.retries + retriesOf(visit) });
  }
  const shown = visited.checked ? visitedOnly(definition, new Set(marks.keys()), folded.taken) : definition;
  if (!shown.StartAt) return;
  picture.show(draw(shown, marks, folded.taken, (name) => chooseVisit(state, folded.visits.findLast((visit) => visit.name === name))));
}

function chooseVisit(state, visit) {
  state.chosen = { visit: visit.number };
  tell(state);
  renderSide(state);
  mark(state);
  state.picture.reveal(visit.name);
  toSide(state);
}

function chooseEvent(state, event) {
  state.chosen = { event: event.id };
  renderSide(state);
  toSide(state);
}

/** On a telephone the state is below the list. */
function toSide({ side, panel }) {
  if (side.getBoundingClientRect().left < panel.getBoundingClientRect().right) side.scrollIntoView({ block: "start", behavior: "smooth" });
}

function unchoose(state) {
  const had = state.chosen !== null;
  state.chosen = null;
  tell(state);
  if (state.folded) renderSide(state);
  mark(state);
  return had;
}

/** Nothing is made anew while nothing changes: what is unfolded or selected there stays. */
function renderSide(state) {
  const { chosen, folded, side, definition, events } = state;
  const visit = folded.visits[(chosen?.visit ?? 0) - 1];
  const key = JSON.stringify([chosen, visit?.status, visit?.attempts.length, visit?.until]);
  if (side.dataset.shown === key) return;
  side.dataset.shown = key;
  if (visit) replace(side, detail(visit, stateOf(definition, visit.name), content.open));
  else if (chosen?.event) replace(side, eventInFull(events.find(({ id }) => id === chosen.event), content.open));
  else replace(side, []);
}

function stateOf({ States }, name) {
  if (States[name]) return States[name];
  const boxes = Object.values(States).flatMap((state) => [state.ItemProcessor ?? state.Iterator, ...(state.Branches ?? [])]).filter(Boolean);
  for (const box of boxes) {
    const found = stateOf(box, name);
    if (found) return found;
  }
  return null;
}

function mark({ chosen, panel, folded }) {
  const visit = folded?.visits[(chosen?.visit ?? 0) - 1];
  for (const line of panel.querySelectorAll("[data-visit]")) line.ariaCurrent = String(Number(line.dataset.visit) === visit?.number);
  for (const node of panel.querySelectorAll(".node")) node.classList.toggle("chosen", node.dataset.state === visit?.name);
}
