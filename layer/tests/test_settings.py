"""Settings are judged as the extension judges them: by its own tool where it is built, else by the same rules."""

import os
import unittest
from unittest import mock

from delivery import Refusal, settings
from delivery.settings import RULES, mistakes
from tests.aws import REPOSITORY

REGION = "eu-central-1"
RIGHT = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/extensions/lrap-wrapper/wrapper",
    "AGENT_CONTEXT_TABLE": "<import SharedContentTableLongContent-dev>",
    "MAX_CONTENT_SIZE": 5000,
    "LRAP_CONTENT_TTL": "0",
    "LRAP_HYDRATE": "always",
    "LRAP_OFFLOAD": "never",
    "LRAP_LOG": "info",
    "PASSWORD": "correct horse",
}
WRONG = {
    "MAX_CONTENT_SIZE": "20k",
    "MAX_PAYLOAD_SIZE": "-1",
    "LRAP_CONTENT_TTL": "1 day",
    "LRAP_STORE_TIMEOUT": "0",
    "LRAP_OFFLOAD": "sometimes",
    "LRAP_HYDRATE": "perhaps",
    "LRAP_ON_MISSING": "ignore",
    "LRAP_LOG": "loud",
    "LRAP_METRICS": "statsd",
    "AGENT_CONTEXT_TABLE": "two words",
}
# Right, though it does not look so.
UNUSUAL = (
    ("LRAP_HYDRATE", "Always"),
    ("LRAP_LOG", "INFO"),
    ("MAX_CONTENT_SIZE", "+5"),
    ("MAX_CONTENT_SIZE", ""),
    ("LRAP_OFFLOAD", ""),
    ("AGENT_CONTEXT_TABLE", "T"),
    ("AGENT_CONTEXT_TABLE", "arn:aws:dynamodb:eu-central-1:123456789012:table/T"),
)


def judged(variables, program=None):
    """What is wrong, by name; ``program`` in place of the one that is found."""
    found, settings.tool = settings.tool, lambda: program
    try:
        return {mistake.split()[0] for mistake in mistakes(variables, REGION)}
    finally:
        settings.tool = found


class Rules(unittest.TestCase):
    def test_settings_that_are_right_are_not_named(self):
        self.assertEqual(judged(RIGHT), set())
        for name, value in UNUSUAL:
            with self.subTest(name=name, value=value):
                self.assertEqual(judged({**RIGHT, name: value}), set())

    def test_each_setting_that_is_wrong_is_named(self):
        for name, value in WRONG.items():
            with self.subTest(name):
                self.assertEqual(judged({**RIGHT, name: value}), {name})

    def test_are_for_variables_that_the_extension_has(self):
        sources = "".join(
            (REPOSITORY / path).read_text()
            for path in ("extension/src/config.rs", "extension/content/src/store/settings/names.rs")
        )
        self.assertEqual([name for name in RULES if f'"{name}"' not in sources], [])


class Named(unittest.TestCase):
    def test_a_program_that_is_named_and_not_there_is_refused(self):
        with mock.patch.dict(os.environ, LRAP_TOOL="/nowhere/lrap"), self.assertRaisesRegex(Refusal, "LRAP_TOOL is /nowhere/lrap"):
            mistakes(RIGHT, REGION)


class Tool(unittest.TestCase):
    """Where it is built: `cargo build -p lrap-cli`, `make test` and `make layer` do."""

    def setUp(self):
        self.program = settings.tool()
        if self.program is None:
            self.skipTest("lrap is not built")

    def test_says_the_same_as_the_rules(self):
        self.assertEqual(judged(RIGHT, self.program), set())
        for name, value in UNUSUAL:
            with self.subTest(name=name, value=value):
                self.assertEqual(judged({**RIGHT, name: value}, self.program), set())
        for name, value in WRONG.items():
            with self.subTest(name):
                self.assertEqual(judged({**RIGHT, name: value}, self.program), {name})

    def test_knows_misspelt_names_too(self):
        self.assertEqual(judged({**RIGHT, "LRAP_CONTENT_TLT": "60"}, self.program), {"LRAP_CONTENT_TLT"})

    def test_does_not_judge_what_a_person_has_set_for_themselves(self):
        os.environ["LRAP_LISTENER_PORT"] = "70000"
        self.addCleanup(os.environ.pop, "LRAP_LISTENER_PORT")
        self.assertEqual(judged(RIGHT, self.program), set())


if __name__ == "__main__":
    unittest.main()
