/**
 * The official Node runtime client as a test subject: an echo that also does as it is told, and a streaming handler.
 *
 * An event without `do` comes back as JavaScript's JSON prints it: equal as far as its numbers reach, not in its spelling.
 */
"use strict";

const { createHash } = require("node:crypto");

class AskedToFail extends Error {
  constructor() {
    super("the event asked for it");
    this.name = "AskedToFail";
  }
}

const orders = {
  grow: ({ bytes }) => ({ text: "x".repeat(bytes) }),
  length: ({ text }) => ({
    bytes: Buffer.byteLength(text),
    sha256: createHash("sha256").update(text, "utf8").digest("hex"),
  }),
  fail: () => {
    throw new AskedToFail();
  },
  exit: ({ code = 1 }) => process.exit(code),
};

exports.handler = async (event) => {
  const asked = event?.do;
  return Object.hasOwn(orders, asked) ? orders[asked](event) : event;
};

/** `{"do":"stream","chunks":N,"bytes":M}`: N chunks of M bytes, each flushed before the next is written. */
async function stream({ chunks, bytes = 16 }, responseStream) {
  for (let index = 0; index < chunks; index += 1) {
    const chunk = `${index}:`.padEnd(bytes - 1, "x") + "\n";
    await new Promise((resolve, reject) => {
      responseStream.write(chunk, (error) => (error ? reject(error) : resolve()));
    });
  }
  responseStream.end();
}

// `awslambda` exists only inside the runtime client.
if (globalThis.awslambda) {
  exports.stream = globalThis.awslambda.streamifyResponse(stream);
}
