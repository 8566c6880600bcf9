// What goes in and out, as the runtime hands it over.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { handler } from '../src/splitter.mjs';

const document = { name: 'guide.md', encoding: 'utf-8' };

test('a document comes out in parts that say where they were', async () => {
  assert.deepEqual(await handler({ document, text: 'one\ntwo é\n\nthree', max_bytes: 12 }), {
    document,
    parts: [
      { number: 1, first_line: 1, bytes: 12, text: 'one\ntwo é\n\n' },
      { number: 2, first_line: 4, bytes: 5, text: 'three' },
    ],
  });
});

test('a text alone is enough', async () => {
  assert.deepEqual(await handler({ text: 'a' }), { parts: [{ number: 1, first_line: 1, bytes: 1, text: 'a' }] });
});

test('an empty document has no parts', async () => {
  assert.deepEqual(await handler({ document, text: '' }), { document, parts: [] });
});

test('a text longer than any payload leaves whole', async () => {
  const text = 'Grüße 😀\n'.repeat(600_000);
  const { parts } = await handler({ text, max_bytes: 6_000_000 });
  assert.deepEqual(parts.map((part) => part.bytes <= 6_000_000), [true, true]);
  assert.ok(parts.map((part) => part.text).join('') === text);
  assert.equal(parts[1].first_line, parts[0].text.split('\n').length);
});

test('a warmup comes back', async () => {
  assert.deepEqual(await handler({ warmup: true }), { warmup: true });
});

for (const event of [null, undefined, 'text', [], {}, { text: null }, { text: 1 }, { document }]) {
  test(`no text: ${JSON.stringify(event)}`, () => assert.rejects(handler(event), { name: 'InvalidEvent', message: /"text"/ }));
}

for (const maxBytes of [3, 0, -1, 4.5, '4', null, Number.NaN]) {
  test(`max_bytes is refused: ${String(maxBytes)} (${typeof maxBytes})`, () =>
    assert.rejects(handler({ text: 'a', max_bytes: maxBytes }), { name: 'InvalidEvent', message: /max_bytes/ }));
}

test('base64 is not split', () =>
  assert.rejects(handler({ document: { encoding: 'base64' }, text: 'AA==' }), { name: 'InvalidEvent', message: /base64/ }));
