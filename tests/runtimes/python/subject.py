"""The official Python runtime client as a test subject: an echo that also does as it is told.

An event without ``do`` comes back as Python's JSON prints it: equal as a value, not in its spelling.
"""

import hashlib
import os


class AskedToFail(Exception):
    """The event asked for it."""


def length(event):
    """What arrived, without sending it back. A lone surrogate, which UTF-8 cannot hold, counts as WTF-8 spells it."""
    content = event["text"].encode("utf-8", "surrogatepass")
    return {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def fail(event):
    raise AskedToFail("the event asked for it")


ORDERS = {
    "grow": lambda event: {"text": "x" * event["bytes"]},
    "length": length,
    "fail": fail,
    "exit": lambda event: os._exit(event.get("code", 1)),
}


def handler(event, context):
    asked = event.get("do") if isinstance(event, dict) else None
    order = ORDERS.get(asked) if isinstance(asked, str) else None
    return order(event) if order else event
