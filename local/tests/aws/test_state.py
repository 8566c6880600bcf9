"""What survives a lambda-local that is killed, if it has a folder for its state."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import ClientError, EndpointConnectionError, HTTPClientError

from tests.aws import ROLE, Machine, OnAws, create_function

MESSAGES = int(os.environ.get("LRAP_TEST_MESSAGES_KILLED", "2000"))
SENDERS = 4

# Appends to a file what it is given: a line at once, so that sandboxes do not mix theirs.
APPEND = """
import json, os

def handler(event, context):
    lines = "".join(record["body"] + "\\n" for record in event.get("Records", [{"body": json.dumps(event)}]))
    descriptor = os.open(os.environ["SEEN"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, lines.encode())
    os.close(descriptor)
    return {"seen": True}
"""
# The same with the keys of changed items.
IDS = """
import os

def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.writelines(record["dynamodb"]["Keys"]["id"]["S"] + "\\n" for record in event["Records"])
"""
# Never ends the first time.
HANG_ONCE = """
import json, os, threading

def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(json.dumps(event) + "\\n")
    if len(open(os.environ["SEEN"]).readlines()) == 1:
        threading.Event().wait()
"""
PASSING = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": "kept", "End": True}}})


class Kept(OnAws):
    """Each test has a machine of its own, which it kills."""

    @classmethod
    def setUpClass(cls):
        pass

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.start()

    def start(self, port=0):
        self.machine = Machine("--state", str(self.folder / "state"), port=port)
        self.addCleanup(self.machine.end)

    def kill(self):
        """And starts it again, at the same address."""
        self.machine.kill()
        self.start(urllib.parse.urlsplit(self.machine.endpoint).port)

    def seen(self, name="seen"):
        path = self.folder / name
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def appending(self, name, source=APPEND, **options):
        variables = {"SEEN": str(self.folder / "seen")}
        return create_function(self.client("lambda"), name, source, Environment={"Variables": variables}, **options)

    def queue(self, name, **attributes):
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def bodies(self, url):
        """Takes all messages that are visible."""
        found, sqs = [], self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(message["Body"])
        return found


class Load(Kept):
    def test_no_message_is_lost_when_it_is_killed_in_the_middle_of_a_load(self):
        url, arn = self.queue("load", VisibilityTimeout="60")
        self.appending("load")
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=arn, FunctionName="load", BatchSize=10, ScalingConfig={"MaximumConcurrency": 4}
        )
        accepted, sqs = set(), self.client("sqs")

        def send(first):
            entries = [{"Id": str(number), "MessageBody": str(first + number)} for number in range(10)]
            try:
                sent = sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]
                accepted.update(str(first + int(entry["Id"])) for entry in sent)
            except (ClientError, EndpointConnectionError, HTTPClientError):
                # Not accepted, so it may be lost.
                pass

        with ThreadPoolExecutor(SENDERS) as pool:
            sending = [pool.submit(send, first) for first in range(0, MESSAGES, 10)]
            self.eventually(lambda: len(self.seen()) >= MESSAGES // 10, "the first messages")
            before = self.machine.memory()
            for process in self.machine.processes():
                os.kill(process, signal.SIGKILL)
            for future in sending:
                future.result()
        at_the_end = len(set(self.seen()))
        self.kill()
        self.assertGreater(len(accepted), at_the_end, "there is something that could be lost")
        # Those that were being processed become visible in their time.
        self.advance(61)
        started = time.monotonic()
        self.eventually(lambda: accepted <= set(self.seen()), "all that were accepted", 300)
        rate = (len(accepted) - at_the_end) / (time.monotonic() - started)
        self.eventually(lambda: not self.left(url), "the end of the queue")
        twice = len(self.seen()) - len(set(self.seen()))
        print(f"killed with {len(accepted)} messages accepted and {at_the_end} processed; {twice} came twice; then {rate:.0f} processed a second; peak memory in MiB: {before}, then {self.machine.memory()}")

    def left(self, url):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(count) for count in counts.values())


class Everything(Kept):
    def test_queues_keep_their_messages_and_what_was_done_with_them(self):
        sqs = self.client("sqs")
        dead, dead_arn = self.queue("dead")
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
        url, _ = self.queue("queue", RedrivePolicy=redrive)
        fifo, _ = self.queue("ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
        for number in range(4):
            sqs.send_message(QueueUrl=fifo, MessageBody=f"o{number}", MessageGroupId="g")
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": str(number), "MessageBody": f"m{number}"} for number in range(4)])
        first = sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)["Messages"][0]
        # The first one has been received as often as it may, and moves.
        second = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"][0]
        third = sqs.receive_message(QueueUrl=url, VisibilityTimeout=300)["Messages"][0]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"])
        self.kill()
        sqs = self.client("sqs")
        self.assertEqual((self.bodies(dead), self.bodies(url)), ([first["Body"]], ["m3"]))
        # What was received before is deleted with its handle, and comes again otherwise.
        sqs.delete_message(QueueUrl=url, ReceiptHandle=third["ReceiptHandle"])
        self.advance(601)
        self.assertEqual(self.bodies(url), [])
        received = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
        self.assertEqual([message["Body"] for message in received], ["o0", "o1", "o2", "o3"])
        sent = sqs.send_message(QueueUrl=fifo, MessageBody="o4", MessageGroupId="g")
        self.assertEqual(int(sent["SequenceNumber"]), int(received[3]["Attributes"]["SequenceNumber"]) + 1)

    def test_a_queue_that_is_made_anew_has_no_old_messages(self):
        sqs = self.client("sqs")
        url, _ = self.queue("again")
        sqs.send_message(QueueUrl=url, MessageBody="old")
        sqs.delete_queue(QueueUrl=url)
        self.queue("again")
        self.kill()
        self.assertEqual(self.bodies(url), [])

    def test_what_was_made_is_there_and_works(self):
        url, arn = self.queue("seen")
        topic = self.client("sns").create_topic(Name="topic")["TopicArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        self.client("secretsmanager").create_secret(Name="secret", SecretString="text")
        self.client("ssm").put_parameter(Name="/parameter", Value="value", Type="String")
        self.client("s3").create_bucket(Bucket="bucket", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        self.client("s3").put_object(Bucket="bucket", Key="a/b", Body=b"object")
        self.appending("function")
        machine = self.client("stepfunctions").create_state_machine(name="machine", definition=PASSING, roleArn=ROLE)["stateMachineArn"]
        items = self.client("dynamodb")
        items.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        items.put_item(TableName="table", Item={"id": {"S": "a"}})
        moved = self.advance(86400)["offset"]
        self.kill()
        self.assertAlmostEqual(self.advance(0)["offset"], moved)
        self.client("sns").publish(TopicArn=topic, Message="hello", MessageAttributes={})
        self.assertEqual([json.loads(body)["Message"] for body in self.bodies(url)], ["hello"])
        self.assertEqual(self.client("secretsmanager").get_secret_value(SecretId="secret")["SecretString"], "text")
        self.assertEqual(self.client("ssm").get_parameter(Name="/parameter")["Parameter"]["Value"], "value")
        self.assertEqual(self.client("s3").get_object(Bucket="bucket", Key="a/b")["Body"].read(), b"object")
        invoked = self.client("lambda").invoke(FunctionName="function", Payload=b"{}")
        self.assertEqual(json.load(invoked["Payload"]), {"seen": True})
        started = self.client("stepfunctions").start_execution(stateMachineArn=machine)["executionArn"]
        described = self.client("stepfunctions").describe_execution
        self.eventually(lambda: described(executionArn=started)["status"] == "SUCCEEDED", "the execution")
        self.assertIn("Item", self.client("dynamodb").get_item(TableName="table", Key={"id": {"S": "a"}}))

    def test_items_expire_by_the_clock_of_all_services(self):
        items, now = self.client("dynamodb"), time.time()
        items.create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        items.update_time_to_live(TableName="table", TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"})

        def put(identity, seconds):
            items.put_item(TableName="table", Item={"id": {"S": identity}, "expires_at": {"N": str(int(now + seconds))}})

        def there():
            return sorted(item["id"]["S"] for item in self.client("dynamodb").scan(TableName="table")["Items"])

        put("hour", 3600)
        put("day", 86400)
        self.advance(7200)
        self.assertEqual(there(), ["day"])
        # By the machine's clock it has not expired after the restart, by the clock that was kept it has.
        put("hour", 3600)
        self.kill()
        self.assertEqual(there(), ["day"])
        self.advance(86400)
        self.assertEqual(there(), [])

    def test_a_mapping_of_a_stream_reads_on_where_it_was(self):
        made = self.client("dynamodb").create_table(
            TableName="table",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        )
        self.appending("changes", IDS)
        self.client("lambda").create_event_source_mapping(
            EventSourceArn=made["TableDescription"]["LatestStreamArn"], FunctionName="changes", StartingPosition="LATEST", BatchSize=1
        )
        put = self.client("dynamodb").put_item
        put(TableName="table", Item={"id": {"S": "a"}})
        self.eventually(lambda: self.seen() == ["a"], "the first change")
        # The function has answered by then; what is kept of the engine is kept with the next change that is asked for.
        time.sleep(1)
        self.client("ssm").put_parameter(Name="/last", Value="value", Type="String")
        put(TableName="table", Item={"id": {"S": "b"}})
        self.kill()
        self.client("dynamodb").put_item(TableName="table", Item={"id": {"S": "c"}})
        self.eventually(lambda: self.seen()[-1] == "c", "the last change")
        # What was under way when it was killed comes twice.
        self.assertIn(self.seen(), (["a", "b", "c"], ["a", "b", "b", "c"]))

    def test_a_stack_can_be_changed_and_deleted(self):
        stacks = self.client("cloudformation")
        template = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-stack"}}}}
        template["Outputs"] = {"Url": {"Value": {"Ref": "Queue"}, "Export": {"Name": "exported"}}}
        stacks.create_stack(StackName="stack", TemplateBody=json.dumps(template))
        stacks.get_waiter("stack_create_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
        # Whatever is answered later is kept with it.
        self.client("ssm").put_parameter(Name="/last", Value="value", Type="String")
        self.kill()
        stacks = self.client("cloudformation")
        self.assertEqual([export["Name"] for export in stacks.list_exports()["Exports"]], ["exported"])
        template["Resources"]["Queue"]["Properties"]["DelaySeconds"] = 7
        stacks.update_stack(StackName="stack", TemplateBody=json.dumps(template))
        stacks.get_waiter("stack_update_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
        url = stacks.describe_stacks(StackName="stack")["Stacks"][0]["Outputs"][0]["OutputValue"]
        delay = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])
        self.assertEqual(delay["Attributes"], {"DelaySeconds": "7"})
        stacks.delete_stack(StackName="stack")
        stacks.get_waiter("stack_delete_complete").wait(StackName="stack", WaiterConfig={"Delay": 1})
        self.assertEqual(self.client("sqs").list_queues().get("QueueUrls", []), [])

    def test_a_schedule_fires_when_it_is_due_and_not_again(self):
        url, arn = self.queue("fired")
        self.client("scheduler").create_schedule(
            Name="hourly",
            ScheduleExpression="rate(1 hour)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": arn, "RoleArn": ROLE, "Input": "due"},
        )
        self.advance(3 * 3600 + 60)
        fired = []
        self.eventually(lambda: fired.extend(self.bodies(url)) or len(fired) == 3, "three times")
        self.client("ssm").put_parameter(Name="/last", Value="value", Type="String")
        self.kill()
        self.advance(3600)
        self.eventually(lambda: fired.extend(self.bodies(url)) or len(fired) > 3, "the fourth time")
        self.assertEqual(fired, ["due"] * 4)

    def test_an_event_that_was_accepted_reaches_its_function(self):
        self.appending("hanging", HANG_ONCE)
        self.client("lambda").invoke(FunctionName="hanging", InvocationType="Event", Payload=b'{"number": 1}')
        self.eventually(lambda: len(self.seen()) == 1, "the first attempt")
        self.kill()
        self.eventually(lambda: len(self.seen()) == 2, "the attempt after the restart")
        self.assertEqual(self.seen(), ['{"number": 1}'] * 2)

    def test_a_folder_belongs_to_one_machine_at_a_time(self):
        command = [os.environ["LRAP_TEST_LOCAL"], "up", "--port=0", "--engine", sys.executable, "--state", str(self.folder / "state")]
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        self.assertNotEqual(second.returncode, 0)
        self.assertIn("another lambda-local keeps its state in", second.stderr)
