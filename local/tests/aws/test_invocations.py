"""Invocations at the limits: in the background, beyond the function's concurrency, by version and alias, in another region."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError

from tests.aws import OnAws, create_function, packed

SOURCE = """
import os, time

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    if event.get("throw"):
        raise RuntimeError("on purpose")
    return {"region": os.environ["AWS_REGION"], "version": os.environ["AWS_LAMBDA_FUNCTION_VERSION"], "arn": context.invoked_function_arn}
"""


class Invocations(OnAws):
    def setUp(self):
        self.lambdas, self.sqs, self.name = self.client("lambda"), self.client("sqs"), f"i{uuid.uuid4().hex[:8]}"

    def invoke(self, event, name=None, **options):
        answer = self.lambdas.invoke(FunctionName=name or self.name, Payload=json.dumps(event), **options)
        return json.loads(answer["Payload"].read() or "null")

    def test_what_fails_in_the_background_goes_to_the_destination_with_the_event(self):
        self.function(self.name, SOURCE)
        queue = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.lambdas.put_function_event_invoke_config(
            FunctionName=self.name, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
        )
        self.invoke({"throw": True}, InvocationType="Event")

        def message():
            return self.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")

        (received,) = self.eventually(message, "the failed event")
        failed = json.loads(received["Body"])
        self.assertEqual(failed["requestPayload"], {"throw": True})
        self.assertEqual(failed["responsePayload"]["errorMessage"], "on purpose")

    def test_beyond_its_concurrency_a_function_is_throttled_by_a_name_that_can_be_caught(self):
        self.function(self.name, SOURCE)
        self.lambdas.put_function_concurrency(FunctionName=self.name, ReservedConcurrentExecutions=1)
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(self.invoke, {"sleep": 8})
            started = f"{self.name} | START"
            self.eventually(lambda: any(line.startswith(started) for line in self.machine.lines), "the first one")
            with self.assertRaises(self.lambdas.exceptions.TooManyRequestsException) as caught:
                self.invoke({})
            self.assertIn("x-amzn-requestid", caught.exception.response["ResponseMetadata"]["HTTPHeaders"])
            running.result()

    def test_versions_and_aliases_run_the_code_that_they_were_published_with(self):
        arn = self.function(self.name, SOURCE)
        version = self.lambdas.publish_version(FunctionName=self.name)["Version"]
        self.lambdas.create_alias(FunctionName=self.name, Name="live", FunctionVersion=version)
        code = packed({"index.py": "def handler(event, context):\n    return 'new'\n"})
        self.lambdas.update_function_code(FunctionName=self.name, ZipFile=code)
        self.assertEqual(self.invoke({}), "new")
        for name, options in ((f"{self.name}:live", {}), (arn, {"Qualifier": "live"})):
            answer = self.invoke({}, name, **options)
            self.assertEqual((answer["version"], answer["arn"]), (version, f"{arn}:live"))
        with self.assertRaises(self.lambdas.exceptions.ResourceNotFoundException):
            self.invoke({}, f"{self.name}:dead")

    def test_a_function_of_another_region_is_told_that_region_and_unknown_here(self):
        there = self.client("lambda", "ap-southeast-2")
        create_function(there, self.name, SOURCE)
        answer = json.load(there.invoke(FunctionName=self.name, Payload="{}")["Payload"])
        self.assertEqual(answer["region"], "ap-southeast-2")
        self.assertEqual(answer["arn"], f"arn:aws:lambda:ap-southeast-2:123456789012:function:{self.name}")
        with self.assertRaisesRegex(ClientError, "ResourceNotFoundException"):
            self.invoke({})

    def test_a_streamed_invocation_has_the_payload_and_its_end(self):
        self.function(self.name, SOURCE)
        answer = self.lambdas.invoke_with_response_stream(FunctionName=self.name, Payload="{}")
        events = list(answer["EventStream"])
        payload = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
        self.assertEqual(json.loads(payload)["version"], "$LATEST")
        self.assertEqual([name for event in events for name in event][-1], "InvokeComplete")
