// Bytes of UTF-8 without making any.

/** Bytes of one code point. Half a surrogate pair counts as what replaces it in UTF-8. */
export function utf8Width(codePoint) {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

export const utf8Length = (text) => Buffer.byteLength(text, 'utf8');
