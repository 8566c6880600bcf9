// References to long contents, as states hold them: with their prefix, or without it as a handle in what a model reads.

const GRAMMAR = /(?:@content:)?\b[13]:(?:dynamodb|s3):[sjv]:(?:none|[1-9]\d*):[A-Za-z0-9_-]{43}:(\d+)(?::\d+(?![A-Za-z0-9_-]))?(?::[A-Za-z0-9_-]{8}:[A-Za-z0-9_-]{22})?/g;
const UNITS = ["bytes", "KiB", "MiB", "GiB"];
const encoder = new TextEncoder();

/** Distinct references in a text, with the bytes of their contents. */
export function referencesIn(text) {
  const found = new Map();
  for (const match of text.matchAll(GRAMMAR)) found.set(whole(match[0]), Number(match[1]));
  return [...found].map(([reference, size]) => ({ reference, size }));
}

/** A text in pieces: plain ones, and references as `{reference, size}`. */
export function piecesOf(text) {
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(GRAMMAR)) {
    if (match.index > end) pieces.push(text.slice(end, match.index));
    pieces.push({ reference: whole(match[0]), size: Number(match[1]) });
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
  return pieces;
}

function whole(text) {
  return text.startsWith("@content:") ? text : `@content:${text}`;
}

export function bytesOf(text) {
  return encoder.encode(text).length;
}

/** 5242880 as "5.0 MiB". */
export function readable(bytes) {
  const power = bytes < 1024 ? 0 : Math.min(Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  return power === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** power).toFixed(1)} ${UNITS[power]}`;
}

/** Bytes of a state's text, and of what it carries by reference. */
export function weightOf(text) {
  const references = referencesIn(text ?? "");
  return { bytes: bytesOf(text ?? ""), referenced: references.reduce((sum, reference) => sum + reference.size, 0), references };
}

/** Seconds for people: "340 ms", "2.4 s", "3 min 5 s". */
export function duration(seconds) {
  if (seconds < 1) return `${Math.max(0, seconds * 1000).toFixed(0)} ms`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A time of day, with the date if it is another day. */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const day = date.toDateString() === new Date().toDateString() ? "" : `${date.toLocaleDateString()} `;
  return day + date.toLocaleTimeString();
}
