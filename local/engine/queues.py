"""What ministack's SQS leaves out: which queues send their dead letters to a queue, and the tasks that move those back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

import base64
import json
import threading
import time
import uuid
from dataclasses import dataclass, field

from ministack.core.concurrency import esm_wake
from ministack.services import sqs

import clock
import keeping
import messages

KIND = "move"
MOST_PER_SECOND = 500
MOST_LISTED = 10
# Those that are over are listed too.
tasks = []


@dataclass
class Task:
    """``most`` is how many messages a second it may move; without, all at once."""

    source: str
    destination: str | None
    most: int | None
    started: float
    to_move: int
    identity: str | None = None
    status: str = "RUNNING"
    reason: str | None = None
    moved: int = 0
    handle: str = field(default_factory=lambda: str(uuid.uuid4()))

    def described(self):
        told = {
            "TaskHandle": handle_of(self) if self.status == "RUNNING" else None,
            "Status": self.status,
            "SourceArn": self.source,
            "DestinationArn": self.destination,
            "MaxNumberOfMessagesPerSecond": self.most,
            "ApproximateNumberOfMessagesMoved": self.moved,
            "ApproximateNumberOfMessagesToMove": self.to_move,
            "FailureReason": self.reason,
            "StartedTimestamp": int(self.started * 1000),
        }
        return {name: value for name, value in told.items() if value is not None}


def complete():
    sqs._HANDLERS.update(
        CancelMessageMoveTask=cancel,
        ListDeadLetterSourceQueues=list_sources,
        ListMessageMoveTasks=list_tasks,
        StartMessageMoveTask=start,
    )


def list_sources(data, url):
    """All in one page: there are never so many."""
    dead = sqs._queues[data.get("QueueUrl") or url]["attributes"]["QueueArn"]
    return {"queueUrls": [source for source, queue in sqs._queues.items() if target_of(queue) == dead]}


def target_of(queue):
    policy = queue["attributes"].get("RedrivePolicy")
    return json.loads(policy).get("deadLetterTargetArn") if policy else None


def start(data, _):
    source, destination, most = (data.get(name) for name in ("SourceArn", "DestinationArn", "MaxNumberOfMessagesPerSecond"))
    queue = existing(source, "SourceArn")
    if not any(target_of(other) == source for other in sqs._queues.values()):
        raise sqs._Err("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    if destination is not None:
        existing(destination, "DestinationArn")
    if most is not None and not 1 <= int(most) <= MOST_PER_SECOND:
        raise sqs._Err("InvalidParameterValue", f"Value {most} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and {MOST_PER_SECOND}.")
    if any(task.source == source and task.status == "RUNNING" for task in tasks):
        raise sqs._Err("InvalidParameterValue", "There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
    given = {"source": source, "destination": destination, "most": most and int(most), "started": clock.now(), "to_move": len(queue["messages"])}
    task = begin(keeping.kept.begin(KIND, given), given)
    return {"TaskHandle": handle_of(task)}


def begin(identity, given):
    task = Task(identity=identity, **given)
    tasks.insert(0, task)
    threading.Thread(target=run, args=(task,), daemon=True, name="move").start()
    return task


# A task that was running when this machine ended goes on.
again = begin


def existing(arn, parameter):
    queue = sqs._queue_by_arn(arn or "")
    if queue is None:
        raise sqs._Err("ResourceNotFoundException", f"The resource that you specified for the {parameter} parameter doesn't exist.", 404)
    return queue


def run(task):
    """Moves what is visible, at most so many a second by the clock, and ends with the last of them."""
    begun = clock.now()
    while task.status == "RUNNING":
        room = None if task.most is None else int((clock.now() - begun + 1) * task.most) - task.moved
        if (room is None or room > 0) and not move(task, room):
            break
        clock.wait(1)
    if task.status in ("RUNNING", "CANCELLING"):
        task.status = "COMPLETED" if task.status == "RUNNING" else "CANCELLED"
    keeping.kept.done(task.identity)


def move(task, most):
    """Whether there may be more to move."""
    queue = sqs._queue_by_arn(task.source)
    with messages.lock, keeping.kept.together():
        now = time.time()
        visible = [message for message in (queue["messages"] if queue else []) if message["visible_at"] <= now][:most]
        for message in visible:
            destination = sqs._queue_by_arn(task.destination or message.get("sys", {}).get("DeadLetterQueueSourceArn", ""))
            if destination is None:
                task.status, task.reason = "FAILED", "AWS.SimpleQueueService.NonExistentQueue" if task.destination else "CouldNotDetermineMessageSource"
                return False
            queue["messages"].remove(message)
            destination["messages"].append(renewed(message, now))
            task.moved += 1
    esm_wake.set()
    return bool(visible)


def renewed(message, now):
    """A message that is moved is a new one: with its own id and age, and never received."""
    system = {name: value for name, value in message.get("sys", {}).items() if name != "DeadLetterQueueSourceArn"}
    system["SentTimestamp"] = str(int(now * 1000))
    fresh = {"id": str(uuid.uuid4()), "sent_at": now, "visible_at": now, "receive_count": 0, "first_receive_at": None, "receipt_handle": None}
    return {**{name: value for name, value in message.items() if name != "enqueued_at"}, **fresh, "sys": system}


def list_tasks(data, _):
    existing(data.get("SourceArn"), "SourceArn")
    most = int(data.get("MaxResults", 1))
    if not 1 <= most <= MOST_LISTED:
        raise sqs._Err("InvalidParameterValue", f"Value {most} for parameter MaxResults is invalid. Reason: Must be between 1 and {MOST_LISTED}.")
    return {"Results": [task.described() for task in tasks if task.source == data["SourceArn"]][:most]}


def cancel(data, _):
    task = next((task for task in tasks if handle_of(task) == data.get("TaskHandle")), None)
    if task is None:
        raise sqs._Err("ResourceNotFoundException", "The resource that you specified for the TaskHandle parameter doesn't exist.", 404)
    if task.status != "RUNNING":
        raise sqs._Err("InvalidParameterValue", "Only active tasks can be cancelled.")
    task.status = "CANCELLING"
    clock.stir()
    return {"ApproximateNumberOfMessagesMoved": task.moved}


def handle_of(task):
    return base64.b64encode(json.dumps({"taskId": task.handle, "sourceArn": task.source}).encode()).decode()
