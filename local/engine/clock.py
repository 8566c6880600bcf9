"""The one clock of everything here: the machine's, shifted by what a test sets.

It takes the place of ``time.time``, which ministack asks for the age of messages, the end of visibility timeouts and the hour of a schedule. Who
waits (threads, sockets, the event loop) goes by another clock, which is not shifted.
"""

import datetime
import threading
import time

machine_time = time.time

moved = threading.Condition()
offset = 0.0


def now():
    return machine_time() + offset


def install():
    """Before ministack is imported."""
    time.time = now


def change(wanted):
    """``{"set": "2026-03-29T01:00:00Z"}``, ``{"advance": 60}`` or ``{}``; the state afterwards. Raises ``ValueError``."""
    global offset
    with moved:
        if "set" in wanted:
            offset = seconds_of(wanted["set"]) - machine_time()
        offset += float(wanted.get("advance", 0))
        moved.notify_all()
    return {"now": datetime.datetime.fromtimestamp(now(), datetime.timezone.utc).isoformat(), "offset": offset}


def stir():
    """Ends the waits of all who wait for the clock."""
    with moved:
        moved.notify_all()


def seconds_of(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone; add one, such as Z")
    return moment.timestamp()


def wait(seconds):
    """Until a test moves the clock, at most so long."""
    with moved:
        moved.wait(seconds)
