// Tables that are sorted by a column: a click on its title sorts by it, and another one the other way around.

import { button, made } from "./dom.js";

/**
 * What a table is sorted by now: at first by nothing, which is the order in which the server told it.
 * @param what the things' kind, for the hints of the titles; @param changed called after a click
 */
export function sortable(what, changed) {
  return { what, by: null, isDown: false, changed };
}

/** @param columns `[title, (thing) => what it is sorted by, className]`; a column without such a function cannot be sorted by */
export function heads(sorting, columns) {
  return made("thead", "", made("tr", "", columns.map(([title, value, className]) => head(sorting, title, value, className))));
}

function head(sorting, title, value, className) {
  if (!value) return made("th", className ?? "", title);
  const isBy = sorting.by === title;
  const opener = button("sort", title, () => {
    Object.assign(sorting, isBy && sorting.isDown ? { by: null, isDown: false } : { by: title, isDown: isBy });
    sorting.changed();
  });
  opener.dataset.key = `sort ${title}`;
  opener.title = `Sort ${sorting.what.toLowerCase()} by ${title.toLowerCase()}`;
  if (isBy) opener.append(made("span", "", sorting.isDown ? " ↓" : " ↑"));
  const cell = made("th", className ?? "", opener);
  cell.ariaSort = isBy ? (sorting.isDown ? "descending" : "ascending") : "none";
  return cell;
}

/** The things in that order; equal ones stay as they were. */
export function sorted(sorting, columns, things) {
  const value = columns.find(([title]) => title === sorting.by)?.[1];
  if (!value) return things;
  const sign = sorting.isDown ? -1 : 1;
  return things.map((thing) => [value(thing), thing]).sort(([one], [other]) => sign * compared(one, other)).map(([, thing]) => thing);
}

/** Numbers by their size, texts as people sort them; what has no value comes last. */
function compared(one, other) {
  if (typeof one === "number" && typeof other === "number") return one - other;
  if (one === null || other === null) return (one === null) - (other === null);
  return String(one).localeCompare(String(other), undefined, { numeric: true });
}
