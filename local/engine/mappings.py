"""Event source mappings of queues: the windows of batches, the answers that say what failed, and what AWS refuses. Those of tables are in ``streams``."""

import json
import threading
import time

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

import streams
from clients import own, parameters

TYPE = "AWS::Lambda::EventSourceMapping"
PARTIAL = "ReportBatchItemFailures"
# More than that only with a window in which they come together.
LARGEST_WITHOUT_WINDOW = 10
LARGEST_BATCH = {True: 10, False: 10_000}

create_mapping = lambda_svc._create_esm
update_mapping = lambda_svc._update_esm
receive_ten = sqs._receive_messages_for_esm
create_in_stack = provisioners._RESOURCE_HANDLERS[TYPE]["create"]

lock = threading.Lock()
# Since when messages wait for their batch to become full, by queue.
waiting_since = {}


def complete():
    lambda_svc._create_esm = create
    lambda_svc._update_esm = update
    lambda_svc._run_sqs_batch = run_batch
    sqs._receive_messages_for_esm = receive
    provisioners._RESOURCE_HANDLERS[TYPE]["create"] = create_for_stack


def create(data):
    given = {**streams.DEFAULTS, **data} if is_of_table(data) else data
    return refused(given) or create_mapping(given)


def update(identity, data):
    return refused({**lambda_svc._esms.get(identity, {}), **data}) or update_mapping(identity, data)


def is_of_table(mapping):
    return ":dynamodb:" in mapping.get("EventSourceArn", "")


def refused(mapping):
    queue = queue_of(mapping.get("EventSourceArn", ""))
    try:
        if is_of_table(mapping):
            streams.check(mapping)
        elif queue is not None:
            check(mapping, queue)
    except ValueError as error:
        return lambda_svc.error_response_json("InvalidParameterValueException", str(error), 400)
    return None


def check(mapping, queue):
    _, function, _ = lambda_svc._get_func_record_for_ref(mapping.get("FunctionName", ""))
    visible_after = int(queue["attributes"].get("VisibilityTimeout", 30))
    if function and visible_after < function["Timeout"]:
        raise ValueError(
            f"Queue visibility timeout: {visible_after} seconds is less than Function timeout: {function['Timeout']} seconds"
        )
    size, window = mapping.get("BatchSize", 10), mapping.get("MaximumBatchingWindowInSeconds", 0)
    if not 1 <= size <= LARGEST_BATCH[queue["is_fifo"]]:
        raise ValueError(f"BatchSize: {size} is not 1 to {LARGEST_BATCH[queue['is_fifo']]}")
    if size > LARGEST_WITHOUT_WINDOW and not window:
        raise ValueError(f"Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than {LARGEST_WITHOUT_WINDOW}")
    if queue["is_fifo"] and window:
        raise ValueError("Batching window is not supported for FIFO queues")


def queue_of(arn):
    found = (queue for queue in sqs._queues.values() if queue["attributes"].get("QueueArn") == arn)
    return next(found, None)


def create_for_stack(logical_id, properties, stack_name):
    if ":sqs:" not in properties.get("EventSourceArn", "") and not is_of_table(properties):
        return create_in_stack(logical_id, properties, stack_name)
    client = own("lambda")
    given = {**properties, "Tags": {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}}
    made = client.create_event_source_mapping(**parameters(client, "CreateEventSourceMapping", given))["UUID"]
    return made, provisioners._lambda_esm_attrs(made)


def receive(queue_url, size):
    """A batch: as soon as it is full, or what has come when its window ends."""
    if not is_due(queue_url, size):
        return []
    batch = []
    while len(batch) < size:
        more = receive_ten(queue_url, size - len(batch))
        if not more:
            break
        batch += more
    return batch


def is_due(queue_url, size):
    queue = sqs._queues.get(queue_url)
    window = window_of(queue)
    if not window:
        return True
    now = time.time()
    count = sum(message.get("visible_at", 0) <= now for message in list(queue["messages"]))
    with lock:
        if not count:
            waiting_since.pop(queue_url, None)
            return False
        since = waiting_since.setdefault(queue_url, now)
        if count < size and now - since < window:
            return False
        waiting_since.pop(queue_url)
        return True


def window_of(queue):
    arn = queue["attributes"].get("QueueArn")
    windows = [mapping.get("MaximumBatchingWindowInSeconds") or 0 for _, _, mapping in lambda_svc._iter_all_esms() if mapping.get("EventSourceArn") == arn]
    return int(max(windows, default=0))


def run_batch(mapping, function, event, batch, queue_url, queue_name):
    """Invokes, and deletes what has succeeded. The rest becomes visible again in its time, and is then given with one more count."""
    result = lambda_svc._execute_function(function, event)
    failed = failed_ids(mapping, result, {message["id"] for message in batch})
    mapping["LastProcessingResult"] = "PROBLEM: Function call failed" if result.get("error") else "OK"
    handles = {message["receipt_handle"] for message in batch if message["id"] not in failed}
    sqs._delete_messages_for_esm(queue_url, handles)


def failed_ids(mapping, result, all_ids):
    """All of them if the function failed, or if what it says of failures makes no sense."""
    if result.get("error"):
        return all_ids
    if PARTIAL not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    body = result.get("body")
    failures = (body.get("batchItemFailures") or []) if isinstance(body, dict) else ([] if body is None else None)
    if not isinstance(failures, list) or not all(isinstance(failure, dict) for failure in failures):
        return all_ids
    ids = {json.dumps(failure.get("itemIdentifier")) for failure in failures}
    named = {identity for identity in all_ids if json.dumps(identity) in ids}
    return named if len(named) == len(ids) else all_ids
