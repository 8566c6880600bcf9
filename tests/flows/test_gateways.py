"""Gateways of AgentCore: made of an OpenAPI URL, called by an agent; and this product's own tools behind one."""

import json
import urllib.request

from tests.flows import GATEWAYS_HOST, STAGE, TIMEOUT, opener
from tests.flows.test_agent import OnAgent

# What the stand-ins' reports want, and where they describe themselves.
REPORTS_KEY, REPORTS = "key-of-the-reports-5b20e7", "https://reports.example.com/openapi.json"
SIGNED = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20261129/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0"}
REPORT = "reports_get_report"
# Of a report, in lines of 64 bytes.
LINES = 1 << 14


class Gateways(OnAgent):
    def setUp(self):
        super().setUp()
        self.platform.secrets.add("the key of the reports", REPORTS_KEY)

    def registry(self, method, path, body=None):
        """The status and the body of the registry's response."""
        url = self.platform.output("ApiUrl", "gateway-registry").rstrip("/")
        status, _, text = self.platform.ask(f"{url}/{path}", method, body, SIGNED)
        return status, json.loads(text)

    def gateway(self, name):
        """A new gateway: both sides of it."""
        status, body = self.registry("POST", "gateways/no-auth", {"gateway_name": name})
        self.assertEqual((status, body["status"], body["agentcore"]["status"]), (201, "ACTIVE", "READY"), body)
        self.addCleanup(self.deleted, f"gateways/{body['gateway_id']}")
        return body

    def deleted(self, path):
        status, body = self.registry("DELETE", path)
        self.assertEqual((status, body["status"]), (202, "DELETED"), body)

    def reports(self, gateway):
        config = {"api_key": REPORTS_KEY, "api_key_param_name": "x-api-key", "api_key_location": "HEADER"}
        auth = {"type": "api_key", "provider_name": "reports-key", "config": config}
        body = {"gateway_id": gateway["gateway_id"], "tool_name": "reports", "openapi_spec_url": REPORTS, "auth": auth}
        status, made = self.registry("POST", "tools/from-url", body)
        self.assertEqual((status, made["status"], made["agentcore"]["status"]), (201, "ACTIVE", "READY"), made)
        return made

    def row(self, name):
        return self.table("ToolRegistry", "").get_item(Key={"tool_name": name}, ConsistentRead=True)["Item"]

    def test_an_agent_calls_a_tool_of_a_gateway_that_was_just_made(self):
        gateway = self.gateway("reports")
        made = self.reports(gateway)
        row = self.row(REPORT)
        self.assertEqual((row["transport"], row["status"], row["remote_name"]), ("mcp", "active", "reports___getReport"))
        self.assertEqual(row["endpoint"], gateway["agentcore"]["gatewayUrl"])
        self.assertTrue(row["endpoint"].startswith(f"https://{GATEWAYS_HOST}/_agentcore/{STAGE}-reports-"), row["endpoint"])
        call = {"name": REPORT, "input": {"year": 2025}}
        self.agent("reporter", [{"text": "I look.", "tool_calls": [call]}, {"text": "{{answer}}"}], [REPORT])
        self.platform.forget_calls()
        answer = self.answered("reporter", "What was in the report of 2025?")
        self.assertEqual(answer["metadata"]["tools_used"], [REPORT])
        self.in_order("gateways POST /_agentcore/" + row["endpoint"].split("/_agentcore/")[1], "reports GET /reports/2025")
        results = [block for message in self.history(answer) for block in message["content"] if block["type"] == "tool_result"]
        self.assertEqual(len(results), 1)
        self.reads_the_whole_report(results[0]["content"])
        self.deleted(f"gateways/{gateway['gateway_id']}/tools/{made['tool_id']}")
        self.assertEqual(self.row(REPORT)["status"], "disabled")

    def history(self, answer):
        """The messages of the answer's session; a content that is one text becomes a list."""
        messages = [json.loads(message) for message in self.session(answer["session_id"])["messages"]]
        return [message for message in messages if isinstance(message["content"], list)]

    def reads_the_whole_report(self, shown):
        """What the model saw is short, and its handle opens all of the report's megabyte."""
        self.assertIn("Report of 2025, line 0.", shown)
        self.assertLess(len(shown), 20_000)
        handle = shown[shown.rindex("handle: ") + len("handle: ") :].rstrip("]\n ")
        for line in (LINES // 2, LINES - 1):
            found = self.tool("document_read", {"handle": handle, "offset": line * 64, "length": 64})
            self.assertIn(f"Report of 2025, line {line}.", found)

    def tool(self, name, arguments):
        """The content of the result of one of this product's tools."""
        event = {"name": name, "id": "call-1", "input": arguments}
        answer = self.client("lambda").invoke(FunctionName=f"tool-shared-{STAGE}", Payload=json.dumps(event))
        result = json.load(answer["Payload"])
        self.assertFalse(result.get("is_error"), result)
        return result["content"]

    def test_own_tools_answer_behind_a_gateway(self):
        gateway = self.gateway("own")
        body = {"gateway_id": gateway["gateway_id"], "tool_name": "own-tools", "tools": ["http_get", "get_weather_forecast"]}
        status, made = self.registry("POST", "tools/from-registry", body)
        self.assertEqual((status, made["status"]), (201, "ACTIVE"), made)
        tools = self.asked(gateway, "tools/list", {})["result"]["tools"]
        self.assertEqual([tool["name"] for tool in tools], ["own-tools___http_get", "own-tools___get_weather_forecast"])
        weather = {"name": "own-tools___get_weather_forecast", "arguments": {"latitude": 39.7, "longitude": -97.1}}
        result = self.asked(gateway, "tools/call", weather)["result"]
        self.assertFalse(result["isError"], result)
        self.assertIn("Tuesday Night", result["content"][0]["text"])
        wrong = {"name": "own-tools___get_weather_forecast", "arguments": {}}
        self.assertTrue(self.asked(gateway, "tools/call", wrong)["result"]["isError"])
        self.assertEqual(self.asked(gateway, "tools/call", {"name": "own-tools___none"})["error"]["code"], -32602)

    def asked(self, gateway, method, parameters):
        """A response of a gateway, of which the endpoint of this machine has the path."""
        path = gateway["agentcore"]["gatewayUrl"].partition(GATEWAYS_HOST)[2]
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}
        data, headers = json.dumps(request).encode(), {"Content-Type": "application/json"}
        with opener.open(urllib.request.Request(self.platform.endpoint + path, data, headers), timeout=TIMEOUT) as response:
            return json.load(response)
