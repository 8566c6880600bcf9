"""The Python SDK and LangChain's adapter as clients of the server at LRAP_MCP_URL; LRAP_MCP_TOOL is the tool that they call."""

import os
import unittest

from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError

URL = os.environ["LRAP_MCP_URL"]
TOOL = os.environ.get("LRAP_MCP_TOOL", "document_search")
# What each tool is called with, and what is in its result.
CALLS = {
    "document_search": ({"document": "The reactor is in Oruro.", "query": "reactor"}, "Oruro"),
    "get_weather_forecast": ({"latitude": 39.7, "longitude": -97.1}, "Tuesday Night"),
}


class Clients(unittest.IsolatedAsyncioTestCase):
    async def test_the_python_sdk_lists_and_calls(self):
        async with streamablehttp_client(URL) as (read, write, _), ClientSession(read, write) as session:
            agreed = await session.initialize()
            self.assertEqual(agreed.serverInfo.name, "lrap")
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            self.assertEqual(tools["get_weather_forecast"].inputSchema["required"], ["latitude", "longitude"])
            arguments, expected = CALLS[TOOL]
            found = await session.call_tool(TOOL, arguments)
            # The SDK checks structured content against the schema that the server lists.
            self.assertIn(expected, found.structuredContent["text"])
            failed = await session.call_tool("get_result", {"id": "nothing"})
            self.assertTrue(failed.isError)
            with self.assertRaisesRegex(McpError, "`longitude` is missing"):
                await session.call_tool("get_weather_forecast", {"latitude": 1})

    async def test_langchain_calls_the_tools_as_its_own(self):
        client = MultiServerMCPClient({"lrap": {"transport": "streamable_http", "url": URL}})
        tools = {tool.name: tool for tool in await client.get_tools()}
        arguments, expected = CALLS[TOOL]
        self.assertIn(expected, str(await tools[TOOL].ainvoke(arguments)))
