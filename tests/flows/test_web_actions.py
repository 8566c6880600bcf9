"""A web action: a request to a web service, its result, and a notification of it."""

import json

from tests.flows import REGION, STAGE, OnPlatform

MESSAGES = f"rez-agent-messages-{STAGE}"
RESULTS = f"rez-agent-web-action-results-{STAGE}"
FORECAST = "https://api.weather.gov/gridpoints/TOP/31,80/forecast"


class WebActions(OnPlatform):
    def ask(self, identity, payload):
        """Leaves what webapi leaves: the row, and a message to the Web Actions topic."""
        now = "2026-11-29T00:00:00Z"
        message = {"id": identity, "version": "1.0", "created_date": now, "created_by": "test", "stage": STAGE}
        message |= {"message_type": "web_action", "status": "queued", "payload": payload, "arguments": {}, "updated_date": now}
        nested = {name: json.dumps(message[name]) for name in ("payload", "arguments")}
        self.table("messages").put_item(Item={**message, **nested, "retry_count": 0})
        arn = f"arn:aws:sns:{REGION}:123456789012:rez-agent-web-actions-{STAGE}"
        self.client("sns").publish(TopicArn=arn, Message=json.dumps(message))

    def test_web_action_execution(self):
        identity = "msg_20261129000000_000020"
        self.ask(identity, {"version": "1.0", "action": "weather", "url": FORECAST})
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        calls = self.calls()
        forecast, notified = "noaa GET /gridpoints/TOP/31,80/forecast", f"sns Publish rez-agent-notifications-{STAGE}"
        self.assertEqual((calls.count(forecast), calls.count(notified)), (1, 1), calls)
        stored = [place for place, call in enumerate(calls) if call.endswith(RESULTS) and " Get" not in call][-1]
        self.assertLess(calls.index(f"dynamodb UpdateItem {MESSAGES}"), calls.index(forecast), calls)
        self.assertLess(calls.index(forecast), stored, calls)
        self.assertLess(stored, calls.index(notified), calls)
        result = self.table("web-action-results").get_item(Key={"id": identity.replace("msg", "result")})["Item"]
        self.assertEqual(result["status"], "completed")
        self.assertIn("Tuesday Night", result["response_body"])
        self.eventually(lambda: self.waiting("web-actions") == 0, "the empty queue")

    def test_an_action_for_another_host_requests_nothing(self):
        identity = "msg_20261129000000_000021"
        self.ask(identity, {"version": "1.0", "action": "http", "url": "https://169.254.169.254/latest/meta-data"})
        self.eventually(lambda: self.message(identity)["status"] == "failed", "the end of the message")
        self.assertEqual(self.calls("noaa", "golf"), [])
