// Where to cut a text: as late as the limit allows, but rather between paragraphs than lines, lines than words, words than
// letters, and never within a code point. Each part but the last is as long as the border it ends at lets it be.

import { utf8Width } from './utf8.mjs';

// A part ends behind the border: what is between two paragraphs belongs to the first.
const BORDERS = ['\n\n', '\n', ' '];

/** The parts of `text`, each of at most `maxBytes` bytes of UTF-8, `maxBytes` being 4 or more. An empty text has none. */
export function split(text, maxBytes) {
  const parts = [];
  for (let start = 0; start < text.length; ) {
    const end = cut(text, start, reach(text, start, maxBytes));
    parts.push(text.slice(start, end));
    start = end;
  }
  return parts;
}

/** How far a part from `start` on can reach. */
function reach(text, start, maxBytes) {
  let end = start;
  for (let room = maxBytes; end < text.length; ) {
    const codePoint = text.codePointAt(end);
    room -= utf8Width(codePoint);
    if (room < 0) break;
    end += codePoint > 0xffff ? 2 : 1;
  }
  return end;
}

function cut(text, start, end) {
  if (end === text.length) return end;
  const window = text.slice(start, end);
  for (const border of BORDERS) {
    const found = window.lastIndexOf(border);
    if (found >= 0) return start + found + border.length;
  }
  return end;
}
