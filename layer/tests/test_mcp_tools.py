"""Tools of MCP servers: which rows are written, what is said of them, and what is refused."""

import io
import json
import unittest

from delivery import Refusal
from delivery.mcp_tools import Server, auth_of, renew, printable, rows, shown, snake_case

FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:mcp-client-dev"
URL = "https://mcp.example.com/mcp"
SCHEMA = {"type": "object"}


def tool(name="readFile", description="Reads a file."):
    return {"remote_name": name, "description": description, "input_schema": SCHEMA, "output_schema": None}


class Functions:
    """The account, as far as two functions go: the client and the registry, which holds rows."""

    def __init__(self, tools, dry_run=False):
        self.tools, self.rows, self.said, self.dry_run = tools, {}, [], dry_run
        self.say = self.said.append
        self.changes = []

    def read(self, _, operation, FunctionName, Payload=None):
        if operation == "get_function":
            return {"Configuration": {"FunctionArn": FUNCTION}}
        event = json.loads(Payload)
        if event.get("type") == "list":
            return self._answer({"endpoint": event["endpoint"], "tools": self.tools})
        return self._respond({"tools": list(self.rows.values()), "next_token": None})

    def change(self, _, operation, FunctionName, Payload):
        event = json.loads(Payload)
        method, path = event["requestContext"]["http"]["method"], event["rawPath"]
        self.changes.append((method, path))
        if path.endswith("/disable"):
            self.rows[path.split("/")[2]]["status"] = "disabled"
        else:
            row = json.loads(event["body"])
            self.rows[row["tool_name"]] = {"status": "active", "remote_digest": "0", **row}
        return self._respond({})

    def _respond(self, body):
        return self._answer({"statusCode": 200, "body": json.dumps(body)})

    @staticmethod
    def _answer(payload):
        return {"Payload": io.StringIO(json.dumps(payload))}

    def renew(self, prefix="files_"):
        self.said.clear()
        self.changes.clear()
        renew(self, "dev", Server(URL, {"type": "none"}, prefix))


class McpTools(unittest.TestCase):
    def test_a_new_tool_is_written_and_its_description_is_shown(self):
        account = Functions([tool()])
        account.renew()
        row = account.rows["files_read_file"]
        self.assertEqual((row["transport"], row["endpoint"], row["remote_name"], row["lambda_arn"]), ("mcp", URL, "readFile", FUNCTION))
        self.assertEqual(account.said, ["files_read_file: new", "  description: Reads a file.", f"  input_schema: {json.dumps(row['input_schema'])}"])

    def test_an_unchanged_tool_is_not_written_again(self):
        account = Functions([tool()])
        account.renew()
        account.renew()
        self.assertEqual((account.changes, account.said), ([], ["files_read_file: unchanged"]))

    def test_a_changed_tool_keeps_what_the_operator_has_set(self):
        account = Functions([tool()])
        account.renew()
        account.rows["files_read_file"]["human_approval_required"] = True
        account.tools = [tool(description="Reads any file.")]
        account.renew()
        row = account.rows["files_read_file"]
        self.assertEqual((row["description"], row["human_approval_required"]), ("Reads any file.", True))
        self.assertEqual(account.said, ["files_read_file: changed", "  description: Reads any file."])

    def test_a_changed_schema_is_shown_whole(self):
        account = Functions([tool()])
        account.renew()
        schema = {"type": "object", "properties": {"path": {"type": "string", "description": "名" * 900}}}
        account.tools = [{**tool(), "input_schema": schema}]
        account.renew()
        self.assertEqual(account.said, ["files_read_file: changed", f"  input_schema: {json.dumps(schema, ensure_ascii=False)}"])

    def test_a_tool_that_the_operator_disabled_stays_disabled(self):
        account = Functions([tool()])
        account.renew()
        account.rows["files_read_file"]["status"] = "disabled"
        account.renew()
        activate = "POST /tools/files_read_file/activate lets agents use it"
        self.assertEqual((account.changes, account.said), ([], [f"files_read_file: unchanged, and stays disabled ({activate})"]))
        account.tools = [tool(description="Reads any file.")]
        account.renew()
        row = account.rows["files_read_file"]
        self.assertEqual((row["description"], row["status"]), ("Reads any file.", "disabled"))
        self.assertEqual(account.said[0], f"files_read_file: changed, and stays disabled ({activate})")

    def test_a_tool_that_the_server_does_not_have_any_more_is_disabled(self):
        account = Functions([tool(), tool("writeFile", "Writes.")])
        account.renew()
        account.tools = [tool()]
        account.renew()
        self.assertEqual(account.rows["files_write_file"]["status"], "disabled")
        account.renew()
        self.assertEqual(account.changes, [])

    def test_a_tool_of_another_server_is_not_written_over(self):
        account = Functions([tool()])
        account.rows["files_read_file"] = {"tool_name": "files_read_file", "status": "active", "endpoint": "https://other.example.com/"}
        with self.assertRaisesRegex(Refusal, "give another PREFIX="):
            account.renew()

    def test_a_dry_run_changes_nothing(self):
        account = Functions([tool()], dry_run=True)
        account.renew()
        self.assertEqual((account.changes, account.rows), ([], {}))
        self.assertTrue(account.said[0].startswith("POST /tools "))

    def test_names_become_snake_case(self):
        for written, name in [("readFile", "read_file"), ("list-files", "list_files"), ("HTTPGet2", "http_get_2"), ("a.b c", "a_b_c")]:
            self.assertEqual(snake_case(written), name)
        for written in ["a", "日本", "x" * 60]:
            with self.assertRaises(Refusal):
                snake_case(written)

    def test_two_tools_of_one_name_are_refused(self):
        with self.assertRaisesRegex(Refusal, "would both be called files_read_file"):
            rows([tool("readFile"), tool("read-file")], Server(URL, {}, "files_"), FUNCTION)

    def test_auth_is_read_as_the_help_says(self):
        self.assertEqual(auth_of(None), {"type": "none"})
        self.assertEqual(auth_of("bearer:/a/b"), {"type": "bearer", "secret_name": "/a/b", "secret_key": "token"})
        self.assertEqual(auth_of("bearer:/a/b#key"), {"type": "bearer", "secret_name": "/a/b", "secret_key": "key"})
        self.assertEqual(auth_of("header:x-key:/a"), {"type": "header", "header": "x-key", "secret_name": "/a", "secret_key": "token"})
        for words in ["basic:a", "bearer", "bearer:", "header:x", "none:a"]:
            with self.assertRaises(Refusal):
                auth_of(words)

    def test_no_control_character_of_a_server_reaches_the_terminal(self):
        self.assertEqual(printable("a\x1b[31mb\nc"), "a [31mb c")
        self.assertEqual(shown("a\x1b[31mb\nc"), "a [31mb c")
        self.assertTrue(shown("x" * 500).endswith("(500 characters)"))


if __name__ == "__main__":
    unittest.main()
