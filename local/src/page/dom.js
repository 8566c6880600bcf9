// Elements, and what all lists of this page have in common: copying, arrow keys, and updates that keep focus and scroll position.

/** @param children texts and elements; null and undefined are left out */
export function made(name, className, ...children) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function button(className, label, act) {
  const element = made("button", className, label);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

/** @param text the text, or a function that makes it */
export function copyButton(what, text) {
  const copier = button("copy", "Copy", async () => {
    const copied = await copy(typeof text === "function" ? text() : text);
    copier.textContent = copied ? "Copied" : "Not allowed";
    setTimeout(() => (copier.textContent = "Copy"), 1500);
  });
  copier.setAttribute("aria-label", `Copy ${what}`);
  return copier;
}

/** @param text a function that makes the file's text when it is asked for */
export function downloadButton(label, name, text) {
  return button("copy", label, () => {
    const link = made("a", "");
    link.href = URL.createObjectURL(new Blob([text()], { type: "application/json" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

/** The clipboard is only there on addresses that the browser trusts; the older command works on any. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text).then(() => true, () => copyBySelection(text));
  return copyBySelection(text);
}

function copyBySelection(text) {
  const area = made("textarea", "offscreen", text);
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  return copied;
}

/** Up, Down, Home and End move the focus among what `selector` finds in `container` and can be seen. */
export function arrows(container, selector, [back, forth] = ["ArrowUp", "ArrowDown"]) {
  container.addEventListener("keydown", (event) => {
    const items = [...container.querySelectorAll(selector)].filter((item) => item.checkVisibility());
    const at = items.indexOf(event.target.closest(selector));
    const to = { [back]: at - 1, [forth]: at + 1, Home: 0, End: items.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.target.matches("input, select, textarea")) return;
    event.preventDefault();
    items[Math.max(0, Math.min(to, items.length - 1))].focus();
  });
}

/** What waits for the end of a click: what is pressed must not be replaced before it is released. */
const postponed = new Map();
let isPressed = false;
addEventListener("pointerdown", () => (isPressed = true), true);
for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => setTimeout(release), true);

function release() {
  isPressed = false;
  for (const [container, children] of postponed) replace(container, children);
  postponed.clear();
}

/** Replaces what is in `container`; what was focused, unfolded or scrolled stays so, by its `data-key`. */
export function replace(container, children) {
  if (isPressed && container.childElementCount > 0) return void postponed.set(container, children);
  const focused = container.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const folded = new Map([...container.querySelectorAll("details[data-key]")].map((details) => [details.dataset.key, details.open]));
  const { scrollTop, scrollLeft } = container;
  container.replaceChildren(...children);
  for (const [key, open] of folded) unfold(container.querySelector(`details[data-key="${CSS.escape(key)}"]`), open);
  Object.assign(container, { scrollTop, scrollLeft });
  if (focused) container.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

/** At once, because what is inside of it may be unfolded too. */
function unfold(details, open) {
  if (!details) return;
  details.open = open;
  if (open) details.dispatchEvent(new Event("toggle"));
}

/** A row of tabs, of which one is chosen by a click or by the arrow keys; `choose` gets its key. */
export function tabs(label, names, choose) {
  const list = made("div", "tabs", Object.entries(names).map(([key, name]) => tab(key, name)));
  list.setAttribute("role", "tablist");
  list.setAttribute("aria-label", label);
  arrows(list, "[role=tab]", ["ArrowLeft", "ArrowRight"]);
  list.addEventListener("focusin", ({ target }) => target.matches("[role=tab]") && target.ariaSelected !== "true" && choose(target.dataset.key));
  list.addEventListener("click", ({ target }) => target.matches("[role=tab]") && choose(target.dataset.key));
  return list;
}

function tab(key, name) {
  const element = made("button", "", name);
  element.type = "button";
  element.dataset.key = key;
  element.setAttribute("role", "tab");
  return element;
}

export function chooseTab(list, chosen) {
  for (const element of list.children) {
    element.ariaSelected = String(element.dataset.key === chosen);
    element.tabIndex = element.dataset.key === chosen ? 0 : -1;
  }
}

/** The time since a moment, counted on by {@link tick}. */
export function elapsed(since, format) {
  const element = made("span", "", format(Date.now() / 1000 - since));
  element.dataset.since = since;
  elapsing.set(element, format);
  return element;
}

const elapsing = new WeakMap();

export function tick() {
  for (const element of document.querySelectorAll("[data-since]")) element.textContent = elapsing.get(element)(Date.now() / 1000 - element.dataset.since);
}
