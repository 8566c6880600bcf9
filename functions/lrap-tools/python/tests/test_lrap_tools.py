"""What type hints and docstrings become, and what a model is told."""

import json
import subprocess
import sys
import unittest
from typing import Annotated, Literal

from lrap_tools import Content, Range, ToolError, serve, tool

HANDLE = "1:dynamodb:s:86400:ng0Etg0subslsCKKke9orZQNb9p74JodA19cyKvdD5M:13"


@tool
def search(
    text: Content,
    words: list[str],
    most: Annotated[int, Range(1, 8)] = 4,
    order: Literal["best", "first"] = "best",
    exact: bool | None = None,
) -> str:
    """Finds words in a text,
    best first.

    Args:
        text: The text, or its handle,
            exactly as given.
        words (list): What to find.
        most: How many.
    """
    if "boom" in words:
        raise ValueError("a secret")
    if "none" in words:
        raise ToolError("nothing is found")
    return f"{len(text)} {words} {most} {order} {exact}"


@tool
def numbers() -> dict:
    """Gives numbers."""
    return {"ä": [1, 2.5]}


def called(name, given):
    return serve(search, numbers)({"name": name, "id": "tu_1", "input": given}, None)


class SchemaTest(unittest.TestCase):
    def test_a_schema_is_made_of_type_hints_and_the_docstring(self):
        self.assertEqual(search.description, "Finds words in a text, best first.")
        self.assertEqual(
            search.input_schema,
            {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "format": "content", "description": "The text, or its handle, exactly as given."},
                    "words": {"type": "array", "items": {"type": "string"}, "description": "What to find."},
                    "most": {"type": "integer", "minimum": 1, "maximum": 8, "description": "How many."},
                    "order": {"enum": ["best", "first"]},
                    "exact": {"type": "boolean"},
                },
                "required": ["text", "words"],
                "additionalProperties": False,
            },
        )

    def test_what_cannot_be_a_tool_is_refused_when_it_is_defined(self):
        def without_docstring(text: str):
            return text

        def without_hint(text):
            """Does."""

        def of_bytes(data: bytes):
            """Does."""

        def notSnake():
            """Does."""

        reasons = {without_docstring: "docstring", without_hint: "parameter text", of_bytes: "bytes", notSnake: "snake_case"}
        for function, reason in reasons.items():
            with self.assertRaisesRegex(TypeError, reason):
                tool(function)

    def test_a_module_is_described_for_a_registry(self):
        code = "from lrap_tools import tool\n@tool\ndef one() -> str:\n  'Says one.'\n  return '1'\n"
        command = [sys.executable, "-c", f"import sys, types; module = types.ModuleType('mine'); exec({code!r}, module.__dict__)\n"
                   "sys.modules['mine'] = module; sys.argv = ['x', 'mine']; import runpy; runpy.run_module('lrap_tools')"]
        rows = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        self.assertEqual([(row["tool_name"], row["language"]) for row in rows], [("one", "python")])


class CallTest(unittest.TestCase):
    def test_a_call_becomes_a_result(self):
        self.assertEqual(
            called("search", {"text": "abc", "words": ["a"], "most": 2.0, "exact": None}),
            {"type": "tool_result", "name": "search", "tool_use_id": "tu_1", "content": "3 ['a'] 2.0 best None"},
        )
        self.assertEqual(called("numbers", {})["content"], '{"ä": [1, 2.5]}')

    def test_every_mistake_names_its_field(self):
        cases = [
            ({"text": 1}, "`words` is missing; `text` is not a text"),
            ({"text": "", "words": ["a", 2]}, "`words[1]` is not a text"),
            ({"text": "", "words": [], "most": 9}, "`most` is not from 1 to 8"),
            ({"text": "", "words": [], "most": True}, "`most` is not a whole number"),
            ({"text": "", "words": [], "order": "last"}, "`order` is not one of best, first"),
            ({"text": "", "words": [], "mots": 1}, "`mots` is not a parameter of this tool"),
        ]
        for given, content in cases:
            result = called("search", given)
            self.assertEqual((result["content"], result["is_error"]), (content, True))

    def test_a_handle_that_nobody_opened_is_not_taken_for_text(self):
        result = called("search", {"text": HANDLE, "words": []})
        self.assertTrue(result["is_error"] and "is a handle" in result["content"], result)
        self.assertNotIn("is_error", called("search", {"text": f"The handle is {HANDLE}.", "words": []}))

    def test_an_error_says_what_it_may(self):
        self.assertEqual(called("search", {"text": "", "words": ["none"]})["content"], "nothing is found")
        with self.assertLogs("lrap_tools") as logs:
            result = called("search", {"text": "", "words": ["boom"]})
        self.assertEqual(result["content"], "the tool failed: ValueError")
        self.assertIn("a secret", logs.output[0])

    def test_what_is_no_call_is_answered_like_one(self):
        handler = serve(numbers)
        for event, content in [({}, "the call has no `id`"), ([], "the call has no `id`"), ({"id": "1"}, "the call has no `name`"),
                               ({"id": "1", "name": "x"}, "there is no tool `x`; the tools are numbers"),
                               ({"id": "1", "name": "numbers", "input": [1]}, "the call's `input` is not an object")]:
            result = handler(event)
            self.assertEqual((result["content"], result["is_error"]), (content, True))
        self.assertEqual(handler({"warmup": True}), {"warmup": True})


if __name__ == "__main__":
    unittest.main()
