// A state machine's definition as a picture, with what an execution did in it.

import { arrange, shortened } from "./layout.js";
import { drawn, shape, word } from "./status.js";

const HEAD = 40, MARGIN = 10, PADDING = 14, GAP = 18, LOOP = 26;

/**
 * @param marks of each state that was visited: `{status, count, retries}`; @param taken edges that were taken, as "from>to";
 * @param choose called with a state's name
 */
export function draw(definition, marks, taken, choose) {
  const layout = arrange(definition);
  const [width, height] = [layout.width + 2 * MARGIN + LOOP, layout.height + 2 * MARGIN];
  const svg = drawn("svg", { viewBox: `${-MARGIN} ${-MARGIN} ${width} ${height}`, "data-width": width, "data-height": height, role: "group", "aria-label": "States" });
  svg.append(arrowHeads());
  paint(svg, layout, 0, 0, { marks, taken, choose });
  return svg;
}

function paint(parent, layout, x, y, context) {
  const group = drawn("g", { transform: `translate(${x} ${y})` });
  const byTaken = layout.edges.toSorted((a, b) => isTaken(a, context) - isTaken(b, context));
  for (const edge of byTaken) group.append(line(edge, isTaken(edge, context)));
  for (const node of layout.nodes.values()) group.append(picture(node, context));
  parent.append(group);
}

function isTaken({ from, to }, { taken }) {
  return taken.has(`${from}>${to}`);
}

/** Through the middles of its places; a line that leads upwards has its head at the upper end. */
function line(edge, taken) {
  const points = pointsOf(edge);
  let path = `M${points[0].join(" ")}`;
  for (let at = 1; at < points.length; at++) {
    const [[x1, y1], [x2, y2]] = [points[at - 1], points[at]];
    path += x1 === x2 ? ` L${x2} ${y2}` : ` C${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2} ${x2} ${y2}`;
  }
  return drawn("path", { class: `edge ${edge.kind} ${taken ? "taken" : ""}`, d: path, [edge.back ? "marker-start" : "marker-end"]: `url(#head${taken ? "-taken" : ""})` });
}

function pointsOf({ stops, back }) {
  const [first, last] = [stops[0], stops.at(-1)];
  const bottom = (item) => item.y + item.height;
  if (stops.length === 1) return loopAt(first);
  // Beside the lines that lead down.
  const shift = back ? 14 : 0;
  const middle = (item) => item.x + item.width / 2;
  const between = stops.slice(1, -1).flatMap((place) => [[middle(place), place.y], [middle(place), place.y + place.rowHeight]]);
  // Beside a box that is higher than its neighbour, straight down first.
  const below = first.y + first.rowHeight > bottom(first) ? [[middle(first) + shift, first.y + first.rowHeight]] : [];
  return [[middle(first) + shift, bottom(first) + (back ? 3 : 0)], ...below, ...between, [middle(last) + shift, last.y - (back ? 0 : 3)]];
}

function loopAt({ x, y, width, height }) {
  return [[x + width, y + height * 0.7], [x + width + LOOP * 0.7, y + height / 2], [x + width + 3, y + height * 0.3]];
}

function picture(node, context) {
  const mark = context.marks.get(node.name);
  const group = drawn("g", { class: `node ${mark ? `visited ${mark.status}` : ""} ${node.inside.length ? "inner" : ""}`, transform: `translate(${node.x} ${node.y})`, "data-state": node.name });
  group.append(drawn("title", {}, titleOf(node, mark)), drawn("rect", { width: node.width, height: node.height, rx: 8 }));
  const left = mark ? (node.width + 22) / 2 : node.width / 2;
  group.append(drawn("text", { x: left, y: 19 }, shortened(node.name)), drawn("text", { class: "kind", x: left, y: 35 }, kindOf(node, mark)));
  if (mark) group.append(iconAt(mark.status));
  paintInside(group, node, context);
  if (mark) makeButton(group, () => context.choose(node.name), titleOf(node, mark));
  return group;
}

function paintInside(group, node, context) {
  const width = node.inside.reduce((sum, box) => sum + box.width, GAP * (node.inside.length - 1));
  let x = (node.width - width) / 2;
  for (const box of node.inside) {
    paint(group, box, x, HEAD + PADDING / 2, context);
    x += box.width + GAP;
  }
}

function kindOf({ state }, mark) {
  const times = mark?.count > 1 ? ` ×${mark.count}` : "";
  return `${state.Type}${times}${mark?.retries ? `, ${mark.retries} ${mark.retries === 1 ? "retry" : "retries"}` : ""}`;
}

function titleOf(node, mark) {
  const { Type, Comment } = node.state;
  return `${node.name} (${Type}${mark ? `, ${word(mark.status)}` : ""})${Comment ? `: ${Comment}` : ""}`;
}

function iconAt(status) {
  const icon = drawn("g", { transform: "translate(10 13)" });
  icon.append(shape(status));
  return icon;
}

function makeButton(group, act, label) {
  for (const [name, value] of [["tabindex", "0"], ["role", "button"], ["aria-label", label]]) group.setAttribute(name, value);
  const once = (event) => {
    event.stopPropagation();
    event.preventDefault();
    act();
  };
  group.addEventListener("click", once);
  group.addEventListener("keydown", (event) => event.target === group && (event.key === "Enter" || event.key === " ") && once(event));
}

function arrowHeads() {
  const definitions = drawn("defs", {});
  for (const id of ["head", "head-taken"]) {
    const marker = drawn("marker", { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" });
    marker.append(drawn("path", { d: "M0 0 L8 4 L0 8 z" }));
    definitions.append(marker);
  }
  return definitions;
}
