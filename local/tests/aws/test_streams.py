"""Streams of tables: read by their API, and what functions are given of them, again and again until it is processed or given up."""

import json
import time
import uuid

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.aws import ARCHITECTURE, REGION, OnAws

# Reports every batch to a queue, and fails those with a record whose text says so.
SOURCE = """
import json, os
import boto3

sqs = boto3.client("sqs")

def text(record):
    return record["dynamodb"].get("NewImage", {}).get("text", {}).get("S")

def handler(event, context):
    records = event["Records"]
    sqs.send_message(QueueUrl=os.environ["SEEN"], MessageBody=json.dumps(records))
    if "throw" in map(text, records):
        raise RuntimeError("on purpose")
    return {"batchItemFailures": [{"itemIdentifier": r["dynamodb"]["SequenceNumber"]} for r in records if text(r) == "later"][:1]}
"""


class Streams(OnAws):
    def setUp(self):
        self.tables, self.sqs, self.name = self.client("dynamodb"), self.client("sqs"), f"t{uuid.uuid4().hex[:8]}"
        self.seen, _ = self.make_queue(f"{self.name}-seen")
        self.failures, self.failures_arn = self.make_queue(f"{self.name}-failures")
        self.function(self.name, SOURCE, Environment={"Variables": {"SEEN": self.seen}})
        made = self.tables.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        self.stream = made["TableDescription"]["LatestStreamArn"]
        self.batches = []

    def make_queue(self, name):
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        return url, self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def put(self, *texts):
        """An item for each text, which is its id too."""
        for text in texts:
            self.tables.put_item(TableName=self.name, Item={"id": {"S": text}, "text": {"S": text.rstrip("0123456789")}})

    def map(self, position="TRIM_HORIZON", **options):
        made = self.client("lambda").create_event_source_mapping(
            EventSourceArn=self.stream, FunctionName=self.name, StartingPosition=position, **options
        )
        self.addCleanup(self.client("lambda").delete_event_source_mapping, UUID=made["UUID"])
        return made

    def now(self):
        """By the clock of all services."""
        return time.time() + self.machine.clock({})["offset"]

    def on_failure(self):
        return {"DestinationConfig": {"OnFailure": {"Destination": self.failures_arn}}}

    def taken(self, queue):
        answer = self.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in answer.get("Messages", []):
            self.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            yield json.loads(message["Body"])

    def given(self):
        """The ids of all batches so far."""
        self.batches += self.taken(self.seen)
        return [[record["dynamodb"]["Keys"]["id"]["S"] for record in batch] for batch in self.batches]

    def until_given(self, expected):
        self.eventually(lambda: len(self.given()) >= len(expected), f"{len(expected)} batches")
        self.assertEqual(self.given(), expected)

    def test_changes_of_a_table_are_read_from_its_stream(self):
        # dynoxide's names of shards are shorter than botocore lets pass.
        unchecked = {"endpoint_url": self.machine.endpoint, "region_name": REGION, "config": Config(parameter_validation=False, proxies={})}
        streams = boto3.Session("local", "local").client("dynamodbstreams", **unchecked)
        self.put("a")
        self.tables.delete_item(TableName=self.name, Key={"id": {"S": "a"}})
        (shard,) = streams.describe_stream(StreamArn=self.stream)["StreamDescription"]["Shards"]
        begin = {"StreamArn": self.stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**begin)["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        self.assertEqual([record["eventName"] for record in records], ["INSERT", "REMOVE"])
        self.assertEqual(records[0]["dynamodb"]["NewImage"]["text"], {"S": "a"})

    def test_a_record_is_as_documented_field_by_field(self):
        self.tables.put_item(TableName=self.name, Item={"id": {"S": "a"}, "bytes": {"B": b"\xff\x00"}, "n": {"N": "1"}})
        self.map()
        self.until_given([["a"]])
        (record,) = self.batches[0]
        change = record.pop("dynamodb")
        self.assertRegex(record.pop("eventID"), "^[0-9a-f]{32}$")
        expected = {"eventName": "INSERT", "eventVersion": "1.1", "eventSource": "aws:dynamodb", "awsRegion": REGION, "eventSourceARN": self.stream}
        self.assertEqual(record, expected)
        self.assertAlmostEqual(change.pop("ApproximateCreationDateTime"), self.now(), delta=60)
        self.assertRegex(change.pop("SequenceNumber"), "^[0-9]{21,40}$")
        self.assertGreater(change.pop("SizeBytes"), 0)
        image = {"id": {"S": "a"}, "bytes": {"B": "/wA="}, "n": {"N": "1"}}
        self.assertEqual(change, {"Keys": {"id": {"S": "a"}}, "NewImage": image, "StreamViewType": "NEW_AND_OLD_IMAGES"})

    def test_a_mapping_begins_where_it_is_told_to_and_says_what_it_takes_for_granted(self):
        self.put("before")
        made = self.map("LATEST")
        expected = {"BatchSize": 100, "MaximumRetryAttempts": -1, "MaximumRecordAgeInSeconds": -1, "ParallelizationFactor": 1}
        self.assertEqual({name: made[name] for name in expected}, expected)
        self.put("after")
        self.until_given([["after"]])

    def test_a_batch_that_fails_holds_up_the_next_until_it_is_given_up(self):
        self.put("throw", "b", "c")
        self.map(BatchSize=2, MaximumRetryAttempts=1, **self.on_failure())
        self.until_given([["throw", "b"], ["throw", "b"], ["c"]])
        (failure,) = self.eventually(lambda: list(self.taken(self.failures)), "the record of the failure")
        records = self.batches[0]
        info = failure["DDBStreamBatchInfo"]
        self.assertEqual((info["streamArn"], info["batchSize"]), (self.stream, 2))
        ends = [records[place]["dynamodb"]["SequenceNumber"] for place in (0, -1)]
        self.assertEqual([info["startSequenceNumber"], info["endSequenceNumber"]], ends)
        context = failure["requestContext"]
        self.assertEqual((context["condition"], context["approximateInvokeCount"]), ("RetryAttemptsExhausted", 2))

    def test_a_batch_is_halved_until_the_record_that_fails_is_alone(self):
        self.put("a", "b", "throw", "d")
        self.map(MaximumRetryAttempts=0, BisectBatchOnFunctionError=True, **self.on_failure())
        self.until_given([["a", "b", "throw", "d"], ["a", "b"], ["throw", "d"], ["throw"], ["d"]])
        (failure,) = self.eventually(lambda: list(self.taken(self.failures)), "the record of the failure")
        self.assertEqual(failure["DDBStreamBatchInfo"]["batchSize"], 1)

    def test_what_a_response_names_is_retried_with_all_that_follows(self):
        self.put("a", "later", "c")
        self.map(MaximumRetryAttempts=0, FunctionResponseTypes=["ReportBatchItemFailures"])
        self.until_given([["a", "later", "c"], ["later", "c"]])
        self.put("d")
        self.until_given([["a", "later", "c"], ["later", "c"], ["d"]])

    def test_what_is_too_old_is_given_up(self):
        self.put("throw")
        self.map(MaximumRecordAgeInSeconds=60, **self.on_failure())
        self.eventually(self.given, "the first attempt")
        self.advance(61)
        (failure,) = self.eventually(lambda: list(self.taken(self.failures)), "the record of the failure")
        self.assertEqual(failure["requestContext"]["condition"], "MaxRecordAgeExceeded")

    def test_a_batch_waits_for_its_window_or_until_it_is_full(self):
        self.map(BatchSize=3, MaximumBatchingWindowInSeconds=200)
        self.put("a", "b", "c", "d")
        self.until_given([["a", "b", "c"]])
        time.sleep(1)
        self.assertEqual(self.given(), [["a", "b", "c"]])
        self.advance(201)
        self.until_given([["a", "b", "c"], ["d"]])

    def test_a_filter_lets_through_what_is_wanted(self):
        self.map(FilterCriteria={"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"], "dynamodb": {"Keys": {"id": {"S": ["wanted"]}}}})}]})
        self.put("other", "wanted", "other")
        self.until_given([["wanted"]])

    def test_what_expires_is_removed_by_the_service(self):
        specification = {"Enabled": True, "AttributeName": "expires_at"}
        self.tables.update_time_to_live(TableName=self.name, TimeToLiveSpecification=specification)
        self.tables.put_item(TableName=self.name, Item={"id": {"S": "a"}, "expires_at": {"N": str(int(self.now()) + 100)}})
        self.map("LATEST")
        self.advance(200)
        self.until_given([["a"]])
        (record,) = self.batches[0]
        self.assertEqual(record["eventName"], "REMOVE")
        self.assertEqual(record["userIdentity"], {"type": "Service", "principalId": "dynamodb.amazonaws.com"})

    def test_a_template_maps_a_stream(self):
        formation = self.client("cloudformation")
        event = {
            "Type": "DynamoDB",
            "Properties": {"Stream": {"Fn::GetAtt": ["Table", "StreamArn"]}, "StartingPosition": "TRIM_HORIZON", "BatchSize": 1},
        }
        key = [{"AttributeName": "id", "KeyType": "HASH"}]
        table = {
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": key,
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
        function = {
            "Runtime": "python3.13",
            "Architectures": [ARCHITECTURE],
            "Handler": "index.handler",
            "InlineCode": SOURCE,
            "Timeout": 30,
            "Environment": {"Variables": {"SEEN": self.seen}},
            "Events": {"Changes": event},
        }
        template = {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {
                "Table": {"Type": "AWS::DynamoDB::Table", "Properties": table},
                "Function": {"Type": "AWS::Serverless::Function", "Properties": function},
            },
        }
        capabilities = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        formation.create_stack(StackName=self.name, TemplateBody=json.dumps(template), Capabilities=capabilities)
        formation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})
        found = formation.describe_stack_resource(StackName=self.name, LogicalResourceId="Table")
        self.tables.put_item(TableName=found["StackResourceDetail"]["PhysicalResourceId"], Item={"id": {"S": "x"}})
        self.until_given([["x"]])
        formation.delete_stack(StackName=self.name)
        formation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})
        arn = self.batches[0][0]["eventSourceARN"]
        self.assertEqual(self.client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"], [])

    def test_what_cannot_be_is_refused_with_its_field(self):
        refused = [
            ("there is no stream", {"EventSourceArn": f"{self.stream}x"}),
            ("StartingPosition: None is none of", {"StartingPosition": None}),
            ("StartingPosition: AT_TIMESTAMP is none of", {"StartingPosition": "AT_TIMESTAMP"}),
            ("BatchSize: 10001 is not 1 to 10000", {"BatchSize": 10001}),
            ("TumblingWindowInSeconds: not supported", {"TumblingWindowInSeconds": 5}),
            ("DestinationConfig: .* is none of sns, sqs", {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::bucket"}}}),
            ("ScalingConfig is only supported", {"ScalingConfig": {"MaximumConcurrency": 2}}),
        ]
        for reason, change in refused:
            given = {"EventSourceArn": self.stream, "StartingPosition": "LATEST", **change}
            given = {name: value for name, value in given.items() if value is not None}
            with self.subTest(reason), self.assertRaisesRegex(ClientError, f"InvalidParameterValueException.*{reason}"):
                self.client("lambda").create_event_source_mapping(FunctionName=self.name, **given)
