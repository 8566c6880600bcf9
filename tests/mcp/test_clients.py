"""The Python SDK and LangChain's adapter as clients of the server at LRAP_MCP_URL."""

import os
import unittest

from langchain_mcp_adapters.client import MultiServerMCPClient
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.shared.exceptions import McpError

URL = os.environ["LRAP_MCP_URL"]


class Clients(unittest.IsolatedAsyncioTestCase):
    async def test_the_python_sdk_lists_and_calls(self):
        async with streamablehttp_client(URL) as (read, write, _), ClientSession(read, write) as session:
            agreed = await session.initialize()
            self.assertEqual(agreed.serverInfo.name, "lrap")
            tools = {tool.name: tool for tool in (await session.list_tools()).tools}
            self.assertEqual(tools["get_weather_forecast"].inputSchema["required"], ["latitude", "longitude"])
            found = await session.call_tool("document_search", {"document": "The reactor is in Oruro.", "query": "reactor"})
            # The SDK checks structured content against the schema that the server lists.
            self.assertIn("Oruro", found.structuredContent["text"])
            failed = await session.call_tool("get_result", {"id": "nothing"})
            self.assertTrue(failed.isError)
            with self.assertRaisesRegex(McpError, "`longitude` is missing"):
                await session.call_tool("get_weather_forecast", {"latitude": 1})

    async def test_langchain_calls_the_tools_as_its_own(self):
        client = MultiServerMCPClient({"lrap": {"transport": "streamable_http", "url": URL}})
        tools = {tool.name: tool for tool in await client.get_tools()}
        answer = await tools["document_search"].ainvoke({"document": "The reactor is in Oruro.", "query": "reactor"})
        self.assertIn("Oruro", str(answer))
