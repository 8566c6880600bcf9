"""Dead letters: messages that nobody could process. Lists them without their content, and sends them back to where they came from.

``redrive`` deletes a message only after its copy is in the other queue. Killed at any moment it loses nothing; at worst a message is
there twice, as SQS may deliver any message twice.
"""

import json
import time
from dataclasses import dataclass

from delivery import Refusal

# How often the queue is asked when it seems to be empty: SQS may not ask all of its servers.
EMPTY_ANSWERS = 2
BATCH = 10
# Seconds for which nobody else gets a message while it is copied.
HIDDEN = 60
LONGEST_REASON = 160
ABSENT = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
# System attributes that go with a message, and how they are given when it is sent.
TRACE = "AWSTraceHeader"
GROUP = "MessageGroupId"


@dataclass(frozen=True)
class Queue:
    """A queue of the account, with the queues whose dead letters it takes."""

    url: str
    attributes: dict
    sources: tuple

    @property
    def name(self):
        return self.url.rpartition("/")[2]

    @property
    def arn(self):
        return self.attributes["QueueArn"]

    @property
    def waiting(self):
        return int(self.attributes["ApproximateNumberOfMessages"])

    @property
    def hidden(self):
        return int(self.attributes["ApproximateNumberOfMessagesNotVisible"])

    @classmethod
    def read(cls, account, url):
        attributes = account.read("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=["All"])["Attributes"]
        sources = account.pages("sqs", "list_dead_letter_source_queues", "queueUrls", QueueUrl=url)
        return cls(url, attributes, tuple(sources))


def list_dead_letters(account, stage):
    """Says for each queue of dead letters of a stage how many there are, how old, and why as far as that is known."""
    queues = list(_of_stage(account, stage))
    if not queues:
        account.say(f"stage {stage} has no queue of dead letters")
    for queue in queues:
        seen = _peeked(account, queue) if queue.waiting else []
        account.say(f"{queue.name}: {queue.waiting} waiting, {queue.hidden} in flight{_age(seen)}")
        for message in seen:
            account.say(f"  {message['MessageId']}: received {_attribute(message, 'ApproximateReceiveCount')} times{_reason(message)}")


def redrive(account, name, target=None):
    """Sends the messages that wait in a queue of dead letters back to its source, or to ``target``."""
    queue = Queue.read(account, _url(account, name))
    to = _target(account, queue, target)
    if account.dry_run:
        arn = Queue.read(account, to).arn
        account.change("sqs", "start_message_move_task", SourceArn=queue.arn, DestinationArn=arn)
        return
    moved = 0
    # Those that fail again come back, and are left for the next time.
    for message in _received(account, queue):
        _move(account, queue.url, to, message)
        moved += 1
        if moved == queue.waiting:
            break
    account.report(f"{moved} messages of {name} sent to {to.rpartition('/')[2]}")


def _of_stage(account, stage):
    """Those that take dead letters of others, or are called so: what a topic or a function cannot deliver goes there."""
    for url in account.pages("sqs", "list_queues", "QueueUrls"):
        if url.endswith((f"-{stage}", f"-{stage}.fifo")):
            queue = Queue.read(account, url)
            if queue.sources or "dead-letters" in queue.name:
                yield queue


def _peeked(account, queue):
    """Up to ten messages, which stay where they are."""
    return _receive(account, queue.url, VisibilityTimeout=0)


def _received(account, queue):
    """Messages one after another, each hidden from others, until there seem to be none."""
    empty = 0
    while empty < EMPTY_ANSWERS:
        messages = _receive(account, queue.url, VisibilityTimeout=HIDDEN, WaitTimeSeconds=1)
        empty = 0 if messages else empty + 1
        yield from messages


def _receive(account, url, **how):
    names = {"MessageAttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    return account.read("sqs", "receive_message", QueueUrl=url, MaxNumberOfMessages=BATCH, **names, **how).get("Messages", [])


def _move(account, source, target, message):
    account.change("sqs", "send_message", QueueUrl=target, MessageBody=message["Body"], **_carried(message))
    account.change("sqs", "delete_message", QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])


def _carried(message):
    """Everything of a message but its body."""
    carried = {}
    if message.get("MessageAttributes"):
        carried["MessageAttributes"] = message["MessageAttributes"]
    if TRACE in message.get("Attributes", {}):
        carried["MessageSystemAttributes"] = {TRACE: {"DataType": "String", "StringValue": message["Attributes"][TRACE]}}
    if GROUP in message.get("Attributes", {}):
        # Its old deduplication id would make the queue swallow it, if it failed minutes ago.
        carried.update({GROUP: message["Attributes"][GROUP], "MessageDeduplicationId": message["MessageId"]})
    return carried


def _target(account, queue, target):
    if target:
        return _url(account, target)
    if len(queue.sources) == 1:
        return queue.sources[0]
    named = ", ".join(url.rpartition("/")[2] for url in queue.sources)
    raise Refusal(f"{queue.name} receives the dead letters of {named or 'no queue'}: name the queue to send them to with TO=")


def _url(account, name):
    found = account.find("sqs", "get_queue_url", ABSENT, QueueName=name)
    if found is None:
        raise Refusal(f"missing dependency: there is no queue {name} in {account.region}: `make dead-letters` lists them")
    return found["QueueUrl"]


def _age(messages):
    sent = [int(_attribute(message, "SentTimestamp")) / 1000 for message in messages]
    return f", the oldest of {len(sent)} is {_spelt(time.time() - min(sent))} old" if sent else ""


def _spelt(seconds):
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _reason(message):
    """What Lambda writes beside a message that a function failed; never what the message says."""
    given = message.get("MessageAttributes", {})
    reasons = [given[name]["StringValue"] for name in ("ErrorCode", "ErrorMessage") if name in given]
    lines = [reason.strip().partition("\n")[0] for reason in reasons] or _destination(message["Body"])
    return ": " + " ".join(lines)[:LONGEST_REASON] if lines else ""


def _destination(body):
    """The error of a record that Lambda sends to an on-failure destination."""
    try:
        record = json.loads(body)
        context, payload = record["requestContext"], record.get("responsePayload") or {}
        return [str(context["condition"]), str(payload.get("errorType", ""))]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _attribute(message, name):
    return message.get("Attributes", {}).get(name, "0")
