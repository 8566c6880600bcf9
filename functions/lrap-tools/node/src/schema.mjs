// The check of a model's input against a tool's schema. Values are not quoted: they may be long.

// A handle is a reference without its prefix. The state machine puts the text in its place; who calls the function otherwise must, too.
const HANDLE = /^\d+:dynamodb:[A-Za-z0-9._:-]{40,150}$/;

const IS = {
  string: (value) => typeof value === 'string',
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: (value) => typeof value === 'boolean',
  object: (value) => typeof value === 'object' && !Array.isArray(value),
  array: Array.isArray,
};

const WORDS = {
  string: 'a text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  object: 'an object',
  array: 'a list',
};

/** Everything that is wrong with an input, in words for the model. */
export function mistakes({ properties, required }, input) {
  const missing = required.filter((name) => !(name in input)).map((name) => `\`${name}\` is missing`);
  return Object.entries(input).reduce((found, [name, value]) => [...found, ...ofValue(properties, name, value)], missing);
}

function ofValue(properties, name, value) {
  if (!Object.hasOwn(properties, name)) return [`\`${name}\` is not a parameter of this tool`];
  const schema = properties[name];
  if (schema.format === 'content' && HANDLE.test(String(value).trim())) {
    return [`\`${name}\` is a handle, and its text was not put in its place: call the tool by the state machine of an agent`];
  }
  return ofKind(schema, name, value);
}

function ofKind({ type, minimum = -Infinity, maximum = Infinity, items = {}, ...schema }, name, value) {
  if (schema.enum && !schema.enum.includes(value)) return [`\`${name}\` is not one of ${schema.enum.join(', ')}`];
  if (type && !IS[type](value)) return [`\`${name}\` is not ${WORDS[type]}`];
  if (typeof value === 'number' && (value < minimum || value > maximum)) return [`\`${name}\` is not from ${minimum} to ${maximum}`];
  return type === 'array' ? value.flatMap((entry, index) => ofKind(items, `${name}[${index}]`, entry)) : [];
}
