"""Requests of the HTTP API: who may ask, what is answered, and what is logged of it."""

import json

from tests.flows import API_KEY, STAGE, OnPlatform

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
        self.assertEqual((status, made["message_type"], made["status"]), (201, "notify", "queued"), made)
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
