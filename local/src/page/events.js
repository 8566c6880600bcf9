// Every event of an execution, in the order in which it was told.

import { button, copyButton, made } from "./dom.js";
import { errorOf } from "./history.js";
import { show } from "./json.js";
import { duration, readable } from "./references.js";
import { heads, sorted } from "./sorting.js";
import { badge } from "./status.js";

const PAGE = 300;
const ERROR = /(Failed|TimedOut|Aborted)$/;

/** @param filter `{search, errors}`; @param choose called with an event */
export function events(all, { places }, { search, errors }, limit, choose, sorting) {
  const first = all[0]?.timestamp ?? 0;
  const retried = retriesIn(all, places);
  const found = all.filter((event) => (!errors || ERROR.test(event.type) || retried.has(event.id)) && (!search || JSON.stringify(event).toLowerCase().includes(search)));
  const columns = [
    ["#", ({ id }) => id],
    ["After", ({ timestamp }) => timestamp],
    ["Event", ({ type }) => type],
    ["State", (event) => stateOf(event, places.get(event.id))],
    ["What"],
  ];
  const rows = sorted(sorting, columns, found).slice(0, limit).map((event) => row(event, { at: event.timestamp - first, place: places.get(event.id), attempt: retried.get(event.id), choose }));
  const more = found.length > limit ? made("p", "faint", `${found.length - limit} more events.`) : null;
  return made("div", "events", made("p", "faint count", `${found.length} of ${all.length} events`), made("table", "", heads(sorting, columns), made("tbody", "", rows)), more);
}

export const FIRST = PAGE;

/** Of every task that is scheduled again: which attempt it is. */
function retriesIn(all, places) {
  const attempts = new Map(), retried = new Map();
  for (const event of all) {
    const visit = places.get(event.id)?.visit;
    if (!visit || !/^(Task|LambdaFunction|Activity)Scheduled$/.test(event.type)) continue;
    const attempt = (attempts.get(visit) ?? 0) + 1;
    attempts.set(visit, attempt);
    if (attempt > 1) retried.set(event.id, attempt);
  }
  return retried;
}

function stateOf(event, place) {
  return event.stateEnteredEventDetails?.name ?? event.stateExitedEventDetails?.name ?? place?.visit?.name ?? place?.scope?.parent.name ?? "";
}

function row(event, { at, place, attempt, choose }) {
  const name = stateOf(event, place);
  const opener = button("event", spaced(event.type), () => choose(event));
  opener.dataset.key = `event ${event.id}`;
  const kind = ERROR.test(event.type) ? badge("failed", "") : null;
  const line = made("tr", ERROR.test(event.type) ? "error" : "", made("td", "number", String(event.id)), made("td", "number", duration(at)), made("td", "", kind, opener, made("span", "faint narrow", name)), made("td", "", name), made("td", "what", whatOf(event, attempt)));
  line.addEventListener("click", () => choose(event));
  return line;
}

function spaced(type) {
  return type.replace(/(?<=[a-z])(?=[A-Z])/g, " ");
}

function whatOf(event, attempt) {
  const details = Object.entries(event).find(([key]) => key.endsWith("EventDetails"))?.[1] ?? {};
  if (ERROR.test(event.type)) return Object.values(errorOf(event)).filter(Boolean).join(": ").slice(0, 300);
  const data = details.output ?? details.input ?? details.parameters;
  const parts = [attempt ? `attempt ${attempt}` : "", details.index === undefined ? "" : `iteration ${details.index + 1}`, details.resource ?? "", typeof data === "string" ? readable(data.length) : ""];
  return parts.filter(Boolean).join(", ");
}

/** One event in full. */
export function eventInFull(event, open) {
  const text = JSON.stringify(event, null, 2);
  return [made("h2", "", `Event ${event.id}: ${spaced(event.type)}`), made("p", "faint", new Date(event.timestamp * 1000).toISOString(), " ", copyButton("the event", text)), show(unfolded(event), open)];
}

/** With the JSON that is in its texts as JSON. */
function unfolded(event) {
  return JSON.stringify(event, (_, value) => {
    if (typeof value !== "string" || !/^[[{]/.test(value)) return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  });
}
