"""Streams of tables: read by their API, and refused as the source of a mapping, because nothing would ever come of it."""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.aws import REGION, OnAws


class Streams(OnAws):
    def test_changes_of_a_table_are_read_from_its_stream_and_cannot_be_mapped(self):
        # dynoxide's names of shards are shorter than botocore lets pass.
        unchecked = {"endpoint_url": self.machine.endpoint, "region_name": REGION, "config": Config(parameter_validation=False, proxies={})}
        tables, streams = self.client("dynamodb"), boto3.Session("local", "local").client("dynamodbstreams", **unchecked)
        made = tables.create_table(
            TableName="streamed",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        stream = made["TableDescription"]["LatestStreamArn"]
        tables.put_item(TableName="streamed", Item={"id": {"S": "a"}, "text": {"S": "one"}})
        tables.delete_item(TableName="streamed", Key={"id": {"S": "a"}})
        (shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
        begin = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = streams.get_shard_iterator(**begin)["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        self.assertEqual([record["eventName"] for record in records], ["INSERT", "REMOVE"])
        self.assertEqual(records[0]["dynamodb"]["NewImage"]["text"], {"S": "one"})
        with self.assertRaisesRegex(ClientError, "InvalidParameterValueException.*cannot be mapped on this machine"):
            self.client("lambda").create_event_source_mapping(EventSourceArn=stream, FunctionName="f", StartingPosition="LATEST")
