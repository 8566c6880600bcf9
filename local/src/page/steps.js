// The steps of an execution as a person tells them: the model's calls, the tools, what failed; plumbing folded between them.

import { button, made } from "./dom.js";
import { retriesOf, statusOf } from "./history.js";
import { dollars, isAgentRun, isPlumbing, matches, readingOf, statusFor, worded } from "./reading.js";
import { duration, readable, weightOf } from "./references.js";
import { waitingShort } from "./retries.js";
import { badge, word } from "./status.js";

/** @param choose called with a visit; @param search in lower case */
export function steps({ visits, roots }, search, choose) {
  const turns = visits.filter((visit) => readingOf(visit).role === "model");
  const context = { isAgent: isAgentRun(visits), turns, search, choose };
  return listOf(roots, context);
}

/** With a search all that it finds is shown, plumbing too. */
function listOf(visits, context) {
  const found = visits.filter((visit) => matches(visit, context.search));
  const list = made("ol", "steps");
  let quiet = [];
  const flush = () => {
    if (quiet.length > 0) list.append(folded(quiet, context));
    quiet = [];
  };
  for (const visit of found) {
    if (!context.search && isPlumbing(visit, context.isAgent)) quiet.push(visit);
    else {
      flush();
      list.append(step(visit, context));
    }
  }
  flush();
  return list;
}

function folded(visits, context) {
  const names = [...new Set(visits.map(({ name }) => name))].join(", ");
  const label = `${visits.length} ${visits.length === 1 ? "state" : "states"} of plumbing`;
  const details = lazy(`quiet ${visits[0].number}`, [made("span", "faint", `${label}: ${names}`)], () => made("ol", "steps", visits.map((visit) => step(visit, context))));
  return made("li", "quiet", details);
}

/** What is folded is made when it is unfolded. */
function lazy(key, summary, fill) {
  const details = made("details", "", made("summary", "", ...summary));
  details.dataset.key = key;
  details.addEventListener("toggle", () => details.open && details.childElementCount === 1 && details.append(fill()));
  return details;
}

function step(visit, context) {
  const line = button(`step of-${readingOf(visit).role}`, "", () => context.choose(visit));
  line.dataset.visit = visit.number;
  line.dataset.key = `visit ${visit.number}`;
  const status = statusFor(visit);
  line.append(badge(status, ""), titleOf(visit, context), figuresOf(visit));
  line.querySelector(".status").title = word(status);
  return made("li", "", line, visit.error ? made("p", "cause", `${visit.error.error}${visit.error.cause ? `: ${worded(visit.error.cause).slice(0, 300)}` : ""}`) : null, inside(visit, context));
}

function titleOf(visit, { turns }) {
  const { role, title, calls, text } = readingOf(visit);
  const said = calls.length ? `calls ${calls.join(", ")}` : text.slice(0, 160);
  if (role === "model") return made("span", "title", made("b", "", `Turn ${turns.indexOf(visit) + 1}`), ` ${title} `, made("span", "faint", said));
  if (role === "tool") return made("span", "title", made("b", "", title), made("span", "faint", ` ${visit.name}`));
  return made("span", "title", visit.name, made("span", "faint", ` ${visit.type}`));
}

function figuresOf(visit) {
  const { role, tokens, cost } = readingOf(visit);
  const weight = weightOf(visit.output ?? visit.input);
  const retries = retriesOf(visit);
  const figures = [
    visit.status === "succeeded" ? null : badge(visit.status),
    statusFor(visit) === visit.status ? null : badge("caught", "error for the model"),
    retries ? retried(retries) : null,
    visit.next ? waitingShort(visit.next) : null,
    role === "model" && tokens.input_tokens !== undefined ? `${tokens.input_tokens} → ${tokens.output_tokens} tokens` : null,
    role === "model" && tokens.input_tokens !== undefined ? dollars(cost) : null,
    weight.referenced ? `${readable(weight.referenced)} by reference` : null,
    readable(weight.bytes),
    visit.until === null ? "…" : duration(visit.until - visit.from),
  ];
  return made("span", "figures", figures.filter(Boolean).map((figure) => made("span", "", figure)));
}

function retried(count) {
  return made("span", "retried", `${count} ${count === 1 ? "retry" : "retries"}`);
}

/** The iterations of a Map, the branches of a Parallel: each folds, and those with an error are open. */
function inside(visit, context) {
  if (visit.iterations.length === 0) return null;
  const what = visit.type === "Parallel" ? "Branch" : "Iteration";
  return made("ol", "iterations", visit.iterations.toSorted((a, b) => a.index - b.index).map((iteration) => {
    const isTold = iteration.visits.some((inner) => readingOf(inner).isError);
    const status = isTold && statusOf(iteration) === "succeeded" ? "caught" : statusOf(iteration);
    const tools = iteration.visits.filter((inner) => readingOf(inner).role === "tool").map((inner) => readingOf(inner).title);
    const took = iteration.until === null ? "…" : duration(iteration.until - iteration.from);
    const label = made("span", "title", `${what} ${iteration.index + 1} `, made("b", "", [...new Set(tools)].join(", ")));
    const retries = iteration.visits.reduce((sum, inner) => sum + retriesOf(inner), 0);
    const figures = [status === "succeeded" ? null : badge(status), retries ? retried(retries) : null, made("span", "", took)];
    const summary = [badge(status, ""), label, made("span", "figures", figures)];
    const details = lazy(`${visit.number} iteration ${iteration.index}`, summary, () => listOf(iteration.visits, context));
    details.open = status !== "succeeded" || Boolean(context.search);
    return made("li", "iteration", details);
  }));
}
