// Where texts are cut.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { split } from '../src/split.mjs';
import { utf8Length } from '../src/utf8.mjs';

const cuts = {
  'an empty text has no parts': ['', 4, []],
  'what fits stays whole': ['a b\n\nc', 6, ['a b\n\nc']],
  'a part may be full to the last byte': ['aaaabbbb', 4, ['aaaa', 'bbbb']],
  'between paragraphs rather than lines': ['a\n\nb\ncdef', 6, ['a\n\n', 'b\ncdef']],
  'between lines rather than words': ['a b\nc d e', 7, ['a b\n', 'c d e']],
  'between words rather than letters': ['aa bb cc', 7, ['aa bb ', 'cc']],
  'within a word that is too long': ['abcdefghij', 4, ['abcd', 'efgh', 'ij']],
  'the last border counts': ['a b c d', 6, ['a b c ', 'd']],
  'never within a code point': ['😀😀é', 7, ['😀', '😀é']],
  'bytes count, not letters': ['ééé', 4, ['éé', 'é']],
  'half a surrogate pair stays where it is': ['a\ud83d\udc00\udc00', 7, ['a\ud83d\udc00', '\udc00']],
};

for (const [name, [text, maxBytes, parts]] of Object.entries(cuts)) {
  test(name, () => assert.deepEqual(split(text, maxBytes), parts));
}

test('joined, the parts are the text, and none is too long', () => {
  const words = ['a', 'Grüße', '😀', '\n', '\n\n', ' ', '\r\n', '\ud800', '\u2028', 'x'.repeat(50), '\0'];
  let state = 1;
  const next = () => (state = (state * 48271) % 2147483647);
  for (let round = 0; round < 500; round += 1) {
    const text = Array.from({ length: next() % 60 }, () => words[next() % words.length]).join('');
    const maxBytes = 4 + (next() % 40);
    const parts = split(text, maxBytes);
    assert.equal(parts.join(''), text);
    assert.ok(parts.every((part) => part !== '' && utf8Length(part) <= maxBytes));
  }
});

test('a long text has hardly more parts than it must', () => {
  const text = 'word after word, line after line\n'.repeat(300_000);
  const parts = split(text, 20_000);
  assert.equal(parts.length, Math.ceil(300_000 / Math.floor(20_000 / 33)));
});
