"""The messages of each queue, which several threads change: those of callers, of mappings, of topics.

ministack puts a filtered copy in place of a queue's list: what another thread appends meanwhile is lost. Here one lock is held for each change,
and the change is kept before anyone hears of it (``keeping``).
"""

import json
import threading
import time

from ministack.core.concurrency import esm_wake
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import sqs

import keeping

collect = sqs._collect_msgs
send_batch = sqs._act_send_message_batch
change_visibilities = sqs._act_change_visibility_batch

# One for all queues, because messages move between them. It is taken before that of what is kept.
lock = threading.RLock()


class Messages:
    """Of one queue, in the order in which they came. Who reads them sees those that were there when the reading began."""

    def __init__(self, queue, messages=()):
        self.queue = queue
        self.held = list(messages)

    def __iter__(self):
        return iter(self.held)

    def __len__(self):
        return len(self.held)

    def __getitem__(self, index):
        return self.held[index]

    def append(self, message):
        with lock:
            keeping.kept.put(self.queue, [message])
            self.held.append(message)

    def drop(self, is_unwanted):
        """Removes and returns those that ``is_unwanted`` is true of."""
        with lock:
            dropped = [message for message in self.held if is_unwanted(message)]
            gone = {id(message) for message in dropped}
            if gone:
                keeping.kept.drop(self.queue, dropped)
                self.held = [message for message in self.held if id(message) not in gone]
            return dropped

    def remove(self, message):
        self.drop(lambda other: other is message)

    def clear(self):
        self.drop(lambda message: True)


class Queues(AccountRegionScopedDict):
    """A queue that is made anew has none of the messages that an earlier one of its name had."""

    __slots__ = ()

    def __setitem__(self, url, queue):
        if not isinstance(queue["messages"], Messages):
            name = queue["attributes"]["QueueArn"]
            keeping.kept.forget(name)
            queue["messages"] = Messages(name, queue["messages"])
        super().__setitem__(url, queue)


def complete():
    sqs._queues = Queues()
    sqs._collect_msgs = receive
    sqs._expire_retained = expire
    sqs._dlq_sweep = bury
    sqs._delete_messages_for_esm = delete_for_mapping
    sqs._HANDLERS.update(
        ChangeMessageVisibility=change_visibility,
        ChangeMessageVisibilityBatch=change_visibility_together,
        DeleteMessage=delete,
        DeleteMessageBatch=delete_batch,
        SendMessageBatch=send_together,
    )


def restore():
    """What was kept of each queue that is known again."""
    for (account, region, url), queue in sqs._queues.all_items():
        name = queue["attributes"]["QueueArn"]
        queue["messages"] = Messages(name, keeping.kept.messages(name))
        numbers = [int(message["seq"]) for message in queue["messages"] if message.get("seq")]
        queue["fifo_seq"] = max([queue.get("fifo_seq", 0), *numbers])


def receive(queue, size, visible_after):
    with lock:
        received = collect(queue, size, visible_after)
        keeping.kept.put(queue["attributes"]["QueueArn"], received)
    return received


def expire(queue):
    now = time.time()
    oldest = now - int(queue["attributes"].get("MessageRetentionPeriod", "345600"))
    queue["messages"].drop(lambda message: message.get("enqueued_at", message.get("sent_at", now)) <= oldest)


def bury(queue):
    """Moves those that were received as often as the redrive policy allows."""
    policy = json.loads(queue["attributes"].get("RedrivePolicy") or "{}")
    dead = sqs._queue_by_arn(policy.get("deadLetterTargetArn", ""))
    if dead is None:
        return
    now, most = time.time(), int(policy["maxReceiveCount"])
    with lock, keeping.kept.together():
        for message in queue["messages"].drop(lambda one: one["receive_count"] >= most and one["visible_at"] <= now):
            dead["messages"].append(buried(message, queue, dead, now))
            esm_wake.set()


def buried(message, source, dead, now):
    """Only a FIFO queue counts its age anew."""
    system = {"DeadLetterQueueSourceArn": source["attributes"]["QueueArn"], **message.get("sys", {})}
    age = {"enqueued_at": now} if dead.get("is_fifo") else {}
    return {**message, "receipt_handle": None, "visible_at": now, "sys": system, **age}


def send_together(data, url):
    with lock, keeping.kept.together():
        return send_batch(data, url)


def delete(data, url):
    handle = data.get("ReceiptHandle")
    if not handle:
        raise sqs._Err("MissingParameter", "The request must contain the parameter ReceiptHandle.")
    if not dropped(sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage"), {handle}):
        raise invalid_handle()
    return {}


def delete_batch(data, url):
    queue, entries = sqs._get_q(data.get("QueueUrl", url), "sqs:DeleteMessage"), data.get("Entries", [])
    sqs._validate_batch_entries(entries, "DeleteMessageBatchRequestEntry")
    gone = {message["receipt_handle"] for message in dropped(queue, {entry.get("ReceiptHandle") for entry in entries})}
    error = invalid_handle()
    return {
        "Successful": [{"Id": entry["Id"]} for entry in entries if entry.get("ReceiptHandle") in gone],
        "Failed": [
            {"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True}
            for entry in entries
            if entry.get("ReceiptHandle") not in gone
        ],
    }


def delete_for_mapping(url, handles):
    dropped(sqs._get_q(url), handles)


def dropped(queue, handles):
    gone = {id(message) for message in received_with(queue, handles)}
    return queue["messages"].drop(lambda message: id(message) in gone)


def change_visibility(data, url):
    queue, seconds = sqs._get_q(data.get("QueueUrl", url), "sqs:ChangeMessageVisibility"), int(data.get("VisibilityTimeout", 30))
    with lock:
        found = received_with(queue, {data.get("ReceiptHandle")})
        for message in found:
            message["visible_at"] = time.time() + seconds
        keeping.kept.put(queue["attributes"]["QueueArn"], found)
    if not found:
        raise invalid_handle()
    if seconds == 0:
        esm_wake.set()
    return {}


def change_visibility_together(data, url):
    queue = sqs._get_q(data.get("QueueUrl", url))
    with lock:
        answer = change_visibilities(data, url)
        handles = {entry.get("ReceiptHandle") for entry in data["Entries"]}
        keeping.kept.put(queue["attributes"]["QueueArn"], received_with(queue, handles))
    return answer


def received_with(queue, handles):
    """One that was never received has no handle, and none is no handle."""
    return [message for message in queue["messages"] if message["receipt_handle"] and message["receipt_handle"] in handles]


def invalid_handle():
    return sqs._Err("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
