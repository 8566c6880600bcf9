// A list of things of one kind: searched, sorted by name, kept up to date, and one of them in full beside it.

import { arrows, button, made, replace } from "./dom.js";
import { heads, sortable, sorted } from "./sorting.js";

/**
 * @param part `{title, read, columns, key, detail, refreshDetail, empty}`: `read` asks the server for the things, a column is
 *   `[title, (thing) => text or elements, className, (thing) => what it is sorted by]`, `detail` gives the elements of one of them and may ask the server
 */
export function listing(part) {
  const search = made("input", "");
  Object.assign(search, { type: "search", placeholder: `Search ${part.title.toLowerCase()}`, ariaLabel: `Search ${part.title.toLowerCase()}` });
  const [count, table, side] = [made("p", "faint count"), made("div", "rows"), made("section", "side")];
  count.setAttribute("role", "status");
  side.setAttribute("aria-label", "Chosen");
  const panel = made("section", "panel", made("div", "tools", search, part.tools ?? []), count, table);
  const state = { part, search, count, table, side, things: [], chosen: null, shown: "" };
  state.sorting = sortable(part.title, () => render(state));
  search.addEventListener("input", () => render(state));
  arrows(table, ".row");
  return {
    root: made("div", "panes", panel, side),
    search,
    refresh: () => refresh(state),
    choose: (key) => choose(state, key),
    unchoose: () => unchoose(state),
  };
}

async function refresh(state) {
  state.things = await state.part.read();
  render(state);
  await showChosen(state);
}

function render(state) {
  const { part, things, search, count, table } = state;
  const wanted = search.value.trim().toLowerCase();
  const found = things.filter((thing) => JSON.stringify(thing).toLowerCase().includes(wanted));
  const many = found.length === things.length ? `${things.length}` : `${found.length} of ${things.length}`;
  count.textContent = things.length === 0 ? part.empty : many;
  const columns = part.columns.map(([title, , className, value]) => [title, value, className]);
  const rows = sorted(state.sorting, columns, found).map((thing) => rowOf(state, thing));
  // Most seconds nothing has changed, and a row that is being read stays.
  const key = JSON.stringify([state.chosen, state.sorting, rows.map((row) => row.textContent)]);
  if (state.shown === key) return;
  state.shown = key;
  replace(table, found.length === 0 ? [] : [made("table", "", heads(state.sorting, columns), made("tbody", "", rows))]);
}

function rowOf(state, thing) {
  const { columns, key } = state.part;
  const [[, first], ...others] = columns;
  const opener = button("row", "", () => choose(state, key(thing)));
  opener.append(...[first(thing)].flat());
  opener.dataset.key = key(thing);
  const line = made("tr", "", made("td", "", opener), others.map(([title, cell, className]) => labelled(title, made("td", className ?? "", cell(thing)))));
  if (key(thing) === state.chosen) opener.setAttribute("aria-current", "true");
  return line;
}

/** On a telephone a row is a block, and each of its cells begins with the column's title. */
function labelled(title, cell) {
  cell.dataset.title = title;
  return cell;
}

async function choose(state, key) {
  state.chosen = key;
  render(state);
  await showChosen(state);
  const { side, table } = state;
  if (side.childElementCount && side.getBoundingClientRect().left < table.getBoundingClientRect().right) side.scrollIntoView({ block: "start" });
}

function unchoose(state) {
  const had = state.chosen !== null;
  state.chosen = null;
  state.side.dataset.shown = "";
  state.side.replaceChildren();
  render(state);
  return had;
}

async function showChosen(state) {
  const { part, side, chosen } = state;
  const thing = state.things.find((candidate) => part.key(candidate) === chosen);
  if (!thing || !part.detail) return thing ?? side.replaceChildren();
  const more = part.more ? await part.more(thing) : null;
  const shown = JSON.stringify([thing, more]);
  if (chosen !== state.chosen || side.dataset.shown === shown) return undefined;
  side.dataset.shown = shown;
  return replace(side, part.detail(thing, more));
}
