"""A message on its way to a person."""

from tests.flows import STAGE, TOPIC, OnPlatform

MESSAGES = f"rez-agent-messages-{STAGE}"


class MessageProcessing(OnPlatform):
    def test_message_processing_flow(self):
        identity = self.post("/api/messages", {"message_type": "notify", "payload": {"message": "hi"}})["id"]
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        changed, shown = f"dynamodb UpdateItem {MESSAGES}", "ntfy POST /"
        self.in_order(f"dynamodb PutItem {MESSAGES}", f"sns Publish rez-agent-notifications-{STAGE}", changed, shown)
        calls = self.calls()
        self.assertEqual((calls.count(shown), calls.count(changed)), (1, 3), calls)
        self.assertIn(changed, calls[calls.index(shown) :], "completed after it was shown")
        self.assertIn("hi", [one["message"] for one in self.shown()])
        self.eventually(lambda: self.waiting("notifications") == 0, "the empty queue")

    def test_a_message_that_is_delivered_twice_is_shown_once(self):
        for _ in range(2):
            self.notify("msg_20261129000000_000002", "once")
            self.eventually(lambda: self.waiting("notifications") == 0, "the empty queue")
        self.assertEqual([one["message"] for one in self.shown()].count("once"), 1)

    def test_no_log_has_the_topic(self):
        self.fail_next("ntfy", 1, kind="status", status=403)
        self.notify("msg_20261129000000_000003", "hi")
        self.eventually(lambda: self.message("msg_20261129000000_000003")["status"] == "failed", "the failure")
        self.assertEqual([line for line in self.platform.lines if TOPIC in line], [])
