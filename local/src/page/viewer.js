// A picture that is larger than its place: zoomed, moved, and fitted, but never so small that its labels cannot be read.

import { button, made } from "./dom.js";
import { drawn } from "./status.js";

/** Pixels of the labels in the picture, and of the smallest that people should have to read, with a little more against rounding. */
const LABEL = 13, READABLE = 11.05;
const SMALLEST = READABLE / LABEL, LARGEST = 3, STEP = 1.25;
const OVERVIEW = 130;

/** @param tools elements that go beside the buttons for the zoom */
export function viewer(label, tools) {
  const place = made("div", "picture");
  place.tabIndex = 0;
  place.setAttribute("role", "region");
  place.setAttribute("aria-label", `${label}: arrow keys move it, + and - zoom, 0 fits it`);
  const overview = drawn("svg", { class: "overview", "aria-hidden": "true" });
  const state = { place, overview, svg: null, scale: 1, fitted: true };
  const bar = made("div", "tools", zoomButtons(state), tools);
  const root = made("div", "viewer", bar, made("div", "frame", place, overview));
  listen(state);
  new ResizeObserver(() => state.svg && (state.fitted ? fit(state) : drawOverview(state))).observe(place);
  return { root, show: (svg) => show(state, svg), fit: () => fit(state), reveal: (name) => reveal(state, name) };
}

function zoomButtons(state) {
  const tool = (text, label, act) => {
    const made = button("tool", text, act);
    made.setAttribute("aria-label", label);
    made.title = label;
    return made;
  };
  return [tool("−", "Zoom out", () => zoom(state, 1 / STEP)), tool("+", "Zoom in", () => zoom(state, STEP)), tool("Fit", "Fit, as far as labels can be read", () => fit(state))];
}

function show(state, svg) {
  state.svg = svg;
  const { scrollTop, scrollLeft } = state.place;
  state.place.replaceChildren(svg);
  if (state.fitted) return fit(state);
  resize(state);
  Object.assign(state.place, { scrollTop, scrollLeft });
}

function fit(state) {
  const { place, svg } = state;
  if (!svg || place.clientWidth === 0) return;
  const { width, height } = svg.dataset;
  state.fitted = true;
  state.scale = Math.max(SMALLEST, Math.min(1.1, place.clientWidth / width, Math.max(place.clientHeight / height, SMALLEST)));
  resize(state);
  place.scrollLeft = (place.scrollWidth - place.clientWidth) / 2;
}

function zoom(state, factor, at = [state.place.clientWidth / 2, state.place.clientHeight / 2]) {
  const { place } = state;
  const scale = Math.max(SMALLEST, Math.min(LARGEST, state.scale * factor));
  const ratio = scale / state.scale;
  const [left, top] = [(place.scrollLeft + at[0]) * ratio - at[0], (place.scrollTop + at[1]) * ratio - at[1]];
  Object.assign(state, { scale, fitted: false });
  resize(state);
  Object.assign(place, { scrollLeft: left, scrollTop: top });
}

function resize(state) {
  const { svg, scale } = state;
  svg.setAttribute("width", svg.dataset.width * scale);
  svg.setAttribute("height", svg.dataset.height * scale);
  drawOverview(state);
}

function listen(state) {
  const { place } = state;
  place.addEventListener("keydown", (event) => {
    const act = { "+": () => zoom(state, STEP), "=": () => zoom(state, STEP), "-": () => zoom(state, 1 / STEP), 0: () => fit(state) }[event.key];
    if (!act || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    act();
  });
  place.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const { left, top } = place.getBoundingClientRect();
    zoom(state, event.deltaY < 0 ? STEP : 1 / STEP, [event.clientX - left, event.clientY - top]);
  }, { passive: false });
  place.addEventListener("scroll", () => drawOverview(state));
  drag(place, ({ movementX, movementY }) => place.scrollBy(-movementX, -movementY));
  drag(state.overview, (event) => centre(state, event));
  state.overview.addEventListener("pointerdown", (event) => centre(state, event));
}

/** Fingers scroll by themselves. */
function drag(element, move) {
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button !== 0) return;
    const end = () => removeEventListener("pointermove", move);
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  });
}

function centre({ place, overview }, { clientX, clientY }) {
  const { left, top, width, height } = overview.getBoundingClientRect();
  place.scrollLeft = ((clientX - left) / width) * place.scrollWidth - place.clientWidth / 2;
  place.scrollTop = ((clientY - top) / height) * place.scrollHeight - place.clientHeight / 2;
}

/** The whole without labels, and in it what can be seen; only where not all can be. */
function drawOverview({ place, overview, svg, scale }) {
  const [width, height] = [Number(svg.dataset.width), Number(svg.dataset.height)];
  overview.toggleAttribute("hidden", place.scrollWidth <= place.clientWidth + 1 && place.scrollHeight <= place.clientHeight + 1);
  const size = OVERVIEW / Math.max(width, height);
  for (const [name, value] of [["width", width * size], ["height", height * size], ["viewBox", `0 0 ${width} ${height}`]]) overview.setAttribute(name, value);
  const seen = { class: "seen", x: place.scrollLeft / scale, y: place.scrollTop / scale, width: place.clientWidth / scale, height: place.clientHeight / scale };
  overview.replaceChildren(...boxesOf(svg, place, scale), drawn("rect", seen));
}

function boxesOf(svg, place, scale) {
  const origin = svg.getBoundingClientRect();
  return [...svg.querySelectorAll(".node > rect")].map((rect) => {
    const { x, y, width, height } = rect.getBoundingClientRect();
    const box = { x: (x - origin.x) / scale, y: (y - origin.y) / scale, width: width / scale, height: height / scale };
    return drawn("rect", { class: rect.parentNode.getAttribute("class"), ...box });
  });
}

function reveal({ place, svg }, name) {
  const node = svg?.querySelector(`[data-state="${CSS.escape(name)}"]`);
  if (!node || !place.checkVisibility()) return;
  const [box, view] = [node.getBoundingClientRect(), place.getBoundingClientRect()];
  if (box.top < view.top || box.bottom > view.bottom) place.scrollTop += box.top - view.top - view.height / 3;
  if (box.left < view.left || box.right > view.right) place.scrollLeft += box.left - view.left - view.width / 3;
}
