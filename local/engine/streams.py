"""Event source mappings of tables' streams: each reads on in a thread of its own, so that a function that fails holds up no other.

dynoxide keeps the changes of a table in one shard. A mapping's position is an iterator of it, which never expires, beside the mapping in ministack's
state: after a restart it reads on from there.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
"""

import datetime
import json
import threading
import time
import urllib.error
import urllib.request
import uuid

from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region
from ministack.services import lambda_svc

import clock
import targets
from clients import own
from functions import opener
from settings import settings

PARTIAL = "ReportBatchItemFailures"
API = "DynamoDBStreams_20120810"
# What Lambda takes for granted, and says of a mapping that does not say it.
DEFAULTS = {
    "BatchSize": 100,
    "MaximumRetryAttempts": -1,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "ParallelizationFactor": 1,
}
POSITIONS = ("TRIM_HORIZON", "LATEST")
LARGEST_BATCH = 10_000
LARGEST_EVENT = 6 * 1024 * 1024
# dynoxide gives so many at once.
PAGE = 1000
PAUSE_SECONDS = 0.25
FIRST_RETRY_SECONDS = 0.5
LONGEST_RETRY_SECONDS = 30
TIMEOUT_SECONDS = 30

following = {}


def complete():
    lambda_svc._init_stream_position = begin
    lambda_svc._poll_dynamodb_streams = follow_all


def check(mapping):
    """Raises ``ValueError`` for a mapping that Lambda refuses, or whose wishes nothing here grants."""
    stream = mapping["EventSourceArn"]
    if stream != current_stream(stream):
        raise ValueError(f"EventSourceArn: there is no stream {stream}")
    if mapping.get("StartingPosition") not in POSITIONS:
        raise ValueError(f"StartingPosition: {mapping.get('StartingPosition')} is none of {', '.join(POSITIONS)}; a stream needs one of these")
    size = int(mapping.get("BatchSize", 1))
    if not 1 <= size <= LARGEST_BATCH:
        raise ValueError(f"BatchSize: {size} is not 1 to {LARGEST_BATCH}")
    if mapping.get("TumblingWindowInSeconds"):
        raise ValueError("TumblingWindowInSeconds: not supported on this machine")
    destination = destination_of(mapping)
    if destination and targets.service_of(destination) not in BURIED_BY:
        raise ValueError(f"DestinationConfig: {destination} is none of {', '.join(sorted(BURIED_BY))}")


def current_stream(arn):
    """Of the table that the stream's name says."""
    client = own("dynamodb")
    try:
        return client.describe_table(TableName=arn.split("/")[1])["Table"].get("LatestStreamArn")
    except (IndexError, client.exceptions.ResourceNotFoundException):
        return None


def destination_of(mapping):
    return ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")


def begin(identity, stream, starting):
    """From when the mapping is made on, or from the first change that is known."""
    lambda_svc._dynamodb_stream_positions[identity] = iterator(stream, ShardIteratorType=starting)


def iterator(stream, **wanted):
    shard = ask("DescribeStream", StreamArn=stream)["StreamDescription"]["Shards"][0]["ShardId"]
    return ask("GetShardIterator", StreamArn=stream, ShardId=shard, **wanted)["ShardIterator"]


def ask(operation, **given):
    """In JSON, as a function gets it: a client of the SDK would take it apart, and refuse dynoxide's short names of shards."""
    today = datetime.datetime.fromtimestamp(clock.now(), datetime.timezone.utc)
    scope = f"{get_account_id()}/{today:%Y%m%d}/{get_region()}/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"{API}.{operation}",
        "X-Amz-Date": f"{today:%Y%m%dT%H%M%SZ}",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none",
    }
    request = urllib.request.Request(settings["public"], json.dumps(given).encode(), headers)
    with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
        return json.load(answer)


def follow_all():
    """Whatever mappings there are. Nothing here is what ministack's own loop has to hurry for."""
    for account, region, mapping in lambda_svc._iter_all_esms():
        identity = mapping["UUID"]
        if ":dynamodb:" in mapping.get("EventSourceArn", "") and identity not in following:
            following[identity] = Follower(account, region, identity)
            following[identity].start()
    return False


