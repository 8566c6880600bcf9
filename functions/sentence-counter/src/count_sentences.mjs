// A tool in Node.js: how many sentences a text of any length has.

import { serve, tool } from 'lrap-tools';

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

export const countSentences = tool({
  name: 'count_sentences',
  description: 'Counts the sentences of a text.',
  input: { text: { type: 'string', format: 'content', description: 'The text, or its handle, exactly as a result gave it.' } },
  run: ({ text }) => String([...segmenter.segment(text)].length),
});

export const handler = serve(countSentences);
