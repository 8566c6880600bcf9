"""What the server answers, message by message."""

import unittest

from spec3_mcp_lambda.server import VERSIONS, Server

SERVER = Server("dev")
# Longer than any payload of Lambda's: what the layer gives back in place of a reference.
LONG = "".join(f"line {number} – ünïcödé 😀\n" for number in range(200_000))


def ask(method, **params):
    return SERVER.answer({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})


def call(name, **arguments):
    return ask("tools/call", name=name, arguments=arguments)


def text_of(answer):
    (content,) = answer["result"]["content"]
    return content["text"]


class Introduction(unittest.TestCase):
    def version_for(self, wanted):
        return ask("initialize", protocolVersion=wanted, capabilities={})["result"]["protocolVersion"]

    def test_every_version_it_knows_is_agreed_to(self):
        self.assertEqual([self.version_for(version) for version in VERSIONS], list(VERSIONS))

    def test_to_another_version_it_offers_its_newest(self):
        for wanted in ("1999-01-01", "", None, [], 1):
            with self.subTest(wanted=wanted):
                self.assertEqual(self.version_for(wanted), "2025-11-25")

    def test_says_its_name_stage_and_that_it_has_tools(self):
        result = ask("initialize", protocolVersion=VERSIONS[0])["result"]
        self.assertEqual(result["serverInfo"], {"name": "spec3-mcp-dev", "version": "1.0.0"})
        self.assertEqual(result["capabilities"], {"tools": {}})

    def test_is_alive(self):
        self.assertEqual(ask("ping"), {"jsonrpc": "2.0", "id": 7, "result": {}})

    def test_a_notification_is_not_answered(self):
        for method in ("notifications/initialized", "notifications/cancelled", "unknown"):
            self.assertIsNone(SERVER.answer({"jsonrpc": "2.0", "method": method}))


class Tools(unittest.TestCase):
    def test_are_listed_with_the_schema_of_their_arguments(self):
        tools = {tool["name"]: tool for tool in ask("tools/list")["result"]["tools"]}
        self.assertEqual(list(tools), ["search_text", "excerpt_text", "replace_text"])
        schema = tools["excerpt_text"]["inputSchema"]
        types = {name: described["type"] for name, described in schema["properties"].items()}
        self.assertEqual(types, {"text": "string", "first": "integer", "last": "integer"})
        self.assertEqual(schema["required"], ["text", "first", "last"])

    def test_search_gives_each_line_with_its_number(self):
        self.assertEqual(text_of(call("search_text", text="one\ntwo\nnone", query="one")), "1: one\n3: none")

    def test_search_that_finds_nothing_is_no_error(self):
        self.assertEqual(call("search_text", text="one", query="two")["result"], {"content": [{"type": "text", "text": ""}]})

    def test_excerpt_keeps_what_stands_there(self):
        text = "a\r\nb\u2028c\n\nd"
        for first, last, expected in ((1, 4, text), (2, 2, "b\u2028c"), (3, 4, "\nd"), (1, 1, "a\r")):
            with self.subTest(first=first, last=last):
                self.assertEqual(text_of(call("excerpt_text", text=text, first=first, last=last)), expected)

    def test_long_texts_come_whole_and_go_whole(self):
        self.assertEqual(text_of(call("excerpt_text", text=LONG, first=1, last=200_001)), LONG)
        self.assertEqual(text_of(call("replace_text", text=LONG, old="😀", new="")), LONG.replace("😀", ""))

    def test_what_a_tool_cannot_do_is_told_to_the_model(self):
        for name, arguments, said in (
            ("search_text", {"query": ""}, "query"),
            ("excerpt_text", {"first": 0, "last": 1}, "lines 1 to 2"),
            ("excerpt_text", {"first": 2, "last": 1}, "lines 1 to 2"),
            ("excerpt_text", {"first": 1, "last": 3}, "lines 1 to 2"),
            ("replace_text", {"old": "x", "new": "y"}, "old"),
            ("replace_text", {"old": "", "new": "y"}, "old"),
        ):
            with self.subTest(name=name, arguments=arguments):
                answer = call(name, text="a\nb", **arguments)
                self.assertTrue(answer["result"]["isError"])
                self.assertIn(said, text_of(answer))


class Errors(unittest.TestCase):
    def fails(self, answer, code, said, id=7):
        self.assertEqual((answer["jsonrpc"], answer["id"], answer["error"]["code"]), ("2.0", id, code))
        self.assertIn(said, answer["error"]["message"])

    def test_what_is_no_message_is_an_invalid_request(self):
        for event in (None, [], "ping", {}, {"jsonrpc": "1.0", "method": "ping"}, [{"jsonrpc": "2.0", "method": "ping"}]):
            with self.subTest(event=event):
                self.fails(SERVER.answer(event), -32600, "JSON-RPC", id=None)

    def test_a_method_is_a_text_and_an_id_a_text_or_a_number(self):
        self.fails(SERVER.answer({"jsonrpc": "2.0", "id": 7, "method": 1}), -32600, "method")
        for id in (None, True, 1.5, [], {}):
            with self.subTest(id=id):
                self.fails(SERVER.answer({"jsonrpc": "2.0", "id": id, "method": "ping"}), -32600, "id", id=None)

    def test_an_unknown_method_is_named(self):
        self.fails(ask("resources/list"), -32601, "resources/list")

    def test_params_are_an_object(self):
        self.fails(SERVER.answer({"jsonrpc": "2.0", "id": 7, "method": "ping", "params": []}), -32602, "params")

    def test_an_unknown_tool_is_named(self):
        for name in ("drop_text", None, [], 1):
            with self.subTest(name=name):
                self.fails(call(name), -32602, f"tool {name}")

    def test_a_wrong_argument_is_named(self):
        right = {"text": "a", "first": 1, "last": 1}
        for name, value in (("text", None), ("text", 1), ("first", "1"), ("last", True), ("last", 1.0), ("other", 1)):
            with self.subTest(name=name, value=value):
                self.fails(call("excerpt_text", **{**right, name: value}), -32602, f"arguments.{name}")
        self.fails(call("excerpt_text", text="a", last=1), -32602, "arguments.first")
        self.fails(ask("tools/call", name="excerpt_text", arguments=[]), -32602, "arguments")


if __name__ == "__main__":
    unittest.main()
