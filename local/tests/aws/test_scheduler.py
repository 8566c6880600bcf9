"""The function scheduler on a clock that tests set: from a wanted schedule to its messages, across a change of the clocks."""

import json
import os
import uuid
from pathlib import Path

from tests.aws import ARCHITECTURE, ROLE, OnAws, packed

PROGRAM = Path(os.environ["LRAP_TEST_LOCAL"]).with_name("scheduler")
ACCOUNT = "123456789012"
FRIDAY = "2027-03-26T12:00:00Z"
# Berlin's clocks go forward on Sunday the 28th, New York's did two weeks before, and Tokyo's never do.
MONDAY = "2027-03-29T12:00:00Z"
TIMES = {
    "Europe/Berlin": ["2027-03-27T01:30:00Z", "2027-03-29T00:30:00Z"],
    "America/New_York": ["2027-03-27T06:30:00Z", "2027-03-28T06:30:00Z", "2027-03-29T06:30:00Z"],
    "Asia/Tokyo": ["2027-03-26T17:30:00Z", "2027-03-27T17:30:00Z", "2027-03-28T17:30:00Z"],
}


class Scheduler(OnAws):
    def setUp(self):
        self.tables, self.sns, self.sqs = self.client("dynamodb"), self.client("sns"), self.client("sqs")
        self.stage = f"s{uuid.uuid4().hex[:8]}"
        self.messages = self.table("messages", "stage", "status")
        self.schedules = self.table("schedules", "status")
        self.notifications, self.changes = self.topic("notifications"), self.topic("schedule-creation")
        self.queue = self.subscribed_queue(self.notifications)
        self.scheduler = self.scheduler_function()
        self.sns.subscribe(TopicArn=self.changes, Protocol="lambda", Endpoint=self.scheduler)

    def table(self, kind, *indexed):
        name = f"rez-agent-{kind}-{self.stage}"
        attributes = [{"AttributeName": attribute, "AttributeType": "S"} for attribute in ("id", "created_date", *indexed)]

        def index(attribute):
            keys = [{"AttributeName": attribute, "KeyType": "HASH"}, {"AttributeName": "created_date", "KeyType": "RANGE"}]
            named = f"{attribute}-created_date-index"
            return {"IndexName": named, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}

        self.tables.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=attributes,
            GlobalSecondaryIndexes=[index(attribute) for attribute in indexed],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def topic(self, kind):
        return self.sns.create_topic(Name=f"rez-agent-{kind}-{self.stage}")["TopicArn"]

    def subscribed_queue(self, topic):
        queue = self.sqs.create_queue(QueueName=self.stage)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
        return queue

    def scheduler_function(self):
        variables = {
            "STAGE": self.stage,
            "DYNAMODB_TABLE_NAME": self.messages,
            "SCHEDULES_TABLE_NAME": self.schedules,
            "NOTIFICATIONS_TOPIC_ARN": self.notifications,
            "SCHEDULE_CREATION_TOPIC_ARN": self.changes,
            "EVENTBRIDGE_EXECUTION_ROLE_ARN": f"arn:aws:iam::{ACCOUNT}:role/scheduler-invocation",
        }
        # The program itself would be a zip of 100 MB.
        bootstrap = f"#!/bin/sh\nexec '{PROGRAM}'\n"
        return self.client("lambda").create_function(
            FunctionName=f"scheduler-{self.stage}",
            Runtime="provided.al2023",
            Handler="bootstrap",
            Role=ROLE,
            Architectures=[ARCHITECTURE],
            Timeout=60,
            Environment={"Variables": variables},
            Code={"ZipFile": packed({"bootstrap": bootstrap})},
        )["FunctionArn"]

    def want(self, name, action="create", revision=1, **change):
        """Leaves what webapi leaves: the row, and a message to the topic."""
        row = {
            "id": f"{self.stage}-{name}",
            "name": name,
            "stage": self.stage,
            "target_type": "notify",
            "message_type": "notify",
            "payload": json.dumps({"message": name}),
            "arguments": "{}",
            "created_date": "2027-03-26T12:00:00Z",
            "updated_date": "2027-03-26T12:00:00Z",
            "created_by": "test",
            "status": "pending",
            "action": action,
            **change,
        }
        item = {attribute: {"S": value} for attribute, value in row.items()}
        self.tables.put_item(TableName=self.schedules, Item={**item, "revision": {"N": str(revision)}})
        message = {
            "id": f"msg_20270326120000_{uuid.uuid4().int % 10**12:012}",
            "version": "1.0",
            "created_date": "2027-03-26T12:00:00Z",
            "created_by": "test",
            "stage": self.stage,
            "message_type": "schedule_creation",
            "status": "queued",
            "payload": {"schedule_id": row["id"], "action": action, "revision": revision},
            "updated_date": "2027-03-26T12:00:00Z",
        }
        self.sns.publish(TopicArn=self.changes, Message=json.dumps(message))

    def row(self, name):
        key = {"id": {"S": f"{self.stage}-{name}"}}
        found = self.tables.get_item(TableName=self.schedules, Key=key, ConsistentRead=True)["Item"]
        return {attribute: next(iter(value.values())) for attribute, value in found.items()}

    def settled(self, name, status):
        def is_settled():
            row = self.row(name)
            self.assertNotIn("error_message", row)
            return row["status"] == status and row

        return self.eventually(is_settled, f"{name} to be {status}")

    def received(self, count):
        """The first ``count`` messages, and those that come at once after them."""
        found = []

        def enough():
            answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", []):
                self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
            return len(found) >= count

        self.eventually(enough, f"{count} messages")
        enough()
        return found

    def invoke(self, event):
        answer = self.client("lambda").invoke(FunctionName=self.scheduler, Payload=json.dumps(event))
        self.assertNotIn("FunctionError", answer, answer["Payload"].read())

    def test_a_wanted_schedule_sends_one_message_at_each_of_its_times_in_three_zones(self):
        self.machine.clock({"set": FRIDAY})
        for number, zone in enumerate(TIMES):
            self.want(f"early-{number}", schedule_expression="cron(30 2 * * ? *)", timezone=zone)
        for number in range(len(TIMES)):
            self.settled(f"early-{number}", "active")
        self.machine.clock({"set": MONDAY})
        messages = self.received(sum(map(len, TIMES.values())))
        # The id has the scheduled time.
        made = sorted((message["payload"]["message"], message["id"].split("_")[1]) for message in messages)
        expected = [(f"early-{number}", digits(time)) for number, times in enumerate(TIMES.values()) for time in times]
        self.assertEqual(made, sorted(expected))
        for number, times in enumerate(TIMES.values()):
            self.eventually(lambda number=number, times=times: self.row(f"early-{number}").get("last_run") == times[-1], "last_run")
        # Whatever is delivered again makes no other message.
        for number, times in enumerate(TIMES.values()):
            for time in times:
                self.invoke({"schedule_id": f"{self.stage}-early-{number}", "scheduled_time": time})
        self.assertEqual(self.received(0), [])

    def test_a_schedule_is_paused_resumed_and_deleted(self):
        self.machine.clock({"set": "2027-06-01T11:59:00Z"})
        scheduler, name = self.client("scheduler"), f"{self.stage}-noon"
        wanted = {"schedule_expression": "cron(0 12 * * ? *)", "timezone": "UTC"}
        self.want("noon", **wanted)
        arn = self.settled("noon", "active")["schedule_arn"]
        self.want("noon", "pause", 2, schedule_arn=arn, **wanted)
        self.settled("noon", "inactive")
        self.assertEqual(scheduler.get_schedule(Name=name)["State"], "DISABLED")
        self.machine.clock({"set": "2027-06-01T12:00:01Z"})
        self.want("noon", "resume", 3, schedule_arn=arn, **wanted)
        self.settled("noon", "active")
        self.machine.clock({"set": "2027-06-02T12:00:01Z"})
        (message,) = self.received(1)
        self.assertEqual(message["id"].split("_")[1], "20270602120000")
        self.want("noon", "delete", 4, schedule_arn=arn, **wanted)
        self.assertNotIn("schedule_arn", self.settled("noon", "inactive"))
        with self.assertRaises(scheduler.exceptions.ResourceNotFoundException):
            scheduler.get_schedule(Name=name)


def digits(time):
    return "".join(character for character in time if character.isdigit())
