// What became of something, by shape and word as well as by colour.

import { made } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** The words that people read, and the shape beside them on a square of 16. */
const KNOWN = {
  succeeded: ["succeeded", "M8 1.5a6.5 6.5 0 1 0 .001 0z", "M4.8 8.3l2.2 2.2 4.2-4.6"],
  failed: ["failed", "M2 2h12v12h-12z", "M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6"],
  running: ["running", "M8 1l7 7-7 7-7-7z", "M6.6 5.2l4.2 2.8-4.2 2.8z"],
  caught: ["error caught", "M8 1.2l7.2 13h-14.4z", "M8 5.6v4.2m0 1.6v1.2"],
  stopped: ["stopped", "M5 1.5h6l3.5 3.5v6l-3.5 3.5h-6l-3.5-3.5v-6z", "M5.4 8h5.2"],
  waiting: ["waiting", "M3 1.5h10l-3.6 6.5 3.6 6.5h-10l3.6-6.5z", "M6.4 12.4h3.2"],
};

/** A status of the Step Functions API in this page's words. */
export function ofExecution(status) {
  return { SUCCEEDED: "succeeded", RUNNING: "running", PENDING_REDRIVE: "running", ABORTED: "stopped" }[status] ?? "failed";
}

/** The shape alone, for pictures; its size is that of the text around it. */
export function shape(status) {
  const group = drawn("g", { class: `shape ${status}` });
  const [, outline, inside] = KNOWN[status] ?? KNOWN.stopped;
  group.append(drawn("path", { class: "outline", d: outline }), drawn("path", { class: "inside", d: inside }));
  return group;
}

/** The shape with its word, or with other words in its place; without words the word is only read out. */
export function badge(status, words = word(status)) {
  const svg = drawn("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" });
  svg.append(shape(status));
  return made("span", `status ${status}`, svg, words || made("span", "unseen", word(status)));
}

export function word(status) {
  return KNOWN[status]?.[0] ?? status;
}

export function drawn(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
