"""Dead letters: what is said of them, that they come back whole, and that none is lost when somebody is killed half-way."""

import contextlib
import json
import time
import unittest
from unittest import mock

from delivery import Refusal
from delivery.account import Account
from delivery.queues import list_dead_letters, redrive
from tests.aws import OnAws

SECRET = "correct horse"


class Killed(Exception):
    """The process ends between two calls."""


class Queues(OnAws):
    def setUp(self):
        self.said = []
        self.account = Account(self, say=self.said.append)
        self.dead = self.queue("one-dead-letters-dev")
        arn = self.attributes(self.dead)["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
        self.source = self.queue("one-dev", RedrivePolicy=policy)

    region_name = "eu-central-1"

    def queue(self, name, **attributes):
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        self.addCleanup(self.client("sqs").delete_queue, QueueUrl=url)
        return url

    def attributes(self, url):
        return self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]

    def send(self, url, count=1, **attributes):
        given = {name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()}
        for number in range(count):
            self.client("sqs").send_message(QueueUrl=url, MessageBody=f"{SECRET} {number}", MessageAttributes=given)

    def messages(self, url):
        """All that wait, taken out."""
        taken = []
        while True:
            found = self.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
            if not found.get("Messages"):
                return taken
            taken += found["Messages"]

    def bodies(self, url):
        return {message["Body"] for message in self.messages(url)}

    def expected(self, count):
        return {f"{SECRET} {number}" for number in range(count)}

    def test_lists_counts_ages_and_reasons_without_content(self):
        self.send(self.dead, 2, ErrorMessage="no such course\nsecond line", ErrorCode="200")
        list_dead_letters(self.account, "dev")
        said = "\n".join(self.said)
        self.assertRegex(said, r"one-dead-letters-dev: 2 waiting, 0 in flight, the oldest of 2 is \d+ seconds old")
        self.assertRegex(said, r"received 1 times: 200 no such course$")
        self.assertNotIn("second line", said)
        self.assertNotIn(SECRET, said)
        self.assertEqual(len(self.messages(self.dead)), 2)

    def test_a_record_of_a_failed_invocation_gives_its_kind_of_error_and_no_payload(self):
        record = {
            "requestContext": {"condition": "RetriesExhausted"},
            "requestPayload": {"text": SECRET},
            "responsePayload": {"errorType": "TimeoutError", "errorMessage": SECRET},
        }
        self.client("sqs").send_message(QueueUrl=self.dead, MessageBody=json.dumps(record))
        list_dead_letters(self.account, "dev")
        self.assertRegex(self.said[-1], "received 1 times: RetriesExhausted TimeoutError$")
        self.assertNotIn(SECRET, "\n".join(self.said))

    def test_queues_of_other_stages_and_queues_of_the_living_are_not_listed(self):
        self.queue("one-dead-letters-prod")
        list_dead_letters(self.account, "dev")
        self.assertEqual([line.partition(":")[0] for line in self.said], ["one-dead-letters-dev"])
        self.said.clear()
        list_dead_letters(self.account, "none")
        self.assertEqual(self.said, ["stage none has no queue of dead letters"])

    def test_messages_go_back_with_their_attributes(self):
        self.send(self.dead, 23, trace="abc")
        redrive(self.account, "one-dead-letters-dev")
        self.assertEqual(self.said, ["23 messages of one-dead-letters-dev sent to one-dev"])
        self.assertEqual(self.messages(self.dead), [])
        back = self.messages(self.source)
        self.assertEqual({message["Body"] for message in back}, self.expected(23))
        self.assertEqual({message["MessageAttributes"]["trace"]["StringValue"] for message in back}, {"abc"})

    @mock.patch("delivery.queues.HIDDEN", 1)
    def test_killed_before_any_call_it_loses_nothing_and_goes_on_the_next_time(self):
        self.send(self.dead, 3)
        for calls in range(6):
            self.killed_after(calls)
            # By then what was hidden is seen again.
            time.sleep(1.2)
        redrive(self.account, "one-dead-letters-dev")
        self.assertEqual(self.messages(self.dead), [])
        self.assertEqual(self.bodies(self.source), self.expected(3))

    def killed_after(self, calls):
        """Ends a run after so many calls that change something."""
        account = Account(self, say=self.said.append)
        left, change = iter(range(calls)), account.change

        def counted(*words, **parameters):
            if next(left, None) is None:
                raise Killed
            return change(*words, **parameters)

        account.change = counted
        with contextlib.suppress(Killed):
            redrive(account, "one-dead-letters-dev")

    def test_without_one_source_it_wants_to_be_told_where_to(self):
        alone = self.queue("alone-dead-letters-dev")
        self.send(alone, 1)
        with self.assertRaisesRegex(Refusal, "receives the dead letters of no queue: name the queue to send them to"):
            redrive(self.account, "alone-dead-letters-dev")
        redrive(self.account, "alone-dead-letters-dev", "one-dev")
        self.assertEqual(self.bodies(self.source), self.expected(1))

    def test_a_queue_that_is_not_there_is_a_missing_dependency(self):
        with self.assertRaisesRegex(Refusal, "missing dependency: there is no queue none in eu-central-1"):
            redrive(self.account, "none")

    def test_a_dry_run_prints_the_command_and_moves_nothing(self):
        self.send(self.dead, 2)
        redrive(Account(self, dry_run=True, say=self.said.append), "one-dead-letters-dev")
        self.assertRegex(self.said[0], "^aws sqs start-message-move-task --source-arn .*:one-dead-letters-dev --destination-arn .*:one-dev ")
        self.assertEqual(len(self.messages(self.dead)), 2)


if __name__ == "__main__":
    unittest.main()
