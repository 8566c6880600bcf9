// A tool in Node.js: how many sentences a text of any length has.

import { serve, tool } from 'lrap-tools';

// Not Intl.Segmenter: each of its segments keeps a copy of the whole text, which a long text has no memory for.
const END = /[.!?]+(?=\s|$)/g;

export const countSentences = tool({
  name: 'count_sentences',
  description: 'Counts the sentences of a text.',
  input: { text: { type: 'string', format: 'content', description: 'The text, or its handle, exactly as a result gave it.' } },
  run: ({ text }) => String(text.match(END)?.length ?? 0),
});

export const handler = serve(countSentences);
