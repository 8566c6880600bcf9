"""A message that nothing can be done with: three receives, the dead-letter queue, an alarm, and the way back."""

import json

from tests.flows import STAGE, OnPlatform

VISIBILITY = 360
DEAD = "rez-agent-notifications-dead-letters"
# CloudWatch looks at five minutes.
ALARM = 600


class ErrorHandling(OnPlatform):
    def test_error_handling_and_dlq(self):
        identity = "msg_20261129000000_000010"
        self.fail_next("ntfy", kind="status", status=403)
        self.notify(identity, "lost and found")
        for receives in (1, 2, 3):
            self.eventually(lambda: self.attempts("lost and found") == receives, f"receive {receives}")
            self.eventually(lambda: self.message(identity)["status"] == "failed", "the failure")
            self.assertEqual(self.message(identity)["retry_count"], receives - 1)
            self.advance(VISIBILITY + 1)
        self.eventually(lambda: self.waiting("notifications-dead-letters") == 1, "the dead letter")
        self.assertEqual(self.attempts("lost and found"), 3)
        self.last_receive_is_logged(identity)
        self.operations_are_told_by_mail_only()
        self.assertIn(f"{DEAD}-{STAGE}: 1 waiting", self.platform.delivery("dead-letters"))
        self.platform.control("DELETE", "faults")
        self.platform.delivery("redrive", f"{DEAD}-{STAGE}")
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        self.assertEqual([one["message"] for one in self.shown()].count("lost and found"), 1)
        self.assertEqual(self.waiting("notifications-dead-letters"), 0)

    def last_receive_is_logged(self, identity):
        lines = [line for line in self.platform.lines if "goes to the dead-letter queue" in line and identity in line]
        self.assertEqual(len(lines), 1)
        fields = json.loads(lines[0][lines[0].index("{") :])["fields"]
        self.assertEqual((fields["message_id"], fields["receive_count"]), (identity, 3))
        self.assertIn("ntfy refused the notification with status 403", fields["failure"])

    def operations_are_told_by_mail_only(self):
        """The alarm is raised, but a notification of it would meet the same fault."""
        self.advance(ALARM)
        alarms = self.client("cloudwatch").describe_alarms(AlarmNames=[f"{DEAD}-{STAGE}-not-empty"])["MetricAlarms"]
        self.assertEqual([alarm["StateValue"] for alarm in alarms], ["ALARM"])
        self.assertEqual(self.waiting("notifications"), 0)

    def test_a_dead_letter_of_another_queue_is_a_notification(self):
        url = self.client("sqs").get_queue_url(QueueName=f"rez-agent-agent-dead-letters-{STAGE}")["QueueUrl"]
        self.client("sqs").send_message(QueueUrl=url, MessageBody="{}")
        self.advance(ALARM)
        title = f"ALARM: rez-agent-agent-dead-letters-{STAGE}-not-empty"
        self.eventually(lambda: title in [one.get("title") for one in self.shown()], "the alarm")
        self.client("sqs").purge_queue(QueueUrl=url)
