// A tool of an agent is a function:
//
//     import { serve, tool } from 'lrap-tools';
//
//     export const countWord = tool({
//       name: 'count_word',
//       description: 'Counts how often a word occurs in a text.',
//       input: { text: { type: 'string', format: 'content' }, word: { type: 'string' } },
//       run: ({ text, word }) => String(text.split(word).length - 1),
//     });
//
//     export const handler = serve(countWord);
//
// `serve` makes the handler of a Lambda function: it takes a tool call, {"name", "id", "input"}, checks the input, calls the function, and
// returns the tool_result that the state machine of an agent expects. Whatever goes wrong is a result with is_error, in words for the model.
// A parameter with `"format": "content"` may be given by the handle of a long text; the function always gets the text.

import { mistakes } from './schema.mjs';

const NAME = /^[a-z][a-z0-9_]{1,63}$/;

/** What a tool throws to tell the model what is wrong. Any other error is logged, and the model gets its name only. */
export class ToolError extends Error {
  name = 'ToolError';
}

/**
 * A tool. `input` has the JSON Schema of each parameter; one with `"optional": true` may be left out. `run` gets the input and returns text, or
 * any other value that JSON has.
 */
export function tool({ name, description, input = {}, run }) {
  if (!NAME.test(name ?? '')) throw new TypeError(`${name}: a tool's name is in snake_case`);
  if (!description) throw new TypeError(`${name}: the description must say what the tool does, because a model chooses by it`);
  if (typeof run !== 'function') throw new TypeError(`${name}: run is not a function`);
  const required = Object.keys(input).filter((parameter) => !input[parameter].optional);
  const properties = Object.fromEntries(Object.entries(input).map(([parameter, { optional, ...schema }]) => [parameter, schema]));
  return { name, description, run, schema: { type: 'object', properties, required, additionalProperties: false } };
}

/** What a registry of tools wants to know of a tool, except for the function's ARN. */
export function row({ name, description, schema }) {
  return { tool_name: name, description, input_schema: schema, output_schema: { type: 'string' }, language: 'nodejs' };
}

/** The handler of a Lambda function that has these tools. */
export function serve(...tools) {
  return async function handler(event) {
    if (event?.warmup === true) return event;
    const result = { type: 'tool_result', name: text(event?.name), tool_use_id: text(event?.id) };
    try {
      return { ...result, content: await answer(tools, event ?? {}) };
    } catch (error) {
      if (error instanceof ToolError) return { ...result, content: error.message, is_error: true };
      console.error(`the tool ${result.name} failed`, error);
      return { ...result, content: `the tool failed: ${error?.name ?? 'Error'}`, is_error: true };
    }
  };
}

async function answer(tools, event) {
  for (const field of ['id', 'name']) {
    if (typeof event[field] !== 'string') throw new ToolError(`the call has no \`${field}\``);
  }
  const found = tools.find(({ name }) => name === event.name);
  if (!found) throw new ToolError(`there is no tool \`${event.name.slice(0, 64)}\`; the tools are ${tools.map(({ name }) => name).join(', ')}`);
  const input = event.input ?? {};
  if (typeof input !== 'object' || Array.isArray(input)) throw new ToolError("the call's `input` is not an object");
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
  const wrong = mistakes(found.schema, given);
  if (wrong.length > 0) throw new ToolError(wrong.join('; '));
  const value = await found.run(given);
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}

function text(value) {
  return typeof value === 'string' ? value : '';
}
