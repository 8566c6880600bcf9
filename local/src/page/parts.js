// What else runs on this machine, as lists: functions, queues, topics, schedules, routes, tables and logs.

import { ask } from "./api.js";
import * as content from "./content.js";
import { copyButton, made } from "./dom.js";
import { show } from "./json.js";
import { listing } from "./listing.js";
import { duration, moment, readable } from "./references.js";
import { badge } from "./status.js";

const read = (part, name = part) => async () => (await ask(`/page/${part}`))[name];
const query = (path, parameters) => ask(`${path}?${new URLSearchParams(parameters)}`);
const nameOf = ({ name }) => name;
const named = ({ region, name }) => [made("b", "", name), region ? made("span", "faint", ` ${region}`) : ""];

const functions = {
  title: "Functions",
  empty: "No function yet. Functions of the configuration or of a stack appear here by themselves.",
  read: read("functions"),
  key: ({ arn }) => arn,
  columns: [
    ["Function", named, "", nameOf],
    ["Invocations", ({ invocations }) => String(invocations.length), "number", ({ invocations }) => invocations.length],
    ["Failed", ({ invocations }) => String(failedOf(invocations)), "number", ({ invocations }) => failedOf(invocations)],
    ["Last", ({ invocations }) => lastOf(invocations), "", ({ invocations: [last] }) => last?.at ?? null],
  ],
  detail: ({ name, arn, runtime, memory, timeout, invocations }) => [
    made("h2", "", name),
    made("p", "faint", `${[runtime, `${memory} MB`, `${timeout} s`].filter(Boolean).join(", ")} `, copyButton("the ARN", arn)),
    made("p", "", linkTo(`logs/${encodeURIComponent(name)}`, "Logs of this function")),
    made("h3", "", invocations.length ? "Last invocations" : "Not invoked yet"),
    made("ol", "invocations", invocations.map(invocation)),
  ],
};

function failedOf(invocations) {
  return invocations.filter(({ error }) => error).length;
}

function lastOf([last]) {
  return last ? [badge(last.error ? "failed" : "succeeded"), ` ${moment(last.at)}`] : "";
}

function linkTo(part, text) {
  const link = made("a", "", text);
  link.href = `#${part}`;
  return link;
}

function invocation({ request_id, at, milliseconds, init, memory, error, log }) {
  const figures = [duration(milliseconds / 1000), init === null ? "" : `start ${duration(init / 1000)}`, `${memory} MB`].filter(Boolean).join(", ");
  const details = made("details", "", made("summary", "", badge(error ? "failed" : "succeeded", error ?? undefined), ` ${moment(at)}, ${figures}`), made("p", "faint", request_id, " ", copyButton("the request id", request_id)), made("pre", "log", log));
  details.dataset.key = `${request_id} ${at}`;
  return made("li", "", details);
}

const queues = {
  title: "Queues",
  empty: "No queue yet.",
  read: read("queues"),
  key: ({ arn }) => arn,
  columns: [
    ["Queue", named, "", nameOf],
    ["Visible", ({ visible }) => String(visible), "number", ({ visible }) => visible],
    ["In flight", ({ in_flight }) => String(in_flight), "number", ({ in_flight }) => in_flight],
    ["Delayed", ({ delayed }) => String(delayed), "number", ({ delayed }) => delayed],
    ["Oldest", ({ oldest }) => (oldest === null ? "" : moment(oldest)), "", ({ oldest }) => oldest],
  ],
  more: ({ arn }) => query("/page/messages", { queue: arn }),
  detail: ({ name, arn, mappings, dead_letters }, { messages }) => [
    made("h2", "", name),
    made("p", "faint", arn, " ", copyButton("the ARN", arn)),
    mappings.length ? made("p", "", `Read by ${mappings.join(", ")}`) : null,
    dead_letters ? made("p", "", `Dead letters go to ${dead_letters.split(":").pop()}`) : null,
    made("h3", "", messages.length ? `${messages.length} ${messages.length === 1 ? "message" : "messages"}, looked at without being received` : "No message"),
    made("ol", "messages", messages.map(message)),
  ].filter(Boolean),
};

function message({ id, body, bytes, sent, receives, state, visible_at, attributes, group }) {
  const status = { visible: "waiting", "in flight": "running", delayed: "stopped" }[state];
  const title = [badge(status, state), ` sent ${moment(sent)}, received ${receives} ${receives === 1 ? "time" : "times"}, ${readable(bytes)}${group ? `, group ${group}` : ""}${state === "visible" ? "" : `, visible at ${moment(visible_at)}`}`];
  const values = Object.entries(attributes).map(([name, value]) => `${name}: ${value}`).join(", ");
  const details = made("details", "", made("summary", "", title), made("p", "faint", id, " ", copyButton("the message", body)), values ? made("p", "", values) : null, show(body, content.open));
  details.dataset.key = id;
  details.open = true;
  return made("li", "", details);
}

