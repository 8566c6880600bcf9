// The SDK in TypeScript as a client of the server at LRAP_MCP_URL, with the key LRAP_MCP_KEY if there is one.
const assert = require("node:assert/strict");
const { Client } = require("@modelcontextprotocol/sdk/client/index.js");
const { StreamableHTTPClientTransport } = require("@modelcontextprotocol/sdk/client/streamableHttp.js");

const DOCUMENT = { document: "The reactor is in Oruro.", query: "reactor" };

async function main() {
  const { LRAP_MCP_URL: url, LRAP_MCP_KEY: key } = process.env;
  const headers = key ? { "x-api-key": key } : {};
  const client = new Client({ name: "tests", version: "1" });
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  assert.equal(client.getServerVersion().name, "lrap");
  const tools = new Map((await client.listTools()).tools.map((tool) => [tool.name, tool]));
  assert.deepEqual(tools.get("get_weather_forecast").inputSchema.required, ["latitude", "longitude"]);
  if (tools.has("document_search")) {
    // The SDK checks structured content against the schema that the server lists.
    const found = await client.callTool({ name: "document_search", arguments: DOCUMENT });
    assert.match(found.structuredContent.text, /Oruro/);
  }
  const failed = await client.callTool({ name: "get_result", arguments: { id: "nothing" } });
  assert.equal(failed.isError, true);
  await assert.rejects(client.callTool({ name: "get_weather_forecast", arguments: { latitude: 1 } }), /`longitude` is missing/);
  const { resourceTemplates } = await client.listResourceTemplates();
  assert.match(resourceTemplates[0].uriTemplate, /^lrap:/);
  await client.close();
  console.log(`the TypeScript SDK listed ${tools.size} tools and called three times`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
