// The entry: what `document-reader` returns comes in, its text goes out in parts.
//
//     {"document": {...}, "text": "...", "max_bytes": 20000}  ->  {"document": {...}, "parts": [{"number", "first_line", "bytes", "text"}]}
//
// For a workflow that does something to every part: a Map state, a model with a small window. Joined, the parts are the text.
// How long it is, and how many parts leave, does not matter here: that is the layer's business.

import { utf8Length } from './utf8.mjs';
import { split } from './split.mjs';

const DEFAULT_MAX_BYTES = 20_000;
// The longest code point: with less, there are texts that cannot be split.
const LEAST_MAX_BYTES = 4;

/** What a workflow catches by its name. */
export class InvalidEvent extends Error {
  name = 'InvalidEvent';
}

export async function handler(event) {
  if (event?.warmup === true) return event;
  const { document, text, maxBytes } = checked(event);
  return { ...(document && { document }), parts: described(split(text, maxBytes)) };
}

function checked(event) {
  const { document, text, max_bytes: maxBytes = DEFAULT_MAX_BYTES } = event ?? {};
  if (typeof text !== 'string') throw new InvalidEvent('the event must be {"text": "..."}: what document-reader returns');
  // Its parts would be no base64.
  if (document?.encoding === 'base64') throw new InvalidEvent('the document is not text: its encoding is base64');
  if (!Number.isSafeInteger(maxBytes) || maxBytes < LEAST_MAX_BYTES) {
    throw new InvalidEvent(`max_bytes must be a whole number of at least ${LEAST_MAX_BYTES}`);
  }
  return { document, text, maxBytes };
}

function described(texts) {
  let line = 1;
  return texts.map((text, index) => {
    const part = { number: index + 1, first_line: line, bytes: utf8Length(text), text };
    line += text.split('\n').length - 1;
    return part;
  });
}
