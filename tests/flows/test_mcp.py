"""An MCP client on its way through the server's tools, over the API and over the function URL."""

import json

from tests.flows import STAGE, OnPlatform

VERSION = "2025-06-18"
MESSAGES = f"rez-agent-messages-{STAGE}"
RESULTS = f"rez-agent-web-action-results-{STAGE}"
PLACE = {"latitude": 39.7, "longitude": -97.1}
FORECAST = ["noaa GET /points/39.7,-97.1", "noaa GET /gridpoints/TOP/31,80/forecast"]


class McpServer(OnPlatform):
    def addresses(self):
        return [f"{self.platform.output('WebApiUrl')}/mcp", self.platform.output("McpServerUrl")]

    def send(self, url, method, parameters, key="key-of-mcp"):
        """The status and the body of the response to one request of JSON-RPC."""
        request = {"jsonrpc": "2.0", "id": method, "method": method, "params": parameters}
        headers = {"x-api-key": key, "Accept": "application/json, text/event-stream"}
        later = {} if method == "initialize" else {"MCP-Protocol-Version": VERSION}
        status, _, text = self.platform.ask(url, "POST", request, headers | later)
        return status, json.loads(text)

    def result(self, url, method, parameters):
        status, body = self.send(url, method, parameters)
        self.assertEqual((status, body["id"]), (200, method), body)
        return body["result"]

    def call(self, url, name, arguments):
        """What a tool returned: its text, and the structured content."""
        result = self.result(url, "tools/call", {"name": name, "arguments": arguments})
        self.assertFalse(result["isError"], result)
        self.assertEqual([part["type"] for part in result["content"]], ["text"])
        return result["content"][0]["text"], result["structuredContent"]

    def begin(self, url):
        client = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": {"name": "tests", "version": "1"}}
        begun = self.result(url, "initialize", client)
        self.assertEqual((begun["protocolVersion"], begun["serverInfo"]["name"]), (VERSION, "lrap"))
        self.assertIn("tools", begun["capabilities"])

    def test_mcp_server_tool_execution(self):
        for url in self.addresses():
            with self.subTest(url):
                self.platform.control("DELETE", "calls")
                self.begin(url)
                tools = {tool["name"]: tool for tool in self.result(url, "tools/list", {})["tools"]}
                five = {"golf_search_tee_times", "golf_book_tee_time", "golf_fetch_reservations", "get_weather_forecast", "send_notification"}
                self.assertEqual(set(tools), five | {"get_result"})
                self.assertEqual(tools["get_weather_forecast"]["inputSchema"]["required"], ["latitude", "longitude"])
                self.assertEqual(self.calls("noaa", "ntfy"), [], "nothing is done before a call")
                text, structured = self.call(url, "get_weather_forecast", PLACE)
                self.assertIn("Tuesday Night", text)
                self.assertEqual((structured["text"], structured["complete"]), (text, True))
                self.assertEqual(self.calls("noaa"), FORECAST)

    def test_a_notification_of_the_tool_is_a_message_that_the_processor_completes(self):
        text, _ = self.call(self.addresses()[1], "send_notification", {"message": "from a client"})
        identity = text[text.index("msg_") :].rstrip(").")
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        published = f"sns Publish rez-agent-notifications-{STAGE}"
        self.in_order(f"dynamodb PutItem {MESSAGES}", published, f"dynamodb UpdateItem {MESSAGES}", "ntfy POST /")
        self.assertIn("from a client", [one["message"] for one in self.shown()])

    def test_a_queued_call_is_a_message_that_webaction_completes(self):
        url = self.addresses()[0]
        _, structured = self.call(url, "get_weather_forecast", {**PLACE, "async": True})
        self.assertEqual((structured["status"], structured["complete"]), ("queued", False))
        identity = structured["id"]
        self.assertEqual(structured["uri"], f"lrap://results/{identity}")
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        text, structured = self.call(url, "get_result", {"id": identity})
        self.assertIn("Tuesday Night", text)
        self.assertNotIn("next_offset", structured)
        self.assertEqual(self.in_pages(url, identity, 200), text)
        self.assertEqual(self.in_ranges(url, f"lrap://results/{identity}?length=200"), text)
        published = f"sns Publish rez-agent-web-actions-{STAGE}"
        stored, read = f"dynamodb PutItem {RESULTS}", f"dynamodb GetItem {MESSAGES}"
        self.in_order(f"dynamodb PutItem {MESSAGES}", published, *FORECAST, stored, read)
        calls = self.calls()
        self.assertLess(calls.index(read), len(calls) - 1 - calls[::-1].index(f"dynamodb GetItem {RESULTS}"), calls)
        self.assertEqual(calls.count(FORECAST[1]), 1, "the call is run once")

    def in_pages(self, url, identity, length):
        """A result by ``get_result``, in pages of so many bytes."""
        pages, offset = [], 0
        while offset is not None:
            _, page = self.call(url, "get_result", {"id": identity, "offset": offset, "length": length})
            pages.append(page["text"])
            offset = page.get("next_offset")
        self.assertGreater(len(pages), 1)
        return "".join(pages)

    def in_ranges(self, url, uri):
        """A resource, range after range."""
        ranges = []
        while uri:
            contents = self.result(url, "resources/read", {"uri": uri})["contents"][0]
            ranges.append(contents["text"])
            uri = contents["_meta"].get("next")
        self.assertGreater(len(ranges), 1)
        return "".join(ranges)

    def test_without_the_key_nothing_is_listed(self):
        for url in self.addresses():
            self.assertEqual(self.send(url, "tools/list", {}, key="another")[0], 401, url)
