"""A web action in somebody's name: a token is asked for and verified before anything is asked with it."""

import base64
import json
import urllib.parse

from tests.flows import GOLF_SECRET, OnPlatform

TOKEN = "tokens POST /identityapi/connect/token"
KEYS = "keys GET /identityapi/.well-known/openid-configuration/jwks"
SEARCH = "golf-search GET /onlineres/onlineapi/api/v1/onlinereservation/TeeTimes"
OUTSIDE = ("tokens", "keys", "golf-search", "golf-upcoming", "golf-lock", "golf-price", "golf-reserve")
BIRDSFOOT, TOTTERIDGE = 1, 2


class Authentication(OnPlatform):
    def setUp(self):
        super().setUp()
        # Tokens and keys of the tests before are forgotten.
        self.restart("webaction")

    def search(self, identity, course):
        payload = {"version": "1.0", "action": "golf", "courseID": course, "startSearchTime": "2025-10-29T08:30:00"}
        self.act(identity, payload, operation="search_tee_times")

    def result(self, identity):
        return self.table("web-action-results").get_item(Key={"id": identity.replace("msg", "result")})["Item"]

    def asked(self, words):
        return next(call for call in self.platform.calls() if call["words"] == words)

    def signed_in(self, identity):
        """Searches for tee times; the token that this was done with."""
        self.search(identity, BIRDSFOOT)
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        kind, token = self.asked(SEARCH)["headers"]["authorization"].split(" ")
        self.assertEqual(kind, "Bearer")
        return token

    def test_authentication_flow(self):
        token = self.signed_in("msg_20261129000000_000040")
        self.in_order(f"secretsmanager GetSecretValue {GOLF_SECRET.rpartition('/')[2]}", TOKEN, KEYS, SEARCH)
        self.assertEqual(self.calls(*OUTSIDE), [TOKEN, KEYS, SEARCH])
        form = dict(urllib.parse.parse_qsl(self.asked(TOKEN)["body"], strict_parsing=True))
        secret = {name: text for name, text in self.platform.places["golf"].items() if name != "website_id"}
        self.assertEqual(form, {"grant_type": "password", "scope": "onlinereservation", **secret})
        header, claims, _ = token.split(".")
        self.assertEqual((part(header)["alg"], part(claims)["aud"]), ("RS256", "onlinereservation"))
        result = self.result("msg_20261129000000_000040")
        self.assertEqual(result["status"], "completed")
        self.assertIn("teeSheetID 1002", result["response_body"])

    def test_with_an_invalid_token_no_call_is_made(self):
        header, claims, signature = self.signed_in("msg_20261129000000_000041").split(".")
        # Of another golfer, but not signed anew.
        claims = {**part(claims), "golferId": 1, "iss": "https://totteridge.cps.golf/identityapi"}
        forged = f"{header}.{spelt(claims)}.{signature}"
        self.platform.secrets.add("the forged token", forged)
        self.platform.control("PUT", "token", forged)
        self.addCleanup(self.platform.control, "DELETE", "token")
        self.platform.forget_calls()
        identity = "msg_20261129000000_000042"
        self.search(identity, TOTTERIDGE)
        self.eventually(lambda: self.message(identity)["status"] == "failed", "the end of the message")
        self.assertEqual(self.calls(*OUTSIDE), [TOKEN, KEYS])
        self.assertIn("the token is refused", self.result(identity)["error_message"])
        self.eventually(lambda: [line for line in self.platform.lines if "a token was not verified" in line], "the line in the log")


def part(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def spelt(claims):
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
