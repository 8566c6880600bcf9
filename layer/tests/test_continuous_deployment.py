"""The scripts of the workflow that deploys, by hand and as GitHub runs them, against AWS on this machine; and the workflow itself."""

import http.server
import json
import os
import re
import subprocess
import tempfile
import threading
import unittest
from pathlib import Path

import yaml

from tests.aws import PASSED_ON, REGION, REPOSITORY, OnAws

WORKFLOW = REPOSITORY / ".github/workflows/deploy.yml"
PAGE = (REPOSITORY / "docs/continuous-deployment.md").read_text()
KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
# A stack without functions: nothing has to be packaged.
ONLY = "ONLY=messaging"


class Tokens(http.server.BaseHTTPRequestHandler):
    """GitHub's service of tokens, which remembers how it was asked."""

    asked = []

    def do_GET(self):
        self.asked.append((self.path, self.headers["Authorization"]))
        body = json.dumps({"value": "a.token.of-github"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Scripts(OnAws):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.summary = Path(folder.name) / "summary.md"
        self.addCleanup(self.client("cloudformation").delete_stack, StackName="messaging-dev")

    def run_script(self, name, *words, **variables):
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment.update(AWS_ENDPOINT_URL=self.endpoint, AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
        environment.update(GITHUB_STEP_SUMMARY=str(self.summary), AWS_REGION=REGION, **(variables or KEYS))
        done = subprocess.run(
            [REPOSITORY / ".ci" / name, *words], env=environment, capture_output=True, text=True, check=False
        )
        return done.returncode, done.stdout + done.stderr

    def github(self):
        """Variables of a job with the permission id-token: write."""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Tokens)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{server.server_port}/token?api-version=2.0",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-this-job",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/deploy",
        }

    def test_the_commands_of_the_page_do_what_it_says(self):
        commands = re.findall(r"^\.ci/(preview|deploy) (.*)$", PAGE, re.MULTILINE)
        self.assertEqual([script for script, _ in commands], ["preview", "deploy"])
        for script, words in commands:
            code, said = self.run_script(script, *words.split(), ONLY)
            self.assertEqual(code, 0, said)
        self.assertEqual(self.stacks(), ["messaging-dev"])

    def test_a_preview_says_what_would_change_and_changes_nothing(self):
        code, said = self.run_script("preview", "dev", ONLY)
        self.assertEqual(code, 0, said)
        self.assertIn("1 of 1 stacks would change: messaging-dev", said)
        self.assertIn("1 of 1 stacks would change", self.summary.read_text())
        self.assertEqual(self.stacks(), [])

    def test_a_deployment_is_done_and_said(self):
        code, said = self.run_script("deploy", "dev", ONLY)
        self.assertEqual(code, 0, said)
        self.assertEqual(self.stacks(), ["messaging-dev"])
        self.assertRegex(self.summary.read_text(), r"deploy: stage dev is at [0-9a-f]{7,}")
        code, said = self.run_script("preview", "dev", ONLY)
        self.assertEqual((code, "0 of 1 stacks would change" in said), (0, True), said)

    def test_on_github_a_token_is_exchanged_for_credentials(self):
        code, said = self.run_script("deploy", "dev", ONLY, **self.github())
        self.assertEqual(code, 0, said)
        self.assertEqual(Tokens.asked[-1], ("/token?api-version=2.0&audience=sts.amazonaws.com", "bearer of-this-job"))
        self.assertNotIn("a.token.of-github", said)

    def test_what_cannot_be_told_or_done_fails(self):
        for script in ("preview", "deploy"):
            code, said = self.run_script(script, "dev", "ONLY=nothing")
            self.assertNotEqual(code, 0, said)
            self.assertNotIn("stage dev is at", said)
            self.assertNotEqual(self.run_script(script)[0], 0)

    def test_without_a_role_nothing_is_asked(self):
        variables = self.github()
        del variables["AWS_ROLE_ARN"]
        code, said = self.run_script("deploy", "dev", ONLY, **variables)
        self.assertEqual((code != 0, "AWS_ROLE_ARN: the role to assume" in said), (True, True), said)


class Workflow(unittest.TestCase):
    TEXT = WORKFLOW.read_text()
    JOBS = yaml.safe_load(TEXT)["jobs"]

    def test_main_is_deployed_after_its_checks_and_a_pull_request_is_shown(self):
        self.assertEqual(self.JOBS["deploy"]["needs"], ["gate", "packages"])
        self.assertIn("github.event_name == 'push'", self.JOBS["deploy"]["if"])
        self.assertIn("github.event_name == 'pull_request'", self.JOBS["preview"]["if"])
        self.assertIn("head.repo.full_name == github.repository", self.JOBS["preview"]["if"])

    def test_only_the_jobs_that_ask_aws_get_a_token(self):
        with_token = {name for name, job in self.JOBS.items() if "id-token" in job["permissions"]}
        self.assertEqual(with_token, {"preview", "deploy"})
        self.assertNotRegex(self.TEXT, r"secrets\.|AWS_SECRET")

    def test_every_action_is_pinned_to_a_commit(self):
        for used in re.findall(r"uses: (\S+)", self.TEXT):
            self.assertRegex(used, r"^(\$/\.github/workflows/\w+\.yml|[\w/-]+@[0-9a-f]{40})$")

    def test_its_scripts_are_there(self):
        for script in re.findall(r"run: (\.ci/\w+)", self.TEXT):
            self.assertTrue(os.access(REPOSITORY / script, os.X_OK), script)

    def test_everything_that_a_stack_needs_is_packaged(self):
        packages = (REPOSITORY / ".ci/packages").read_text()
        makefile = (REPOSITORY / "Makefile").read_text()
        for verb in re.findall(r"^(package-[\w-]+|layer): ", makefile, re.MULTILINE):
            self.assertRegex(packages, rf"\b{verb}\b")


if __name__ == "__main__":
    unittest.main()
