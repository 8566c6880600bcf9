"""Schedules on a clock that tests set."""

import datetime
import json
import uuid

from botocore.exceptions import ClientError

from tests.aws import OnAws

ROLE = "arn:aws:iam::123456789012:role/scheduler"


class Schedules(OnAws):
    def setUp(self):
        self.scheduler, self.sqs, self.name = self.client("scheduler"), self.client("sqs"), f"s{uuid.uuid4().hex[:8]}"
        self.queue, self.arn = self.make_queue(self.name)

    def make_queue(self, name):
        queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        found = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        return queue, found["Attributes"]["QueueArn"]

    def create(self, expression, name=None, window=None, role=ROLE, target=None, **options):
        name = name or self.name
        given = {"Arn": self.arn, "RoleArn": role, "Input": "<aws.scheduler.scheduled-time>", **(target or {})}
        self.addCleanup(self.delete, name)
        return self.scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow=window or {"Mode": "OFF"}, Target=given, **options
        )["ScheduleArn"]

    def delete(self, name):
        try:
            self.scheduler.delete_schedule(Name=name)
        except self.scheduler.exceptions.ResourceNotFoundException:
            return

    def set_clock(self, text):
        self.machine.clock({"set": text})

    def fired(self, count):
        """The times of the first ``count`` firings."""
        times = []

        def enough():
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                times.append(message["Body"])
            return len(times) >= count

        self.eventually(enough, f"{count} firings")
        return sorted(times)

    def test_cron_fires_in_its_zone_across_a_change_of_the_clocks(self):
        zones = {"Europe/Berlin": "08:00", "America/New_York": "13:00", "Asia/Tokyo": "00:00"}
        self.set_clock("2027-03-26T23:30:00Z")
        for number, zone in enumerate(zones):
            self.create("cron(0 9 * * ? *)", name=f"{self.name}-{number}", ScheduleExpressionTimezone=zone)
        self.set_clock("2027-03-28T14:00:00Z")
        # Berlin's clocks went forward on the 28th, New York's two weeks before; Tokyo's never do.
        expected = ["2027-03-27T00:00:00Z", "2027-03-27T08:00:00Z", "2027-03-27T13:00:00Z"]
        expected += ["2027-03-28T00:00:00Z", "2027-03-28T07:00:00Z", "2027-03-28T13:00:00Z"]
        self.assertEqual(self.fired(6), expected)

    def test_at_fires_once_and_goes_if_it_is_told_to(self):
        self.set_clock("2027-05-01T00:00:00Z")
        self.create("at(2027-05-01T06:00:00)", ActionAfterCompletion="DELETE")
        self.set_clock("2027-05-01T06:00:01Z")
        self.assertEqual(self.fired(1), ["2027-05-01T06:00:00Z"])

        def gone():
            try:
                return not self.scheduler.get_schedule(Name=self.name)
            except self.scheduler.exceptions.ResourceNotFoundException:
                return True

        self.eventually(gone, "the end of the schedule")

    def test_a_flexible_window_fires_within_it(self):
        self.set_clock("2027-06-01T00:00:00Z")
        self.create("rate(1 hour)", window={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30})
        self.set_clock("2027-06-01T01:30:01Z")
        self.assertEqual(len(self.fired(1)), 1)

    def test_a_target_that_is_not_there_is_tried_again_and_then_reported_to_the_dead_letters(self):
        dead, arn = self.make_queue(f"{self.name}-dead")
        self.set_clock("2027-07-01T00:00:00Z")
        missing = f"arn:aws:lambda:eu-central-1:123456789012:function:{self.name}"
        target = {"Arn": missing, "Input": "{}", "RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": arn}}
        schedule = self.create("at(2027-07-01T00:01:00)", target=target)
        self.set_clock("2027-07-01T00:01:01Z")

        def message():
            self.advance(1)
            return self.sqs.receive_message(QueueUrl=dead, MessageAttributeNames=["All"]).get("Messages")

        (letter,) = self.eventually(message, "the dead letter")
        attributes = {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()}
        expected = {
            "ERROR_CODE": "ResourceNotFoundException",
            "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts",
            "RETRY_ATTEMPTS": "1",
            "SCHEDULE_ARN": schedule,
            "TARGET_ARN": missing,
        }
        self.assertEqual({name: attributes[name] for name in expected}, expected)

    def test_nonsense_is_refused_with_its_field(self):
        now = datetime.datetime.fromisoformat(self.machine.clock({})["now"])
        past = (now - datetime.timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S")
        refused = [
            (f"ScheduleExpression: at.{past}. is in the past", {"expression": f"at({past})"}),
            ("has 1 fields, and needs six", {"expression": "cron(bad)"}),
            ("is not a rate such as", {"expression": "rate(0 minutes)"}),
            ("not an IANA time zone", {"expression": "rate(1 hour)", "ScheduleExpressionTimezone": "Europe/Nowhere"}),
            ("MaximumWindowInMinutes", {"expression": "rate(1 hour)", "window": {"Mode": "FLEXIBLE"}}),
            ("of account 999999999999", {"expression": "rate(1 hour)", "role": "arn:aws:iam::999999999999:role/r"}),
            ("Target.Arn", {"expression": "rate(1 hour)", "target": {"Arn": "arn:aws:s3:::bucket"}}),
        ]
        for reason, given in refused:
            with self.subTest(reason), self.assertRaisesRegex(ClientError, f"ValidationException.*{reason}"):
                self.create(**given)

    def test_the_same_token_makes_one_schedule_and_the_same_name_a_conflict(self):
        first = self.create("rate(1 hour)", ClientToken="token")
        self.assertEqual(self.create("rate(1 hour)", ClientToken="token"), first)
        with self.assertRaises(self.scheduler.exceptions.ConflictException):
            self.create("rate(1 hour)", ClientToken="another")

    def test_any_call_of_the_api_can_be_a_target(self):
        self.set_clock("2027-08-01T00:00:00Z")
        given = json.dumps({"QueueUrl": self.queue, "MessageBody": "<aws.scheduler.scheduled-time>"})
        self.create("at(2027-08-01T01:00:00)", target={"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": given})
        self.set_clock("2027-08-01T01:00:01Z")
        self.assertEqual(self.fired(1), ["2027-08-01T01:00:00Z"])
