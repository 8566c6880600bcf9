"""Which AWS a stage is in: the stage `local` never leaves this machine, and no other stage comes to it unasked."""

import contextlib
import http.server
import io
import os
import threading
import unittest
from unittest import mock

from delivery import Refusal
from delivery.__main__ import main
from delivery.connection import connected, parameters_of


def account(stage, region=None, **variables):
    given = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull, **variables}
    with mock.patch.dict(os.environ, given, clear=True):
        found = connected(stage, region, dry_run=True)
        return found.client("sts").meta.endpoint_url, found.region, found.client("sts")._request_signer._credentials


class Endpoints(unittest.TestCase):
    def test_the_stage_local_is_on_this_machine_with_made_up_keys(self):
        real = {"AWS_ACCESS_KEY_ID": "real", "AWS_SECRET_ACCESS_KEY": "real"}
        endpoint, region, keys = account("local", **real)
        self.assertEqual((endpoint, region), ("http://127.0.0.1:4566", "us-east-1"))
        self.assertNotEqual(keys.access_key, "real")

    def test_another_address_on_this_machine_is_taken(self):
        self.assertEqual(account("local", AWS_ENDPOINT_URL="http://localhost:4599")[0], "http://localhost:4599")
        self.assertEqual(account("local", "eu-central-1")[1], "eu-central-1")

    def test_the_stage_local_is_refused_anywhere_else(self):
        with self.assertRaisesRegex(Refusal, "the stage local is on this machine, but AWS_ENDPOINT_URL is https://example.com"):
            account("local", AWS_ENDPOINT_URL="https://example.com")

    def test_another_stage_is_in_the_account_of_the_credentials(self):
        self.assertEqual(account("dev", "eu-central-1")[0], "https://sts.eu-central-1.amazonaws.com")
        self.assertEqual(account("dev", "eu-central-1", AWS_ENDPOINT_URL="http://127.0.0.1:1")[0], "http://127.0.0.1:1")

    def test_without_a_region_nothing_is_asked(self):
        with self.assertRaisesRegex(Refusal, "no region: give REGION="):
            account("dev")

    def test_functions_of_the_stage_local_run_on_this_processor(self):
        for machine, architecture in (("x86_64", "x86_64"), ("aarch64", "arm64"), ("arm64", "arm64")):
            with mock.patch("platform.machine", lambda machine=machine: machine):
                self.assertEqual(parameters_of("local"), {"Architecture": architecture})
        self.assertEqual(parameters_of("dev"), {})


class Garbage(http.server.BaseHTTPRequestHandler):
    """A web server that is not AWS."""

    def do_POST(self):
        body = b"<html>It works!"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Answers(unittest.TestCase):
    def test_what_is_not_aws_is_said_in_a_line(self):
        with http.server.HTTPServer(("127.0.0.1", 0), Garbage) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            endpoint = f"http://127.0.0.1:{server.server_port}"
            keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": endpoint}
            said = io.StringIO()
            with mock.patch.dict(os.environ, keys), contextlib.redirect_stderr(said):
                self.assertEqual(main(["destroy", "--stage", "dev", "--region", "eu-central-1"]), 1)
            server.shutdown()
        self.assertRegex(said.getvalue(), r"^destroy: the answer is not from AWS, or is incomplete: .+\n$")


if __name__ == "__main__":
    unittest.main()
