import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ToolError, row, serve, tool } from '../src/index.mjs';

const HANDLE = '1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13';

const search = tool({
  name: 'search',
  description: 'Finds words.',
  input: {
    text: { type: 'string', format: 'content' },
    words: { type: 'array', items: { type: 'string' } },
    most: { type: 'integer', minimum: 1, maximum: 8, optional: true },
    order: { enum: ['best', 'first'], optional: true },
  },
  run: ({ text, words, most = 4 }) => {
    if (words.includes('none')) throw new ToolError('nothing is found');
    if (words.includes('boom')) throw new RangeError('a secret');
    return { found: text.length, most };
  },
});

const call = (input, name = 'search') => serve(search)({ id: 'tu_1', name, input });

test('a call becomes a result', async () => {
  const result = await call({ text: 'abc', words: ['a'], most: null });
  assert.deepEqual(result, { type: 'tool_result', name: 'search', tool_use_id: 'tu_1', content: '{"found":3,"most":4}' });
});

test('every mistake names its field', async () => {
  const cases = [
    [{ text: 1 }, '`words` is missing; `text` is not a text'],
    [{ text: '', words: ['a', 2] }, '`words[1]` is not a text'],
    [{ text: '', words: [], most: 9 }, '`most` is not from 1 to 8'],
    [{ text: '', words: [], order: 'last' }, '`order` is not one of best, first'],
    [{ text: '', words: [], constructor: 1 }, '`constructor` is not a parameter of this tool'],
    [{ text: HANDLE, words: [] }, '`text` is a handle, and its text was not put in its place: call the tool by the state machine of an agent'],
  ];
  for (const [input, content] of cases) {
    const result = await call(input);
    assert.deepEqual([result.content, result.is_error], [content, true]);
  }
});

test('an error says what it may', async (context) => {
  const log = context.mock.method(console, 'error', () => {});
  assert.equal((await call({ text: '', words: ['none'] })).content, 'nothing is found');
  assert.equal((await call({ text: '', words: ['boom'] })).content, 'the tool failed: RangeError');
  assert.match(String(log.mock.calls[0].arguments[1]), /a secret/);
});

test('what is no call is answered like one', async () => {
  const handler = serve(search);
  const cases = [
    [undefined, 'the call has no `id`'],
    [{ id: '1' }, 'the call has no `name`'],
    [{ id: '1', name: 'x' }, 'there is no tool `x`; the tools are search'],
    [{ id: '1', name: 'search', input: [] }, "the call's `input` is not an object"],
  ];
  for (const [event, content] of cases) assert.equal((await handler(event)).content, content);
  assert.deepEqual(await handler({ warmup: true }), { warmup: true });
});

test('a tool is described for a registry', () => {
  assert.deepEqual(row(search).input_schema.required, ['text', 'words']);
  assert.equal('optional' in row(search).input_schema.properties.most, false);
  assert.equal(row(search).tool_name, 'search');
});

test('what cannot be a tool is refused when it is defined', () => {
  assert.throws(() => tool({ name: 'notSnake', description: 'x', run() {} }), /snake_case/);
  assert.throws(() => tool({ name: 'one', run() {} }), /description/);
  assert.throws(() => tool({ name: 'one', description: 'x' }), /run/);
});
