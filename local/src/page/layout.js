// Where the states of a definition are in its picture: in ranks from top to bottom, in few crossings, states of a Map or Parallel in a box inside.
//
// Layers as in Sugiyama's method: a line over several ranks passes through a narrow place in each of them. Lines to the same state share those places.

const CHARACTER = 7.9, PADDING = 14, NARROWEST = 142, LONGEST = 30;
const HEIGHT = 44, GAP = 18, PLACE = 8, RANK_GAP = 38;
const SWEEPS = 12;

/** @returns {{width, height, nodes: Map, edges}} positions relative to the box; each edge has the `points` of its line */
export function arrange({ StartAt, States }) {
  const edges = Object.keys(States).flatMap((from) => edgesOf(from, States[from])).filter(({ to }) => States[to]);
  const ranks = ranksOf(StartAt, States, edges);
  const nodes = new Map(Object.entries(States).map(([name, state]) => [name, boxOf(name, state)]));
  const rows = rowsOf(nodes, ranks);
  const lines = edges.map((edge) => lineOf(edge, nodes, ranks, rows));
  order(rows, lines);
  const { width, height } = position(rows, lines);
  return { width, height, nodes, edges: lines };
}

/** Only those states and lines that an execution has been to, with the same in their boxes. */
export function visitedOnly({ StartAt, States }, visited, taken) {
  const kept = Object.entries(States).filter(([name]) => visited.has(name));
  const reduced = kept.map(([name, state]) => [name, reducedState(name, state, visited, taken)]);
  return { StartAt: visited.has(StartAt) ? StartAt : kept[0]?.[0], States: Object.fromEntries(reduced) };
}

function reducedState(name, state, visited, taken) {
  const was = (to) => taken.has(`${name}>${to}`);
  const next = edgesOf(name, state).filter(({ to, kind }) => kind === "next" && was(to)).map(({ to }) => ({ Next: to }));
  const inner = (definition) => definition && visitedOnly(definition, visited, taken);
  const boxes = [state.ItemProcessor ?? state.Iterator, ...(state.Branches ?? [])].map(inner).filter((box) => box?.StartAt);
  return { Type: state.Type, Comment: state.Comment, Choices: next, Catch: (state.Catch ?? []).filter(({ Next }) => was(Next)), Branches: boxes };
}

function edgesOf(from, state) {
  const next = [state.Next, state.Default, ...(state.Choices ?? []).map((choice) => choice.Next)].filter(Boolean);
  const caught = (state.Catch ?? []).map((handler) => handler.Next).filter((to) => !next.includes(to));
  return [...new Set(next)].map((to) => ({ from, to, kind: "next" })).concat([...new Set(caught)].map((to) => ({ from, to, kind: "catch" })));
}

/** The longest way from the start to each state, loops left out; what cannot be reached goes last. */
function ranksOf(start, states, edges) {
  const order = [], seen = new Set(), open = new Set();
  const outgoing = Map.groupBy(edges, ({ from }) => from);
  const visit = (name) => {
    seen.add(name);
    open.add(name);
    for (const edge of outgoing.get(name) ?? []) {
      edge.back = open.has(edge.to);
      if (!seen.has(edge.to)) visit(edge.to);
    }
    open.delete(name);
    order.unshift(name);
  };
  for (const name of [start, ...Object.keys(states)]) if (!seen.has(name)) visit(name);
  const ranks = new Map(order.map((name) => [name, 0]));
  for (const name of order)
    for (const { to, back } of outgoing.get(name) ?? []) if (!back) ranks.set(to, Math.max(ranks.get(to), ranks.get(name) + 1));
  return ranks;
}

function boxOf(name, state) {
  const inside = [state.ItemProcessor ?? state.Iterator, ...(state.Branches ?? [])].filter(Boolean).map(arrange);
  const own = Math.max(NARROWEST, Math.min(name.length, LONGEST) * CHARACTER + 50);
  if (inside.length === 0) return { name, state, inside, width: own, height: HEIGHT };
  const width = Math.max(own, inside.reduce((sum, box) => sum + box.width, GAP * (inside.length - 1)) + 2 * PADDING);
  return { name, state, inside, width, height: HEIGHT + Math.max(...inside.map((box) => box.height)) + PADDING };
}

