// Start and duration of each state on one scale of time; every attempt of a task has a separate bar.

import { button, made } from "./dom.js";
import { retriesOf, statusOf } from "./history.js";
import { isAgentRun, isPlumbing, matches, readingOf, statusFor } from "./reading.js";
import { duration } from "./references.js";
import { badge, word } from "./status.js";

const TICKS = 4;

/** @param span `{from, until}` of the execution in seconds; @param all whether plumbing is shown too */
export function timeline({ visits, roots }, span, { search, all }, choose) {
  const scale = { from: span.from, length: Math.max(span.until - span.from, 0.001) };
  const turns = visits.filter((visit) => readingOf(visit).role === "model");
  const context = { scale, turns, search, all: all || Boolean(search), isAgent: isAgentRun(visits), choose };
  return made("div", "timeline", axis(scale), made("ol", "", rowsOf(roots, context, 0)));
}

function axis({ length }) {
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => made("span", "", duration((length * index) / TICKS)));
  return made("div", "axis", made("span", ""), made("div", "", ticks));
}

function rowsOf(visits, context, depth) {
  const shown = visits.filter((visit) => matches(visit, context.search) && (context.all || !isPlumbing(visit, context.isAgent)));
  return shown.flatMap((visit) => [row(visit, context, depth), ...visit.iterations.flatMap((iteration) => [iterationRow(visit, iteration, context, depth + 1), ...rowsOf(iteration.visits, context, depth + 2)])]);
}

function row(visit, context, depth) {
  const line = button("bar-row", "", () => context.choose(visit));
  line.dataset.visit = visit.number;
  line.dataset.key = `bar ${visit.number}`;
  const retries = retriesOf(visit);
  const took = `${visit.until === null ? "running" : duration(visit.until - visit.from)}${retries ? `, ${visit.attempts.length} attempts` : ""}`;
  const name = made("span", "name", badge(statusFor(visit), ""), nameOf(visit, context), made("span", "faint", ` ${took}`));
  indent(name, depth);
  line.append(name, track(context.scale, barsOf(visit)));
  line.title = `${visit.name}: ${word(statusFor(visit))}, starts after ${duration(visit.from - context.scale.from)}, takes ${took}`;
  return made("li", "", line);
}

function nameOf(visit, { turns }) {
  const { role, title } = readingOf(visit);
  const known = { tool: title, model: `Turn ${turns.indexOf(visit) + 1}` }[role];
  return known ? `${known} (${visit.name})` : visit.name;
}

/** Times between attempts are pauses; before the first and after the last the state works itself. */
function barsOf(visit) {
  const whole = { from: visit.from, until: visit.until, kind: `whole ${visit.status}` };
  const attempts = visit.attempts.map(({ from, until, error }) => ({ from, until, kind: `attempt ${error ? "failed" : visit.status === "running" && until === null ? "running" : "succeeded"}` }));
  return [whole, ...attempts];
}

function iterationRow(visit, iteration, { scale }, depth) {
  const status = statusOf(iteration);
  const took = iteration.until === null ? "running" : duration(iteration.until - iteration.from);
  const name = made("span", "name", badge(status, ""), `${visit.type === "Parallel" ? "Branch" : "Iteration"} ${iteration.index + 1}`, made("span", "faint", ` ${took}`));
  indent(name, depth);
  const { from, until } = iteration;
  return made("li", "", made("div", "bar-row", name, track(scale, [{ from, until, kind: `whole ${status}` }])));
}

function indent(name, depth) {
  name.style.setProperty("--depth", depth);
}

function track({ from, length }, bars) {
  const percent = (seconds) => `${Math.min(100, Math.max(0, (seconds / length) * 100))}%`;
  return made("span", "track", bars.map((bar) => {
    const element = made("span", `bar ${bar.kind}`);
    element.style.left = percent(bar.from - from);
    element.style.width = percent((bar.until ?? from + length) - bar.from);
    return element;
  }));
}
