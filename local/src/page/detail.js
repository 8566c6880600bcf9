// One state in full: when, how often it was tried, what went in, and what came out.

import { copyButton, made } from "./dom.js";
import { show } from "./json.js";
import { dollars, parsed, readingOf } from "./reading.js";
import { waitingFor } from "./retries.js";
import { bytesOf, duration, moment, readable } from "./references.js";
import { badge } from "./status.js";

/** @param definition of the state; @param open called with a reference */
export function detail(visit, definition, open) {
  const title = made("h2", "", badge(visit.status, ""), ` ${visit.number}. ${visit.name}`);
  return [
    title,
    made("p", "faint", `${visit.type}, ${badge(visit.status).textContent}, entered ${moment(visit.from)}${visit.until === null ? "" : `, took ${duration(visit.until - visit.from)}`}`),
    modelCall(visit),
    logsOfFunction(visit),
    visit.error ? made("p", "cause", `${visit.error.error}\n${visit.error.cause}`) : null,
    ...attempts(visit),
    ...side("Input", visit.input, open),
    ...side("Output", visit.output, open),
    ...side("Assigned variables", assigned(visit), open),
    ...request(visit, open),
    ...side("Definition", definition ? JSON.stringify(definition) : null, open),
  ].filter(Boolean);
}

function modelCall(visit) {
  const { role, title, tokens, cost } = readingOf(visit);
  if (role !== "model" || tokens.input_tokens === undefined) return null;
  return made("p", "", `${title}: ${tokens.input_tokens.toLocaleString()} tokens read, ${tokens.output_tokens.toLocaleString()} written, ${dollars(cost)}`);
}

/** The function that a task invoked, by its name in the ARN. */
function logsOfFunction(visit) {
  const name = parsed(visit.attempts.at(-1)?.given)?.FunctionName?.split(":")[6] ?? null;
  if (!name) return null;
  const link = made("a", "", `Logs of ${name}`);
  link.href = `#logs/${encodeURIComponent(name)}`;
  return made("p", "", link);
}

/** Each value is JSON text of its own. */
function assigned({ assigned }) {
  if (!assigned || Object.keys(assigned).length === 0) return null;
  return JSON.stringify(Object.fromEntries(Object.entries(assigned).map(([name, value]) => [name, parsed(value) ?? value])));
}

/** A single attempt that succeeded is no news. */
function attempts({ attempts, from, next }) {
  if (attempts.length === 0 || (attempts.length === 1 && !attempts[0].error)) return [];
  const rows = attempts.map((attempt, index) => {
    const took = attempt.until === null ? "running" : duration(attempt.until - attempt.from);
    const pause = index > 0 ? `, ${duration(attempt.from - attempts[index - 1].until)} after the one before` : `, ${duration(attempt.from - from)} after the start`;
    const status = attempt.error ? "failed" : attempt.until === null ? "running" : "succeeded";
    return made("li", "", badge(status), ` took ${took}${pause}`, attempt.error ? made("p", "cause", `${attempt.error.error}: ${attempt.error.cause.slice(0, 600)}`) : null);
  });
  if (next) rows.push(made("li", "", badge("waiting"), " ", waitingFor(next)));
  return [made("h3", "", `${attempts.length} ${attempts.length === 1 ? "attempt" : "attempts"}`), made("ol", "attempts", rows)];
}

/** What a task was sent and what it returned, where that is not the state's own input and output. */
function request({ attempts, input, output }, open) {
  const last = attempts.at(-1);
  if (!last) return [];
  return [...(last.given === input ? [] : side("Sent to the task", last.given, open)), ...(last.output === output ? [] : side("Result of the task", last.output, open))];
}

export function side(name, text, open) {
  if (text === null || text === undefined) return [];
  return [made("h3", "", `${name}, ${readable(bytesOf(text))} `, copyButton(name.toLowerCase(), () => pretty(text))), show(text, open)];
}

/** JSON with line breaks, as people paste it. */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
