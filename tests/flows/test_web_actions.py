"""A web action: a request to a web service, its result, and a notification of it."""

from tests.flows import GOLF_SECRET, STAGE, OnPlatform
from tests.flows.test_authentication import BIRDSFOOT, KEYS, SEARCH, TOKEN

MESSAGES = f"rez-agent-messages-{STAGE}"
RESULTS = f"rez-agent-web-action-results-{STAGE}"
FORECAST = "https://api.weather.gov/gridpoints/TOP/31,80/forecast"


class WebActions(OnPlatform):
    def test_web_action_execution(self):
        payload = {"version": "1.0", "action": "weather", "url": FORECAST}
        identity = self.post("/api/messages", {"message_type": "web_action", "payload": payload})["id"]
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        calls = self.calls()
        forecast, notified = "noaa GET /gridpoints/TOP/31,80/forecast", f"sns Publish rez-agent-notifications-{STAGE}"
        self.assertEqual((calls.count(forecast), calls.count(notified)), (1, 1), calls)
        self.in_order(f"dynamodb PutItem {MESSAGES}", f"sns Publish rez-agent-web-actions-{STAGE}", forecast)
        stored = [place for place, call in enumerate(calls) if call.endswith(RESULTS) and " Get" not in call][-1]
        self.assertLess(calls.index(f"dynamodb UpdateItem {MESSAGES}"), calls.index(forecast), calls)
        self.assertLess(calls.index(forecast), stored, calls)
        self.assertLess(stored, calls.index(notified), calls)
        result = self.table("web-action-results").get_item(Key={"id": identity.replace("msg", "result")})["Item"]
        self.assertEqual(result["status"], "completed")
        self.assertIn("Tuesday Night", result["response_body"])
        self.eventually(lambda: self.waiting("web-actions") == 0, "the empty queue")

    def test_web_action_execution_with_oauth(self):
        self.restart("webaction")
        payload = {"version": "1.0", "action": "golf", "courseID": BIRDSFOOT, "startSearchTime": "2025-10-29T08:30:00"}
        body = {"message_type": "web_action", "payload": payload, "arguments": {"operation": "search_tee_times"}}
        identity = self.post("/api/messages", body)["id"]
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        notified, changed = f"sns Publish rez-agent-notifications-{STAGE}", f"dynamodb UpdateItem {MESSAGES}"
        self.in_order(
            f"dynamodb PutItem {MESSAGES}",
            f"sns Publish rez-agent-web-actions-{STAGE}",
            f"secretsmanager GetSecretValue {GOLF_SECRET.rpartition('/')[2]}",
            TOKEN,
            KEYS,
            SEARCH,
            f"dynamodb PutItem {RESULTS}",
            notified,
        )
        calls = self.calls()
        self.assertIn(changed, calls[calls.index(notified) :], "completed after it was told")
        self.assertEqual([calls.count(call) for call in (TOKEN, KEYS, SEARCH, notified)], [1, 1, 1, 1], calls)
        self.eventually(lambda: self.waiting("web-actions") == 0, "the empty queue")

    def test_an_action_for_another_host_requests_nothing(self):
        identity = "msg_20261129000000_000021"
        self.act(identity, {"version": "1.0", "action": "http", "url": "https://169.254.169.254/latest/meta-data"})
        self.eventually(lambda: self.message(identity)["status"] == "failed", "the end of the message")
        self.assertEqual(self.calls("noaa", "golf"), [])
