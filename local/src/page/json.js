// JSON to look at: objects fold, long texts are cut, and references are buttons that open what they stand for.

import { made } from "./dom.js";
import { piecesOf, readable } from "./references.js";

const LONGEST_TEXT = 600, OPEN_DEPTH = 2, LONGEST_LIST = 100;

/** @param text JSON, or anything else, which is shown as it is; @param open called with `{reference, size}` */
export function show(text, open) {
  const root = made("div", "json");
  root.append(parsed(text, open));
  return root;
}

function parsed(text, open) {
  try {
    return shown(JSON.parse(text), open, 0, "");
  } catch {
    return shownText(text, open);
  }
}

/** @param key the text before the value: a member's name, an index, or nothing */
function shown(value, open, depth, key) {
  if (value !== null && typeof value === "object" && Object.keys(value).length > 0) return folded(value, open, depth, key);
  const line = made("div", "");
  if (key) line.append(made("span", "key", key));
  line.append(typeof value === "string" ? shownText(value, open) : made("span", "", JSON.stringify(value)));
  return line;
}

function folded(value, open, depth, key) {
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  const details = made("details", "");
  const summary = made("summary", "", isList ? `[${entries.length}]` : `{${entries.length}}`);
  if (key) summary.prepend(made("span", "key", key));
  details.append(summary);
  // What is folded is not made before it is opened: a state may hold thousands of values.
  const fill = () => details.childElementCount === 1 && append(details, entries, open, depth, 0);
  details.addEventListener("toggle", fill);
  if (depth < OPEN_DEPTH) {
    details.open = true;
    fill();
  }
  return details;
}

function append(details, entries, open, depth, from) {
  for (const [key, value] of entries.slice(from, from + LONGEST_LIST)) {
    details.append(shown(value, open, depth + 1, `${key}: `));
  }
  const next = from + LONGEST_LIST;
  if (next < entries.length) details.append(more(`${entries.length - next} more`, () => append(details, entries, open, depth, next)));
}

function shownText(text, open) {
  const span = made("span", "text");
  const cut = text.length > LONGEST_TEXT;
  fillText(span, cut ? text.slice(0, LONGEST_TEXT) : text, open);
  const showAll = () => {
    span.replaceChildren();
    fillText(span, text, open);
  };
  if (cut) span.append(more(`… all ${text.length} characters`, showAll));
  return span;
}

function fillText(span, text, open) {
  for (const piece of piecesOf(text)) span.append(typeof piece === "string" ? piece : button(piece, open));
}

function button(piece, open) {
  const opener = made("button", "reference", `content of ${readable(piece.size)}`);
  opener.dataset.reference = piece.reference;
  opener.title = piece.reference;
  opener.addEventListener("click", () => open(piece));
  return opener;
}

function more(label, act) {
  const unfolder = made("button", "more", label);
  unfolder.addEventListener("click", () => {
    unfolder.remove();
    act();
  });
  return unfolder;
}
