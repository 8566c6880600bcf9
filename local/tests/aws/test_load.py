"""Ten thousand messages through a queue and a function with four sandboxes at once: none lost."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.aws import OnAws

MESSAGES = int(os.environ.get("LRAP_TEST_MESSAGES", "10000"))
SANDBOXES = 4

# Appends to a file what it is given: a line at once, so that sandboxes do not mix theirs.
SOURCE = """
import os

def handler(event, context):
    lines = "".join(record["body"] + "\\n" for record in event["Records"])
    descriptor = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, lines.encode())
    os.close(descriptor)
"""


class Load(OnAws):
    def test_ten_thousand_messages_are_processed_once_by_four_sandboxes(self):
        sqs = self.client("sqs")
        seen = Path(self.machine.folder, "seen")
        queue = sqs.create_queue(QueueName="load", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.function("load", SOURCE, Environment={"Variables": {"SEEN": str(seen)}})
        started = time.monotonic()

        def send(first):
            entries = [{"Id": str(number), "MessageBody": str(first + number)} for number in range(10)]
            self.assertFalse(sqs.send_message_batch(QueueUrl=queue, Entries=entries).get("Failed"))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(0, MESSAGES, 10)))
        sent = time.monotonic()
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=arn, FunctionName="load", BatchSize=10, ScalingConfig={"MaximumConcurrency": SANDBOXES}
        )
        self.eventually(lambda: seen.exists() and len(seen.read_text().split()) >= MESSAGES, "all messages", 600)
        done = time.monotonic()
        numbers = [int(number) for number in seen.read_text().split()]
        self.assertEqual(sorted(numbers), list(range(MESSAGES)))
        inits = sum("Init Duration" in line for line in self.machine.lines)
        self.assertLessEqual(inits, SANDBOXES)
        rates = f"{MESSAGES / (sent - started):.0f} sent and {MESSAGES / (done - sent):.0f} processed a second"
        print(f"{MESSAGES} messages: {rates}; peak memory in MiB: {self.machine.memory()}")
