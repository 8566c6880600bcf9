"""Tasks that move dead letters back to where they came from, or elsewhere."""

import json
import uuid

from botocore.exceptions import ClientError

from tests.aws import OnAws


class MoveTasks(OnAws):
    def setUp(self):
        self.sqs, self.name = self.client("sqs"), f"m{uuid.uuid4().hex[:8]}"
        self.dead, self.dead_arn = self.queue("dead")
        redrive = json.dumps({"deadLetterTargetArn": self.dead_arn, "maxReceiveCount": 1})
        self.first, self.first_arn = self.queue("first", RedrivePolicy=redrive)
        self.second, self.second_arn = self.queue("second", RedrivePolicy=redrive)

    def queue(self, name, **attributes):
        url = self.sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)["QueueUrl"]
        return url, self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def bury(self, queue, *bodies):
        """Sends messages and receives them as often as they may be received. Their ids."""
        for body in bodies:
            self.sqs.send_message(QueueUrl=queue, MessageBody=body)
        received = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)["Messages"]
        self.assertEqual(self.received(queue), {})
        return {message["MessageId"] for message in received}

    def received(self, queue):
        """Of what is visible: id and number of receipts by body."""
        options = {"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0}
        messages = self.sqs.receive_message(**options, AttributeNames=["All"]).get("Messages", [])
        return {message["Body"]: (message["MessageId"], message["Attributes"]["ApproximateReceiveCount"]) for message in messages}

    def waiting(self, queue):
        names = ["ApproximateNumberOfMessages"]
        return int(self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"][names[0]])

    def tasks(self, **options):
        return self.sqs.list_message_move_tasks(SourceArn=self.dead_arn, **options)["Results"]

    def over(self):
        return self.eventually(lambda: (task := self.tasks()[0])["Status"] not in ("RUNNING", "CANCELLING") and task, "the end of the task")

    def refused(self, operation, pattern, **given):
        with self.assertRaisesRegex(ClientError, pattern):
            operation(**given)

    def test_each_message_goes_back_to_its_own_source_as_a_new_one(self):
        old = self.bury(self.first, "a", "b") | self.bury(self.second, "c")
        self.sqs.start_message_move_task(SourceArn=self.dead_arn)
        task = self.over()
        counts = {name: task[f"ApproximateNumberOfMessages{name}"] for name in ("Moved", "ToMove")}
        self.assertEqual((task["Status"], counts), ("COMPLETED", {"Moved": 3, "ToMove": 3}))
        self.assertNotIn("TaskHandle", task)
        first, second = self.received(self.first), self.received(self.second)
        self.assertEqual((sorted(first), sorted(second), self.waiting(self.dead)), (["a", "b"], ["c"], 0))
        self.assertEqual({count for _, count in [*first.values(), *second.values()]}, {"1"})
        self.assertEqual({identity for identity, _ in [*first.values(), *second.values()]} & old, set())

    def test_a_destination_can_be_named(self):
        elsewhere, arn = self.queue("elsewhere")
        self.bury(self.first, "a")
        self.sqs.start_message_move_task(SourceArn=self.dead_arn, DestinationArn=arn)
        self.assertEqual(self.over()["DestinationArn"], arn)
        self.assertEqual((list(self.received(elsewhere)), self.waiting(self.first)), (["a"], 0))

    def test_a_task_keeps_to_its_rate_by_the_clock_and_can_be_cancelled(self):
        self.bury(self.first, *(f"m{number}" for number in range(9)))
        handle = self.sqs.start_message_move_task(SourceArn=self.dead_arn, MaxNumberOfMessagesPerSecond=1)["TaskHandle"]
        self.eventually(lambda: self.waiting(self.dead) == 8, "the first message")
        self.refused(self.sqs.start_message_move_task, "There is already a task running", SourceArn=self.dead_arn)
        self.assertEqual((self.tasks()[0]["Status"], self.tasks()[0]["TaskHandle"]), ("RUNNING", handle))
        self.advance(4)
        self.eventually(lambda: self.waiting(self.dead) <= 4, "those of four seconds more")
        self.sqs.cancel_message_move_task(TaskHandle=handle)
        self.assertEqual(self.over()["Status"], "CANCELLED")
        left = self.waiting(self.dead)
        self.advance(60)
        self.assertEqual((self.waiting(self.dead), self.waiting(self.first)), (left, 9 - left))
        self.assertGreater(left, 0)
        self.refused(self.sqs.cancel_message_move_task, "Only active tasks can be cancelled", TaskHandle=handle)

    def test_a_message_without_a_source_fails_the_task(self):
        self.sqs.send_message(QueueUrl=self.dead, MessageBody="sent to the dead letters")
        self.sqs.start_message_move_task(SourceArn=self.dead_arn)
        task = self.over()
        self.assertEqual((task["Status"], task["FailureReason"]), ("FAILED", "CouldNotDetermineMessageSource"))
        self.assertEqual(self.waiting(self.dead), 1)

    def test_what_cannot_be_is_refused(self):
        start, gone = self.sqs.start_message_move_task, f"{self.dead_arn}-gone"
        self.refused(start, "must be configured as a Dead Letter Queue", SourceArn=self.first_arn)
        self.refused(start, "ResourceNotFoundException.*SourceArn", SourceArn=gone)
        self.refused(start, "ResourceNotFoundException.*DestinationArn", SourceArn=self.dead_arn, DestinationArn=gone)
        self.refused(start, "Must be between 1 and 500", SourceArn=self.dead_arn, MaxNumberOfMessagesPerSecond=501)
        self.refused(self.sqs.cancel_message_move_task, "ResourceNotFoundException.*TaskHandle", TaskHandle="none")
        self.refused(self.sqs.list_message_move_tasks, "Must be between 1 and 10", SourceArn=self.dead_arn, MaxResults=11)
        self.assertEqual(self.tasks(MaxResults=10), [])
