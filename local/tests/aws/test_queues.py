"""Event source mappings of queues: what a function is given, again and again, and what becomes of what it cannot use."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from tests.aws import OnAws

# Reports every record to another queue, and fails those whose body says so.
SOURCE = """
import json, os, time
import boto3

sqs = boto3.client("sqs")

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    bodies = [record["body"] for record in event["Records"]]
    sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(event["Records"]))
    if "throw" in bodies:
        raise RuntimeError("on purpose")
    if "nonsense" in bodies:
        return {"batchItemFailures": [{"itemIdentifier": "no-such-message"}]}
    failed = [{"itemIdentifier": record["messageId"]} for record in event["Records"] if record["body"] == "bad"]
    return {"batchItemFailures": failed}
"""


class Queues(OnAws):
    def setUp(self):
        self.sqs, self.name = self.client("sqs"), f"q{uuid.uuid4().hex[:8]}"
        self.seen = self.sqs.create_queue(QueueName=f"{self.name}-seen")["QueueUrl"]
        self.dead = self.sqs.create_queue(QueueName=f"{self.name}-dead")["QueueUrl"]
        redrive = json.dumps({"deadLetterTargetArn": self.arn(self.dead), "maxReceiveCount": 3})
        self.queue = self.sqs.create_queue(
            QueueName=self.name, Attributes={"VisibilityTimeout": "60", "RedrivePolicy": redrive}
        )["QueueUrl"]
        self.function(self.name, SOURCE, Environment={"Variables": {"SEEN": self.seen}})
        self.batches = []

    def arn(self, queue):
        return self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def map(self, **options):
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=self.arn(self.queue), FunctionName=self.name, **options
        )
        self.addCleanup(self.client("lambda").delete_event_source_mapping, UUID=made["UUID"])

    def test_a_queue_of_dead_letters_knows_whose_they_are(self):
        sources = self.sqs.list_dead_letter_source_queues
        self.assertEqual((sources(QueueUrl=self.dead)["queueUrls"], sources(QueueUrl=self.queue)["queueUrls"]), ([self.queue], []))

    def received(self):
        """All batches so far."""
        answer = self.sqs.receive_message(QueueUrl=self.seen, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=self.seen, ReceiptHandle=message["ReceiptHandle"])
            self.batches.append(json.loads(message["Body"]))
        return self.batches

    def records(self, body):
        return [record for batch in self.received() for record in batch if record["body"] == body]

    def in_dead_letters(self):
        answer = self.sqs.receive_message(QueueUrl=self.dead, VisibilityTimeout=0, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", [])]

    def left(self):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in counts.values())

    def visible(self):
        names = ["ApproximateNumberOfMessages"]
        counts = self.sqs.get_queue_attributes(QueueUrl=self.queue, AttributeNames=names)["Attributes"]
        return int(counts[names[0]])

    def send(self, *bodies):
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        self.sqs.send_message_batch(QueueUrl=self.queue, Entries=entries)

    def until_dead(self, body, left, attempts=3):
        """Lets the message be given to the function again and again, each time by the clock, when so many are ``left`` in the queue."""
        for attempt in range(1, attempts + 1):
            self.eventually(lambda expected=attempt: len(self.records(body)) == expected, f"attempt {attempt} of {body}")
            self.eventually(lambda: self.is_idle() and self.left() == left, "the end of the batch")
            self.advance(61)
        self.eventually(lambda: body in self.in_dead_letters(), "the dead letter")

    def is_idle(self):
        lines = [line for line in self.machine.lines if line.startswith(f"{self.name} | ")]
        return sum("| START" in line for line in lines) == sum("| REPORT" in line for line in lines)

    def test_only_the_failed_record_comes_again_with_counts_1_2_3_and_then_goes_to_the_dead_letters(self):
        self.map(BatchSize=3, FunctionResponseTypes=["ReportBatchItemFailures"])
        self.send("good", "bad", "fine")
        self.until_dead("bad", left=1)
        self.assertEqual(self.in_dead_letters(), ["bad"])
        counts = [record["attributes"]["ApproximateReceiveCount"] for record in self.records("bad")]
        self.assertEqual(counts, ["1", "2", "3"])
        self.assertEqual((len(self.records("good")), len(self.records("fine")), self.left()), (1, 1, 0))

    def test_a_function_that_throws_gets_the_whole_batch_again(self):
        self.map(BatchSize=2, MaximumBatchingWindowInSeconds=5)
        self.send("throw", "beside")
        self.until_dead("throw", left=2)
        self.eventually(lambda: sorted(self.in_dead_letters()) == ["beside", "throw"], "both dead letters")
        self.assertEqual([len(self.records(body)) for body in ("throw", "beside")], [3, 3])

    def test_a_response_that_names_an_unknown_record_fails_the_whole_batch(self):
        self.map(BatchSize=1, FunctionResponseTypes=["ReportBatchItemFailures"])
        self.send("nonsense")
        self.until_dead("nonsense", left=1)

    def test_a_batch_for_a_throttled_function_is_retried_with_one_more_count(self):
        self.client("lambda").put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=1)
        held = json.dumps({"sleep": 8, "Records": []})
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.client("lambda").invoke, FunctionName=self.name, Payload=held)
            self.eventually(lambda: not self.is_idle(), "the invocation that takes the one sandbox")
            self.map()
            self.send("text")
            self.eventually(lambda: not self.visible(), "the attempt that is throttled")
            running.result()
        self.assertEqual(self.records("text"), [])
        self.advance(61)
        (record,) = self.eventually(lambda: self.records("text"), "the record")
        self.assertEqual(record["attributes"]["ApproximateReceiveCount"], "2")

    def test_a_visibility_timeout_shorter_than_the_function_may_take_is_refused(self):
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"VisibilityTimeout": "29"})
        with self.assertRaisesRegex(ClientError, "29 seconds is less than Function timeout: 30 seconds"):
            self.map()

    def test_a_record_has_what_the_message_has(self):
        self.map()
        sent = self.sqs.send_message(
            QueueUrl=self.queue,
            MessageBody="text",
            MessageAttributes={"kind": {"DataType": "String", "StringValue": "k"}},
        )
        (record,) = self.eventually(lambda: self.records("text"), "the record")
        expected = {
            "messageId": sent["MessageId"],
            "body": "text",
            "md5OfBody": sent["MD5OfMessageBody"],
            "eventSource": "aws:sqs",
            "eventSourceARN": self.arn(self.queue),
            "awsRegion": "eu-central-1",
        }
        self.assertEqual({name: record[name] for name in expected}, expected)
        attribute = record["messageAttributes"]["kind"]
        self.assertEqual((attribute["dataType"], attribute["stringValue"]), ("String", "k"))
        times = {"SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId", "ApproximateReceiveCount"}
        self.assertLessEqual(times, set(record["attributes"]))
        self.assertTrue(record["receiptHandle"])

    def test_a_batch_waits_for_its_window_or_until_it_is_full(self):
        self.map(BatchSize=3, MaximumBatchingWindowInSeconds=200)
        for number in range(4):
            self.send(f"m{number}")
        self.eventually(self.received, "the full batch")
        self.assertEqual([len(batch) for batch in self.batches], [3])
        self.eventually(lambda: self.advance(40) and len(self.received()) == 2, "the rest, at the end of its window")
        self.assertEqual([len(batch) for batch in self.batches], [3, 1])
        with self.assertRaisesRegex(ClientError, "Maximum batch window in seconds must be greater than 0"):
            self.map(BatchSize=11)
