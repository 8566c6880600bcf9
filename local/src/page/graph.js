// A state machine's definition as a picture: ranks from top to bottom, states inside of a Map or Parallel in a separate box.

const WIDTH = 168, HEIGHT = 38, GAP = 26, RANK_GAP = 34, PADDING = 14, LANE = 12;

/** @param status name of a state -> "succeeded", "failed" … of those that were visited; @param choose called with a state's name */
export function draw(definition, status, choose) {
  const layout = arrange(definition);
  const margin = LANE * 4;
  const svg = element("svg", { viewBox: `${-margin} -4 ${layout.width + 2 * margin} ${layout.height + 8}`, width: layout.width + 2 * margin, role: "img" });
  svg.append(arrowHead());
  paint(svg, layout, 0, 0, status, choose);
  return svg;
}

/** Where everything is drawn: `{width, height, nodes, edges}`, positions relative to the box. */
export function arrange({ StartAt, States }) {
  const edges = Object.keys(States).flatMap((from) => edgesOf(from, States[from]));
  const ranks = ranksOf(StartAt, States, edges);
  const nodes = new Map(Object.entries(States).map(([name, state]) => [name, boxOf(name, state)]));
  const rows = [];
  for (const [name, rank] of ranks) (rows[rank] ??= []).push(nodes.get(name));
  const width = Math.max(...rows.map(widthOf));
  let y = 0;
  for (const row of rows) {
    let x = (width - widthOf(row)) / 2;
    for (const node of row) {
      Object.assign(node, { x, y });
      x += node.width + GAP;
    }
    y += Math.max(...row.map((node) => node.height)) + RANK_GAP;
  }
  return { width, height: y - RANK_GAP, nodes, edges: edges.map((edge) => ({ ...edge, span: ranks.get(edge.to) - ranks.get(edge.from) })) };
}

function edgesOf(from, state) {
  const next = [state.Next, state.Default, ...(state.Choices ?? []).map((choice) => choice.Next)].filter(Boolean);
  const caught = (state.Catch ?? []).map((handler) => handler.Next);
  return [...new Set(next)].map((to) => ({ from, to, kind: "next" })).concat([...new Set(caught)].map((to) => ({ from, to, kind: "catch" })));
}

/** The longest way from the start to each state, loops left out; what cannot be reached goes last. */
function ranksOf(start, states, edges) {
  const order = [], seen = new Set(), back = new Set();
  const outgoing = (name) => edges.filter((edge) => edge.from === name);
  const visit = (name, path) => {
    seen.add(name);
    for (const edge of outgoing(name)) {
      if (path.has(edge.to)) back.add(edge);
      else if (!seen.has(edge.to)) visit(edge.to, new Set(path).add(edge.to));
    }
    order.unshift(name);
  };
  for (const name of [start, ...Object.keys(states)]) if (!seen.has(name)) visit(name, new Set([name]));
  const ranks = new Map(order.map((name) => [name, 0]));
  for (const name of order)
    for (const edge of outgoing(name)) if (!back.has(edge)) ranks.set(edge.to, Math.max(ranks.get(edge.to), ranks.get(name) + 1));
  return ranks;
}

function boxOf(name, state) {
  const inside = [state.ItemProcessor ?? state.Iterator, ...(state.Branches ?? [])].filter(Boolean).map(arrange);
  if (inside.length === 0) return { name, state, inside, width: WIDTH, height: HEIGHT };
  const width = Math.max(WIDTH, inside.reduce((sum, box) => sum + box.width + 2 * LANE, GAP * (inside.length - 1)) + 2 * PADDING);
  return { name, state, inside, width, height: HEIGHT + Math.max(...inside.map((box) => box.height)) + 2 * PADDING };
}

function widthOf(row) {
  return row.reduce((sum, node) => sum + node.width, GAP * (row.length - 1));
}

function paint(parent, layout, x, y, status, choose) {
  const group = element("g", { transform: `translate(${x} ${y})` });
  layout.edges.forEach((edge, index) => group.append(arrow(layout, edge, index)));
  for (const node of layout.nodes.values()) group.append(picture(node, status, choose));
  parent.append(group);
}

function picture(node, status, choose) {
  const visited = status.get(node.name);
  const group = element("g", { class: `node ${visited ? `visited ${visited}` : ""} ${node.inside.length ? "inner" : ""}`, transform: `translate(${node.x} ${node.y})`, "data-state": node.name });
  group.append(element("title", {}, `${node.name} (${node.state.Type})${node.state.Comment ? `: ${node.state.Comment}` : ""}`));
  group.append(element("rect", { width: node.width, height: node.height, rx: 7 }));
  group.append(element("text", { x: node.width / 2, y: 17 }, shortened(node.name)), element("text", { class: "kind", x: node.width / 2, y: 30 }, node.state.Type));
  let x = PADDING + LANE;
  for (const box of node.inside) {
    paint(group, box, x, HEIGHT + PADDING / 2, status, choose);
    x += box.width + 2 * LANE + GAP;
  }
  if (visited) makeButton(group, () => choose(node.name));
  return group;
}

function makeButton(group, act) {
  group.setAttribute("tabindex", "0");
  group.setAttribute("role", "button");
  const once = (event) => {
    event.stopPropagation();
    act();
  };
  group.addEventListener("click", once);
  group.addEventListener("keydown", (event) => (event.key === "Enter" || event.key === " ") && once(event));
}

/** Straight down to the next rank; beside the boxes, to the right over several ranks, and to the left upwards. */
function arrow({ nodes, width }, edge, index) {
  const from = nodes.get(edge.from), to = nodes.get(edge.to);
  const [x1, x2] = [from.x + from.width / 2, to.x + to.width / 2];
  const lane = LANE * (1 + (index % 3));
  const side = edge.span > 0 ? width + lane : -lane;
  const [y1, y2] = [from.y + from.height / 2, to.y + to.height / 2];
  const [right1, right2] = edge.span > 0 ? [from.x + from.width, to.x + to.width] : [from.x, to.x];
  const path = edge.span === 1
    ? `M${x1} ${from.y + from.height} C${x1} ${to.y - RANK_GAP / 2} ${x2} ${from.y + from.height + RANK_GAP / 2} ${x2} ${to.y - 2}`
    : `M${right1} ${y1} C${side} ${y1} ${side} ${y1} ${side} ${(y1 + y2) / 2} S${side} ${y2} ${right2 + (edge.span > 0 ? 2 : -2)} ${y2}`;
  return element("path", { class: `edge ${edge.kind}`, d: path, "marker-end": "url(#head)" });
}

function arrowHead() {
  const marker = element("marker", { id: "head", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse" });
  marker.append(element("path", { d: "M0 0 L8 4 L0 8 z" }));
  const definitions = element("defs", {});
  definitions.append(marker);
  return definitions;
}

function shortened(name) {
  return name.length <= 24 ? name : `${name.slice(0, 23)}…`;
}

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}
