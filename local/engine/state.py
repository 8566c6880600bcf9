"""What survives a restart, however this process ended: each service as a whole, in a file of its own, before a change of it is answered.

The files are ministack's, which itself writes them only when it ends in peace. Messages and work under way are kept by ``keeping``, objects
of S3 by ministack as they are put. Changes that nothing waits for, such as those of a stack under way, are written within a second, or within
ten if no request came for a minute.

Logs, metrics, and what functions have in memory, are gone.
"""

import asyncio
import contextlib
import json
import os
import re
import threading
import time
from pathlib import Path

from ministack import app
from ministack.core.persistence import STATE_DIR, _json_default, _state_format_version, load_state
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import cloudformation, cloudwatch, cloudwatch_logs, scheduler, sqs

import clock
import events
import keeping
import messages
import queues
import schedules
import targets

PAUSE_SECONDS = 1
# When nobody has asked for anything for so long, it looks more seldom.
BUSY_SECONDS = 60
IDLE_PAUSE_SECONDS = 10
ATTEMPTS = 20
OWN = "lambda-local"
READS = re.compile("(Get|List|Describe|Head|Lookup|Search|Filter|Query|Scan|Validate|Estimate|Batch(Get|Describe)|Receive|Simulate|AssumeRole)")
# What is kept as it happens, or not at all.
KEPT_OTHERWISE = re.compile(
    "(SendMessage|DeleteMessage|ChangeMessageVisibility|Publish|PutMetricData|PutLogEvents|CreateLogStream|PurgeQueue)"
)
OBJECTS = "s3"
CLOCK = "/_lambda-local/clock"
INVOCATION = re.compile("/(invocations|invoke-async|response-streaming-invocations)/?$")
SIGNED_FOR = re.compile(rb"Credential=[^/]+/[^/]+/[^/]+/([a-z0-9-]+)/aws4_request")
ACTION = re.compile(rb"(?:^|&)Action=([A-Za-z]+)")
# Of a stack that was being changed when this machine ended.
BROKEN = {
    "CREATE_IN_PROGRESS": "CREATE_FAILED",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_FAILED",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
    "UPDATE_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
}
REASON = "lambda-local ended while the stack was being changed"


def queues_without_messages():
    bare = AccountRegionScopedDict()
    for key, queue in sqs._queues.all_items():
        bare._data[key] = {**queue, "messages": []}
    return {"queues": bare}


def watching_without_metrics():
    return {name: value for name, value in cloudwatch.get_state().items() if name != "metrics"}


def logs_without_events():
    groups = AccountRegionScopedDict()
    for key, group in cloudwatch_logs._log_groups.all_items():
        groups._data[key] = {**group, "streams": {}}
    return {"log_groups": groups, "metric_filters": cloudwatch_logs._metric_filters, "resource_policies": cloudwatch_logs._resource_policies}


def ours():
    """When schedules are due next, and how far the clock is ahead."""
    planned = [[*key, due, fires] for key, (_, due, fires) in list(schedules.planned.items())]
    return {"planned": planned, "ahead": clock.offset}


SHORTENED = {"sqs": queues_without_messages, "cloudwatch": watching_without_metrics, "cloudwatch_logs": logs_without_events}


class Saver(threading.Thread):
    """Writes what has changed. Requests that wait for it are answered after the next writing that began after them."""

    def __init__(self):
        super().__init__(daemon=True, name="state")
        self.wake = threading.Condition()
        self.waiting = []
        self.touched = 0.0
        self.written = {}

    def touch(self):
        was_idle = not self.is_busy()
        self.touched = time.monotonic()
        if was_idle:
            with self.wake:
                self.wake.notify()

    def is_busy(self):
        return time.monotonic() - self.touched < BUSY_SECONDS

    async def saved(self):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self.wake:
            self.waiting.append((loop, future))
            self.wake.notify()
        await future

    def run(self):
        while True:
            with self.wake:
                if not self.waiting:
                    self.wake.wait(PAUSE_SECONDS if self.is_busy() else IDLE_PAUSE_SECONDS)
                waiting, self.waiting = self.waiting, []
            self.save()
            for loop, future in waiting:
                loop.call_soon_threadsafe(future.set_result, None)

    def texts(self):
        """Stacks are looked at first and written last: what a stack is said to have is there."""
        sources = {**app._build_persistence_save_dict(), **SHORTENED, OWN: ours}
        first = sources.pop("cloudformation", cloudformation.get_state)
        texts = {"cloudformation": text_of("cloudformation", first)}
        texts.update((name, text_of(name, source)) for name, source in sources.items())
        texts["cloudformation"] = texts.pop("cloudformation")
        return texts

    def save(self):
        for name, text in self.texts().items():
            if text is not None and text != self.written.get(name):
                write(name, text)
                self.written[name] = text


def text_of(name, source):
    """Other threads change what is looked at: it is looked at again then."""
    for _ in range(ATTEMPTS):
        with contextlib.suppress(RuntimeError):
            state = source()
            return None if state is None else json.dumps(
                {"__ministack_format__": _state_format_version(name), "payload": state}, default=_json_default
            )
    return None


def write(name, text):
    path = Path(STATE_DIR, f"{name}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(text)
    os.replace(unfinished, path)


saver = Saver()


def restore():
    """Before anything is served. ministack would do it when it begins to serve, without the messages."""
    app.PERSIST_STATE = False
    app._load_persisted_state()
    messages.restore()
    restore_ours(load_state(OWN) or {})
    for stack in cloudformation._stacks.all_values():
        status = BROKEN.get(stack.get("StackStatus"))
        if status:
            stack.update(StackStatus=status, StackStatusReason=REASON)


def restore_ours(state):
    clock.offset = state.get("ahead", 0.0)
    for account, region, name, due, fires in state.get("planned", []):
        schedule = scheduler._schedules._data.get((account, region, name))
        if schedule:
            schedules.planned[(account, region, name)] = (schedule, due, fires)


RESUMED = {events.KIND: events.again, targets.KIND: targets.again, queues.KIND: queues.again}


def resume():
    """Once functions can be invoked again. Of services that nothing is done with, nothing is written."""
    saver.written = saver.texts()
    saver.start()
    for identity, kind, given in keeping.kept.unfinished():
        threading.Thread(target=RESUMED[kind], args=(identity, given), daemon=True).start()


def keeps(application):
    """Answers a request that has changed something when the change is kept."""

    async def answer(scope, receive, send):
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            return await application(scope, receive, send)
        saver.touch()
        seen = []

        async def observed():
            message = await receive()
            if not seen:
                seen.append(message.get("body", b""))
            return message

        async def held(message):
            if message["type"] == "http.response.start" and changes(scope, b"".join(seen)):
                await saver.saved()
            await send(message)

        return await application(scope, observed, held)

    return answer


def changes(scope, body):
    if scope["path"] == CLOCK:
        return True
    headers = dict(scope["headers"])
    service = SIGNED_FOR.search(headers.get(b"authorization", b""))
    if not service or service[1].decode() == OBJECTS or INVOCATION.search(scope["path"]):
        return False
    target = headers.get(b"x-amz-target", b"").decode().rpartition(".")[2]
    found = ACTION.search(body)
    action = target or (found[1].decode() if found else "")
    return not READS.match(action) and not KEPT_OTHERWISE.match(action)
