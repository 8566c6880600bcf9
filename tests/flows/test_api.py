"""Requests of the HTTP API: who may ask, what is answered, and what is logged of it."""

import json
import time

from tests.flows import API_KEY, AUDIENCE, ISSUER, STAGE, OnPlatform

MESSAGES = f"rez-agent-messages-{STAGE}"
NOTIFICATION = {"message_type": "notify", "stage": STAGE, "payload": {"message": "by the API"}}


class ApiGateway(OnPlatform):
    def request(self, method, path, body=None, key=API_KEY):
        """The status and the body, which is JSON."""
        url = self.platform.output("WebApiUrl") + path
        status, _, text = self.platform.ask(url, method, body, {"x-api-key": key} if key else {})
        return status, json.loads(text)

    def logged(self, text):
        """The fields of the lines with this text."""
        lines = [line for line in self.platform.lines if f'"{text}"' in line]
        return [json.loads(line[line.index("{") :])["fields"] for line in lines]

    def test_api_gateway_request_flow(self):
        answered = len(self.logged("request answered"))
        status, made = self.request("POST", "/api/messages", NOTIFICATION)
        self.assertEqual((status, made["message_type"]), (201, "notify"), made)
        # The consumer may be faster than the reply.
        self.assertIn(made["status"], ("queued", "processing", "completed"))
        self.eventually(lambda: self.message(made["id"])["status"] == "completed", "the end of the message")
        written, published = f"dynamodb PutItem {MESSAGES}", f"sns Publish rez-agent-notifications-{STAGE}"
        self.in_order(written, published, f"dynamodb UpdateItem {MESSAGES}", "ntfy POST /")
        self.assertEqual(self.calls("aws:dynamodb", "aws:sns")[0], written)
        self.eventually(lambda: len(self.logged("request answered")) > answered, "the line of the answer")
        self.assertEqual(self.logged("request answered")[answered]["status"], 201)
        self.assertEqual(self.logged("request checked")[-1], {"message": "request checked", "is_authorized": True, "caller": "key:flows"})
        self.assertEqual(self.request("GET", f"/api/messages/{made['id']}")[0], 200)

    def test_errors_are_answered_with_a_reason(self):
        for body, reason in (("no object", "object"), ({**NOTIFICATION, "message_type": "parcel"}, "message_type")):
            status, answer = self.request("POST", "/api/messages", body)
            self.assertEqual((status, answer["status"]), (400, 400), answer)
            self.assertIn(reason, answer["error"])
        self.assertEqual(self.calls("aws:sns", "aws:dynamodb"), [])
        self.fail_next("aws:sns", kind="status", status=500)
        status, answer = self.request("POST", "/api/messages", NOTIFICATION)
        self.assertEqual((status, answer["error"]), (502, answer["detail"]), answer)
        self.assertEqual(self.request("GET", "/api/nothing")[0], 404)

    def test_without_a_key_that_is_known_nothing_is_done(self):
        for key in (None, "key-of-the-flows-7c1d0f53", "flows"):
            self.assertEqual(self.request("POST", "/api/messages", NOTIFICATION, key)[0], 403, key)
        self.assertEqual(self.calls("aws:dynamodb", "aws:sns"), [])
        self.eventually(lambda: self.logged("request checked")[-1]["is_authorized"] is False, "the line of the decision")

    def test_requests_are_in_the_access_log(self):
        # That each has its line, only AWS does; here the stage is asked what that line is.
        stage = self.client("apigatewayv2").get_stage(ApiId=self.platform.api, StageName="$default")
        log = stage["AccessLogSettings"]
        self.assertIn(f":log-group:/ai-agent/functions-api-{STAGE}", log["DestinationArn"])
        line = json.loads(log["Format"])
        self.assertLess({"requestId", "time", "route", "status", "responseLatency", "error"}, set(line))
        self.assertFalse([value for value in line.values() if "querystring" in value.lower() or "header" in value.lower()])


class Tokens(OnPlatform):
    """JWTs in place of keys. Keys of the issuer are kept for an hour; for an unknown one they are asked for once a minute."""

    KEYS = "issuer GET /.well-known/jwks.json"

    def setUp(self):
        super().setUp()
        # Keys that were asked for in the tests before are forgotten.
        self.restart("authorizer")

    def signed(self, header=None, **changes):
        """A token of the issuer. A claim that is ``None`` is left out."""
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ann", "iat": now, "nbf": now, "exp": now + 600, **changes}
        claims = {name: claim for name, claim in claims.items() if claim is not None}
        return self.platform.control("POST", "sign", {"claims": claims, **({"header": header} if header else {})})

    def status(self, token):
        url = self.platform.output("WebApiUrl") + "/api/health"
        return self.platform.ask(url, "GET", None, {"Authorization": f"Bearer {token}"})[0]

    def test_a_token_of_the_issuer_is_let_in(self):
        self.assertEqual(self.status(self.signed()), 200)
        said = '"caller":"jwt:ann"'
        self.eventually(lambda: [line for line in self.platform.lines if said in line], "the line of the decision")
        url, token = self.platform.output("WebApiUrl") + "/api/messages", self.signed(sub="bob")
        body = {"message_type": "notify", "payload": {"message": "by a token"}}
        status, _, text = self.platform.ask(url, "POST", body, {"Authorization": f"Bearer {token}"})
        self.assertEqual((status, json.loads(text)["created_by"]), (201, "jwt:bob"), text)
        self.assertEqual(self.calls("issuer"), [self.KEYS], "the keys are asked for once")

    def test_optional_parts_of_a_token_may_be_missing(self):
        for token in (self.signed(nbf=None), self.signed(iat=None), self.signed({"alg": "RS256"}), self.signed(aud=["other", AUDIENCE])):
            self.assertEqual(self.status(token), 200)

    def test_every_other_token_is_denied(self):
        now = int(time.time())
        tokens = {
            "of another audience": self.signed(aud="another"),
            "of another issuer": self.signed(iss="https://evil.example.com"),
            "expired": self.signed(exp=now - 60, nbf=now - 600),
            "not valid yet": self.signed(nbf=now + 300),
            "without an end": self.signed(exp=None),
            "without an audience": self.signed(aud=None),
            "without a subject": self.signed(sub=None),
            "of an unknown key": self.signed({"alg": "RS256", "kid": "unknown"}),
            "by another algorithm": self.signed({"alg": "none", "kid": "key-0"}),
            "with another signature": self.signed()[:-8] + "AAAAAAAA",
            "no token": "ann",
        }
        for what, token in tokens.items():
            self.assertEqual(self.status(token), 403, what)
        self.assertEqual(self.calls("issuer"), [self.KEYS] * 2, "once, and once for the unknown key")

    def test_a_new_key_counts_within_the_hour_and_the_old_one_no_more(self):
        old = self.signed()
        self.assertEqual(self.status(old), 200)
        self.platform.control("POST", "rotate")
        self.assertEqual(self.status(old), 200, "it is not known yet that its key is gone")
        self.assertEqual(self.status(self.signed()), 200)
        self.assertEqual([self.status(old), self.status(old)], [403, 403])
        self.assertEqual(self.calls("issuer"), [self.KEYS] * 3, "once for the new key, and once for the one that is gone")

    def test_no_one_is_let_in_while_the_keys_cannot_be_read(self):
        token = self.signed()
        self.fail_next("issuer", kind="status", status=500)
        self.assertEqual(self.status(token), 403)
        self.platform.control("DELETE", "faults")
        self.assertEqual(self.status(token), 200)
