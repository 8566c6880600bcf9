"""A dry run of each verb: asks AWS only questions, prints commands that can be typed as they are, and does not speak of deeds."""

import contextlib
import io
import os
import re
import shlex
import subprocess
from unittest import mock

from botocore.client import BaseClient

from delivery.__main__ import main
from tests.aws import REGION, REPOSITORY
from tests.test_deploying import WithFunctions

# Operations that change nothing begin so.
QUESTIONS = ("Describe", "Get", "Head", "List", "Scan", "Simulate")
# What is said only of what has happened.
DEEDS = re.compile(r"created|updated|deleted|\bhas\b arn|now has|runs without|sent to|written")


class DryRuns(WithFunctions):
    def setUp(self):
        super().setUp()
        variables = {"AWS_ENDPOINT_URL": self.endpoint, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
        patch = mock.patch.dict(os.environ, variables)
        patch.start()
        self.addCleanup(patch.stop)

    def run_dry(self, *words):
        """What a verb asks AWS for, and what it prints."""
        asked, make_call = [], BaseClient._make_api_call

        def recorded(client, operation, parameters):
            asked.append(operation)
            return make_call(client, operation, parameters)

        printed = io.StringIO()
        with mock.patch.object(BaseClient, "_make_api_call", recorded), contextlib.redirect_stdout(printed):
            self.assertEqual(main([*words, "--region", REGION, "--dry-run"]), 0)
        return asked, printed.getvalue()

    def changes_nothing(self, *words):
        asked, said = self.run_dry(*words)
        self.assertGreater(len(asked), 0)
        self.assertEqual([operation for operation in asked if not operation.startswith(QUESTIONS)], [])
        commands = [line for line in said.splitlines() if line.startswith("aws ")]
        self.assertEqual([line for line in said.splitlines() if line not in commands and DEEDS.search(line)], [])
        return commands

    def are_complete(self, commands):
        for command in commands:
            words = shlex.split(command)
            self.assertEqual(words[-4:], ["--region", REGION, "--endpoint-url", self.endpoint])
            for path in (word.partition("://")[2] for word in words if word.startswith("file")):
                self.assertTrue(os.path.exists(path), path)

    def paths(self):
        return [word.partition("=")[2] for word in self.zips]

    def test_no_verb_makes_a_call_that_changes_anything(self):
        everything = ["deploy", *self.paths(), "--zips", str(self.folder)]
        first = self.changes_nothing(*everything)
        self.are_complete(first)
        self.assertEqual(self.count(first, "create-stack"), len(self.named()))
        self.assertEqual(self.count(first, "wait stack-create-complete"), len(self.named()))
        self.assertEqual(self.stacks(), [])
        self.deploy_all()
        self.function_zip("llm.zip", b"changed")
        second = self.changes_nothing(*everything)
        self.are_complete(second)
        for word in ("create-change-set", "wait change-set-create-complete", "execute-change-set", "wait stack-update-complete"):
            self.assertEqual(self.count(second, word), len(self.named()), word)
        self.assertEqual([line.split()[2] for line in second if " s3api " in line], ["put-object"])
        last = self.changes_nothing("destroy", "--stage", "dev")
        self.are_complete(last)
        self.assertEqual(self.count(last, "wait stack-delete-complete"), len(self.named()))
        self.assertEqual(set(self.named()) - set(self.stacks()), set())
        self.smaller_verbs()

    def smaller_verbs(self):
        self.are_complete(self.changes_nothing("attach", "tool-shared-dev"))
        # moto forgets the layers of functions that stacks make.
        layer = self.exports()["SharedProxyLayerArmLongContent-dev"]
        self.client("lambda").update_function_configuration(FunctionName="tool-shared-dev", Layers=[layer])
        self.are_complete(self.changes_nothing("detach", "tool-shared-dev"))
        queues = self.client("sqs")
        queues.create_queue(QueueName="one-dead-letters-dev")
        queues.create_queue(QueueName="one-dev")
        (command,) = self.changes_nothing("redrive", "one-dead-letters-dev", "--to", "one-dev")
        self.assertIn("aws sqs start-message-move-task", command)

    def count(self, commands, words):
        return sum(f" {words} " in command for command in commands)


class Installing(WithFunctions):
    def test_a_dry_run_installs_nothing_and_says_what_does(self):
        empty = self.folder / "cache"
        words = ["make", "deploy", "DRY_RUN=1", f"LRAP_CACHE={empty}"]
        done = subprocess.run(words, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("A dry run installs nothing", done.stdout)
        self.assertFalse(empty.exists())
