"""The search of all logs for secrets, which every class of these tests ends with, finds what is there."""

from tests.flows import GOLF_SECRET, OnPlatform
from tests.flows.leaks import Secrets, spellings

VISIBILITY = 360


class SecretsInLogs(OnPlatform):
    def test_a_secret_that_a_function_logs_is_found(self):
        # Ids are logged; for this search one is a secret.
        identity = "msg_20261129000000_000030"
        self.fail_next("ntfy", 1, kind="status", status=403)
        self.notify(identity, "logged by its id")
        self.eventually(lambda: self.message(identity)["status"] == "failed", "the failure")
        planted = Secrets()
        planted.add("planted", identity)
        self.eventually(lambda: planted.found_in(self.platform.lines), "the planted secret in what was said")
        self.eventually(lambda: planted.found_in(self.platform.log_events()), "the planted secret in the log groups")
        # Else it would be in flight in the tests that follow.
        self.advance(VISIBILITY + 1)
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")

    def test_every_secret_of_the_run_is_found_in_every_spelling(self):
        self.assertIn(f"password of {GOLF_SECRET}", self.platform.secrets.texts.values())
        for text, name in self.platform.secrets.texts.items():
            for spelt in spellings(text):
                line = f'{{"level":"DEBUG","message":"sends {spelt}"}}'
                self.assertIn(f"{name}: {line}", self.platform.secrets.found_in(["no secret", line]))
