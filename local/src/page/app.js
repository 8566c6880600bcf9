// The page: which part of it is shown, kept up to date while it can be seen, and whether its server is there.

import { connection, executionsEverywhere } from "./api.js";
import { made, tick } from "./dom.js";
import { executionsList } from "./executions.js";
import { logsOf, partsHere } from "./parts.js";
import { runView } from "./run.js";

const REFRESH_MS = 1000;
const TITLE = document.title;

const [notice, main, gone, nav] = ["#notice", "main", "#gone", "nav"].map((selector) => document.querySelector(selector));
const run = runView((tab, visit) => {
  if (chosenArn()) history.replaceState(null, "", `#${["executions", encodeURIComponent(chosenArn()), tab, visit].filter(Boolean).join("/")}`);
});
const list = executionsList((arn) => (location.hash = `executions/${encodeURIComponent(arn)}`));
main.append(list.root, run.root);
run.root.hidden = true;

addEventListener("hashchange", () => look());
document.addEventListener("visibilitychange", () => document.hidden || look());
document.addEventListener("keydown", onKey);
connection.addEventListener("gone", ({ detail }) => sayGone(detail));
connection.addEventListener("back", () => (gone.hidden = true));
document.querySelector("#back").addEventListener("click", () => (location.hash = "executions"));
setInterval(tick, 500);
let parts = null, address = null, timer = null, isLooking = false, isAskedAgain = false;
look();

/** Looks now, and again after each answer; what is asked for while it looks comes next. */
async function look() {
  clearTimeout(timer);
  if (isLooking) return void (isAskedAgain = true);
  isLooking = true;
  try {
    say((await refresh()) ?? "");
    document.title = [chosenArn() ? run.title() : "", TITLE].filter(Boolean).join(" · ");
  } catch (error) {
    if (gone.hidden) say(`This cannot be read: ${error.message}`);
  }
  isLooking = false;
  if (document.hidden) return;
  timer = setTimeout(look, isAskedAgain ? 0 : REFRESH_MS);
  isAskedAgain = false;
}

async function refresh() {
  parts ??= await readParts();
  const { part, rest } = place();
  main.dataset.part = part;
  for (const [name, { root }] of Object.entries(parts)) root.hidden = name !== part;
  for (const link of nav.children) link.ariaCurrent = link.hash === `#${part}` ? "page" : "false";
  if (part === "executions") {
    address = location.hash;
    return refreshExecutions();
  }
  list.root.hidden = run.root.hidden = true;
  // Only when one comes there: what a person types there stays.
  if (part === "logs" && address !== location.hash) logsOf(rest ?? "");
  address = location.hash;
  await parts[part].refresh();
  return undefined;
}

async function readParts() {
  const here = await partsHere();
  nav.replaceChildren(...[["executions", "Executions"], ...Object.entries(here).map(([name, { title }]) => [name, title])].map(linkTo));
  main.append(...Object.values(here).map(({ root }) => root));
  return here;
}

function linkTo([part, title]) {
  const link = made("a", "", title);
  link.href = `#${part}`;
  return link;
}

/** What the address names; the executions if it names nothing that is here. */
function place() {
  const [part, rest, tab, visit] = location.hash.slice(1).split("/");
  return { part: parts?.[part] ? part : "executions", rest: rest && decodeURIComponent(rest), tab, visit: Number(visit) || null };
}

async function refreshExecutions() {
  list.root.hidden = false;
  const executions = await executionsEverywhere();
  list.update(executions);
  const named = chosenArn();
  const arn = named ?? (isWide() ? executions[0]?.executionArn : undefined);
  main.dataset.shows = named ? "run" : "list";
  run.root.hidden = arn === undefined;
  if (executions.length === 0) return "No execution yet. Start one: it appears here by itself.";
  list.choose(arn ?? null);
  if (arn === undefined) return undefined;
  await run.open(arn, place());
  await run.refresh();
  return undefined;
}

function chosenArn() {
  const { part, rest } = place();
  return part === "executions" ? rest : undefined;
}

/** Where the list and an execution are beside each other. */
function isWide() {
  return matchMedia("(min-width: 900px)").matches;
}

function say(text) {
  if (notice.textContent !== text) notice.textContent = text;
}

function sayGone(answered) {
  say("");
  gone.querySelector("span").textContent = `lambda-local has not answered since ${answered.toLocaleTimeString()}. The page shows what it answered last, and asks again every second. If lambda-local was stopped, start it again.`;
  gone.hidden = false;
  document.title = `(gone) ${TITLE}`;
}

/** "/" searches, Escape goes one step back: out of a search, a chosen state, an execution. */
function onKey(event) {
  const isField = event.target.matches("input, select, textarea");
  if (event.key === "/" && !isField && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    [parts?.[place().part]?.search, run.search, list.search].find((search) => search?.checkVisibility())?.focus();
  }
  if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
  if (isField && event.target.value && event.target.type === "search") return;
  if (isField) event.target.blur();
  else if (place().part !== "executions") parts[place().part].unchoose();
  else if (!run.unchoose() && chosenArn()) location.hash = "executions";
}
