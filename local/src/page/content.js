// The content behind a reference, read piece by piece as one scrolls: the browser never lays out more than was looked at.

import { reach } from "./api.js";
import { readable } from "./references.js";

const PIECE = 64 * 1024;

const dialog = document.querySelector("#content");
const title = document.querySelector("#content-title");
const position = document.querySelector("#content-position");
const text = document.querySelector("#content-text");
let opened = null;

/** Opens the dialog on a reference. */
export function open({ reference, size }) {
  opened = { reference, size, offset: 0, decoder: new TextDecoder(), reading: false };
  title.textContent = `Content of ${readable(size)}`;
  text.replaceChildren();
  text.scrollTop = 0;
  dialog.showModal();
  readOn(opened);
}

text.addEventListener("scroll", () => opened && readOn(opened));

/** Reads while the end of what was read is nearer than a screen. */
async function readOn(content) {
  if (content.reading) return;
  content.reading = true;
  while (content === opened && content.offset < content.size && text.scrollHeight - text.scrollTop < 3 * text.clientHeight) {
    const bytes = await piece(content);
    if (bytes === null || content !== opened) break;
    content.offset += bytes.byteLength;
    const pre = document.createElement("pre");
    pre.textContent = content.decoder.decode(bytes, { stream: content.offset < content.size });
    text.append(pre);
    position.textContent = `${readable(content.offset)} of ${readable(content.size)} read; scroll for more. ${content.reference}`;
  }
  content.reading = false;
}

async function piece({ reference, offset }) {
  const query = new URLSearchParams({ reference, offset, length: PIECE });
  const answer = await reach(`/page/content?${query}`);
  if (answer.ok) return answer.arrayBuffer();
  position.textContent = await answer.text();
  return null;
}