class Follower(threading.Thread):
    """Of one mapping, as long as there is one."""

    def __init__(self, account, region, identity):
        super().__init__(daemon=True, name=f"stream {identity}")
        self.account, self.region, self.identity = account, region, identity
        # Since when changes wait for their batch to become full.
        self.since = None

    def run(self):
        set_request_account_id(self.account)
        set_request_region(self.region)
        try:
            while mapping := lambda_svc._esms.get(self.identity):
                if not (mapping.get("Enabled", True) and self.goes_on(mapping)):
                    clock.wait(PAUSE_SECONDS)
        finally:
            following.pop(self.identity, None)

    def goes_on(self, mapping):
        """Whether there was a batch."""
        try:
            records = self.batch(mapping)
            if records:
                self.process(mapping, records)
            return bool(records)
        except (OSError, LookupError) as error:
            # Of a table that is gone, or of an endpoint that is about to go.
            mapping["LastProcessingResult"] = f"PROBLEM: {error}"
            return False

    def batch(self, mapping):
        """As soon as it is full, or what has come when its window ends; nothing before."""
        size, window = int(mapping["BatchSize"]), int(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        records = read(lambda_svc._dynamodb_stream_positions[self.identity], size)
        if not records:
            self.since = None
            return []
        self.since = self.since or clock.now()
        fitting = as_many_as_fit(records)
        if len(fitting) == len(records) < size and clock.now() - self.since < window:
            return []
        self.since = None
        return fitting

    def process(self, mapping, records):
        """Until each of them has been processed or given up; nothing comes before what came before it."""
        rest = [records]
        while rest and self.is_wanted():
            batch = rest.pop()
            wanted = lambda_svc._apply_filter_criteria(given_to_functions(batch, mapping["EventSourceArn"]), mapping)
            left, halves = self.tried(mapping, batch, wanted) if wanted else ([], False)
            if len(left) < len(batch):
                self.advance(mapping, batch[len(batch) - len(left) - 1])
            rest += split(left) if halves else [left] if left else []

    def tried(self, mapping, batch, wanted):
        """What is left of the batch, and whether it is to be halved."""
        attempts, pause = 0, FIRST_RETRY_SECONDS
        while self.is_wanted():
            result = invoke(mapping, wanted)
            failed = first_failed(mapping, result, batch)
            mapping["LastProcessingResult"] = "OK" if failed is None else "PROBLEM: Function call failed"
            if failed is None:
                return [], False
            # One that was throttled has not reached the function, and is no attempt.
            throttled = bool(result.get("throttle"))
            halves = bool(mapping.get("BisectBatchOnFunctionError")) and len(batch) - failed > 1 and not throttled
            if failed or halves:
                return batch[failed:], halves
            attempts += not throttled
            condition = exhausted(mapping, batch, attempts)
            if condition:
                bury(mapping, batch, result, attempts, condition)
                return [], False
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY_SECONDS)
        return batch, False

    def is_wanted(self):
        return lambda_svc._esms.get(self.identity, {}).get("Enabled", False)

    def advance(self, mapping, record):
        after = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": record["dynamodb"]["SequenceNumber"]}
        lambda_svc._dynamodb_stream_positions[self.identity] = iterator(mapping["EventSourceArn"], **after)


def read(position, size):
    records = []
    while len(records) < size:
        page = ask("GetRecords", ShardIterator=position, Limit=min(size - len(records), PAGE))
        if not page["Records"]:
            break
        records += page["Records"]
        position = page["NextShardIterator"]
    return records


def as_many_as_fit(records):
    """Into one event; the first one always does."""
    size = 0
    for number, record in enumerate(records):
        size += len(json.dumps(record))
        if size > LARGEST_EVENT and number:
            return records[:number]
    return records


def given_to_functions(records, stream):
    return [{**record, "awsRegion": get_region(), "eventSourceARN": stream} for record in records]


def invoke(mapping, records):
    found, config = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if found is None:
        raise LookupError(f"there is no function {mapping['FunctionArn']}")
    return lambda_svc._execute_function(lambda_svc._execution_record_for_config(found, config), {"Records": records})


def first_failed(mapping, result, batch):
    """The index of the first record that was not processed, if any: the first of all if what the function says of failures makes no sense."""
    if result.get("error"):
        return 0
    body = result.get("body")
    if PARTIAL not in (mapping.get("FunctionResponseTypes") or []) or not body:
        return None
    failures = (body.get("batchItemFailures") or []) if isinstance(body, dict) else [None]
    if not failures:
        return None
    places = {record["dynamodb"]["SequenceNumber"]: number for number, record in enumerate(batch)}
    named = [places.get(failure.get("itemIdentifier")) if isinstance(failure, dict) else None for failure in failures]
    return 0 if None in named else min(named)


def exhausted(mapping, batch, attempts):
    """Why the batch is given up, if it is."""
    retries, age = (int(mapping.get(name, -1)) for name in ("MaximumRetryAttempts", "MaximumRecordAgeInSeconds"))
    if 0 <= retries < attempts:
        return "RetryAttemptsExhausted"
    if 0 <= age < clock.now() - created(batch[0]):
        return "MaxRecordAgeExceeded"
    return None


def split(records):
    """The first half last, which is taken first."""
    middle = len(records) // 2
    return [records[middle:], records[:middle]]


def created(record):
    return record["dynamodb"]["ApproximateCreationDateTime"]


def bury(mapping, batch, result, attempts, condition):
    """Tells the destination of failures where in the stream the records are, if there is one. They themselves are not in it."""
    destination = destination_of(mapping)
    if destination:
        BURIED_BY[targets.service_of(destination)]({"Arn": destination}, json.dumps(failure_record(mapping, batch, result, attempts, condition)))


def failure_record(mapping, batch, result, attempts, condition):
    first, last = batch[0], batch[-1]
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": mapping["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": result.get("function_error", "Unhandled")},
        "version": "1.0",
        "timestamp": moment(clock.now()),
        "DDBStreamBatchInfo": {
            "shardId": ask("DescribeStream", StreamArn=mapping["EventSourceArn"])["StreamDescription"]["Shards"][0]["ShardId"],
            "startSequenceNumber": first["dynamodb"]["SequenceNumber"],
            "endSequenceNumber": last["dynamodb"]["SequenceNumber"],
            "approximateArrivalOfFirstRecord": moment(created(first)),
            "approximateArrivalOfLastRecord": moment(created(last)),
            "batchSize": len(batch),
            "streamArn": mapping["EventSourceArn"],
        },
    }


def moment(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


BURIED_BY = {"sqs": targets.send_message, "sns": targets.publish}