const topics = {
  title: "Topics",
  empty: "No topic yet.",
  read: read("topics"),
  key: ({ arn }) => arn,
  columns: [
    ["Topic", named, "", nameOf],
    ["Subscriptions", ({ subscriptions }) => String(subscriptions.length), "number", ({ subscriptions }) => subscriptions.length],
    ["To", ({ subscriptions }) => subscriptions.map(({ endpoint }) => endpoint.split(":").pop()).join(", ")],
  ],
  detail: ({ name, arn, subscriptions }) => [
    made("h2", "", name),
    made("p", "faint", arn, " ", copyButton("the ARN", arn)),
    made("ol", "", subscriptions.map(({ protocol, endpoint, filter, dead_letters }) => made("li", "", made("b", "", `${protocol} `), endpoint, filter ? show(filter, content.open) : null, dead_letters ? made("p", "faint", `redrive ${dead_letters}`) : null))),
  ],
};

const schedules = {
  title: "Schedules",
  empty: "No schedule yet.",
  read: read("schedules"),
  key: ({ region, group, name }) => `${region}/${group}/${name}`,
  columns: [
    ["Schedule", named, "", nameOf],
    ["State", ({ state }) => badge(state === "ENABLED" ? "running" : "stopped", state.toLowerCase()), "", ({ state }) => state],
    ["Expression", ({ expression, zone }) => `${expression} ${zone}`, "", ({ expression }) => expression],
    ["Next run", ({ next }) => (next === null ? "never" : moment(next)), "", ({ next }) => next],
    ["Target", ({ target }) => target.split(":").pop(), "", ({ target }) => target.split(":").pop()],
  ],
};

const routes = {
  title: "Routes",
  empty: "No HTTP API and no function URL yet.",
  read: read("routes"),
  key: ({ urls, route, api }) => `${api} ${route} ${urls[0]}`,
  columns: [
    ["Route", ({ route }) => made("b", "", route), "", ({ route }) => route],
    ["API", ({ api, region }) => [api, made("span", "faint", ` ${region}`)], "", ({ api }) => api],
    ["Target", ({ target }) => target.replace(/\/invocations$/, "").split(":function:").pop().split("/").pop()],
    ["Authorization", ({ authorization }) => authorization, "", ({ authorization }) => authorization],
    ["Address", ({ urls }) => urls.map((url) => made("span", "address", url, " ", copyButton("the address", url)))],
  ],
};

const tables = {
  title: "Tables",
  empty: "No table yet.",
  read: read("tables"),
  key: ({ name }) => name,
  columns: [
    ["Table", named, "", nameOf],
    ["Rows", ({ rows }) => rows.toLocaleString(), "number", ({ rows }) => rows],
    ["Size", ({ bytes }) => readable(bytes), "number", ({ bytes }) => bytes],
    ["Key", ({ keys }) => keys.join(", ")],
  ],
  more: ({ name }) => query("/page/rows", { table: name }),
  detail: ({ name, rows }, { items }) => [
    made("h2", "", name),
    made("h3", "", items.length < rows ? `${items.length} of ${rows.toLocaleString()} rows` : `${rows} ${rows === 1 ? "row" : "rows"}`),
    made("ol", "", items.map((item, index) => row(item, index))),
  ],
};

function row(item, index) {
  const text = JSON.stringify(item);
  const details = made("details", "", made("summary", "", text.slice(0, 90)), show(text, content.open));
  details.dataset.key = `row ${index}`;
  return made("li", "", details);
}

const only = made("input", "");
Object.assign(only, { type: "search", placeholder: "Function", ariaLabel: "Only of this function" });

const logs = {
  title: "Logs",
  empty: "No line yet.",
  tools: [only],
  read: async () => (await query("/page/logs", { function: only.value.trim() })).lines,
  key: ({ number }) => String(number),
  columns: [
    ["Line", ({ text }) => made("span", "log", text.slice(0, 400)), "", ({ number }) => number],
    ["Function", ({ function: name, source }) => [name, source === "runtime" ? "" : made("span", "faint", ` ${source}`)], "", ({ function: name }) => name],
    ["Time", ({ at }) => moment(at), "number", ({ at }) => at],
  ],
  detail: ({ text, function: name, at }) => [made("h2", "", name), made("p", "faint", new Date(at * 1000).toISOString(), " ", copyButton("the line", text)), show(text, content.open)],
};

/** Shows the lines of one function, or of all. */
export function logsOf(name) {
  if (only.value !== name) only.value = name;
}

const PARTS = { functions, queues, topics, schedules, routes, tables, logs };

/** Those of which something can be here: without the engine of AWS's other services there are no queues and the like. */
export async function partsHere() {
  const { parts } = await ask("/page/parts");
  return Object.fromEntries(parts.map((name) => [name, { title: PARTS[name].title, ...listing(PARTS[name]) }]));
}
