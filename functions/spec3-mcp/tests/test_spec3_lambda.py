"""What Lambda calls, by the name that it is configured with, in a process that has only the variables it is given."""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
# As the runtime finds a handler: the text before the last dot is a module.
INVOKE = """
import importlib, json, sys
module, _, name = "spec3_mcp_lambda.handlers.spec3_lambda.handler".rpartition(".")
print(json.dumps(getattr(importlib.import_module(module), name)(json.load(sys.stdin), None)))
"""


def run(event, **environment):
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run(
        [sys.executable, "-c", INVOKE], input=json.dumps(event), env=environment, capture_output=True, text=True
    )


def invoke(event):
    return json.loads(run(event, STAGE="staging").stdout)


class HandlerTest(unittest.TestCase):
    def test_answers_a_message(self):
        text = "a\n" * 500_000
        arguments = {"text": text, "old": "a", "new": "é"}
        params = {"name": "replace_text", "arguments": arguments}
        answer = invoke({"jsonrpc": "2.0", "id": "1", "method": "tools/call", "params": params})
        self.assertEqual(answer["result"]["content"][0]["text"], text.replace("a", "é"))

    def test_is_of_its_stage(self):
        answer = invoke({"jsonrpc": "2.0", "id": 1, "method": "initialize"})
        self.assertEqual(answer["result"]["serverInfo"]["name"], "spec3-mcp-staging")

    def test_a_notification_is_answered_with_null(self):
        self.assertIsNone(invoke({"jsonrpc": "2.0", "method": "notifications/initialized"}))

    def test_a_warmup_comes_back(self):
        self.assertEqual(invoke({"warmup": True}), {"warmup": True})

    def test_does_not_start_without_a_stage(self):
        for environment in ({}, {"STAGE": ""}):
            with self.subTest(environment=environment):
                failed = run({}, **environment)
                self.assertNotEqual(failed.returncode, 0)
                self.assertIn("ConfigurationError: STAGE is not set", failed.stderr)


if __name__ == "__main__":
    unittest.main()