export function shortened(name) {
  return name.length <= LONGEST ? name : `${name.slice(0, LONGEST - 1)}…`;
}

function rowsOf(nodes, ranks) {
  const rows = [];
  for (const [name, rank] of ranks) (rows[rank] ??= []).push(nodes.get(name));
  return rows;
}

/** A line as the things that it joins, from the upper to the lower: its states, and the places between. */
function lineOf(edge, nodes, ranks, rows) {
  const [upper, lower] = edge.back ? [edge.to, edge.from] : [edge.from, edge.to];
  const stops = [nodes.get(upper)];
  for (let rank = ranks.get(upper) + 1; rank < ranks.get(lower); rank++) stops.push(placeOf(rows[rank], `${edge.kind} ${edge.back ? "back " : ""}${edge.to}`));
  return { ...edge, stops: edge.from === edge.to ? stops : [...stops, nodes.get(lower)] };
}

function placeOf(row, shared) {
  const known = row.find((item) => item.shared === shared);
  if (known) return known;
  const place = { shared, width: PLACE, height: 0 };
  row.push(place);
  return place;
}

/** Each row by the middle of what its things are joined to in the row before, downwards and upwards alternately. */
function order(rows, lines) {
  const joined = neighboursOf(lines);
  const renumber = (row) => row.forEach((item, index) => (item.index = index / Math.max(1, row.length - 1)));
  rows.forEach(renumber);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : [...rows].reverse()) {
      for (const item of row) item.wanted = average((joined.get(item)?.[isDown ? "above" : "below"] ?? []).map(({ index }) => index)) ?? item.index;
      row.sort((a, b) => a.wanted - b.wanted);
      renumber(row);
    }
  }
}

function neighboursOf(lines) {
  const joined = new Map();
  const join = (item, side, other) => {
    if (!joined.has(item)) joined.set(item, { above: [], below: [] });
    const list = joined.get(item)[side];
    if (!list.includes(other)) list.push(other);
  };
  for (const { stops } of lines) {
    for (let at = 1; at < stops.length; at++) {
      join(stops[at], "above", stops[at - 1]);
      join(stops[at - 1], "below", stops[at]);
    }
  }
  return joined;
}

function average(numbers) {
  return numbers.length === 0 ? null : numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

function position(rows, lines) {
  const joined = neighboursOf(lines);
  for (const row of rows) spread(row, row.map(() => 0));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isDown = sweep % 2 === 0;
    for (const row of isDown ? rows : [...rows].reverse()) {
      const { above, below } = { above: isDown || sweep > SWEEPS - 3, below: !isDown || sweep > SWEEPS - 3 };
      const near = (item) => [...(above ? (joined.get(item)?.above ?? []) : []), ...(below ? (joined.get(item)?.below ?? []) : [])];
      spread(row, row.map((item) => average(near(item).map(({ centre }) => centre)) ?? item.centre));
    }
  }
  const left = Math.min(...rows.flat().map(({ centre, width }) => centre - width / 2));
  let y = 0;
  for (const row of rows) {
    const height = Math.max(...row.map((item) => item.height));
    for (const item of row) Object.assign(item, { x: item.centre - item.width / 2 - left, y, rowHeight: height });
    y += height + RANK_GAP;
  }
  return { width: Math.max(...rows.flat().map(({ x, width }) => x + width)), height: y - RANK_GAP };
}

/** Sets `centre` of each as near to what is wanted as the order and the widths allow: neighbours that would overlap move as one block. */
function spread(row, wanted) {
  let offset = 0;
  const offsets = row.map((item, index) => (offset += index === 0 ? 0 : (row[index - 1].width + item.width) / 2 + GAP));
  const blocks = [];
  row.forEach((_, index) => {
    blocks.push({ sum: wanted[index] - offsets[index], count: 1 });
    while (blocks.length > 1 && blocks.at(-2).sum / blocks.at(-2).count >= blocks.at(-1).sum / blocks.at(-1).count) {
      const { sum, count } = blocks.pop();
      blocks.at(-1).sum += sum;
      blocks.at(-1).count += count;
    }
  });
  let index = 0;
  for (const { sum, count } of blocks) for (const until = index + count; index < until; index++) row[index].centre = sum / count + offsets[index];
}
