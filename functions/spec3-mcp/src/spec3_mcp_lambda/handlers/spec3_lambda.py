"""The entry: an invocation is one message of the Model Context Protocol, without HTTP around it.

    {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}  ->  {"jsonrpc": "2.0", "id": 1, "result": {"tools": [...]}}

How long the texts are that tools get and give does not matter here: that is the layer's business. A sandbox keeps nothing
between messages, so any sandbox may answer any of them.
"""

import os

from spec3_mcp_lambda.server import Server

WARMUP = {"warmup": True}


class ConfigurationError(Exception):
    """``STAGE`` is not set."""


def stage_of(environment):
    stage = environment.get("STAGE")
    if not stage:
        raise ConfigurationError("STAGE is not set: it names the stage that this function belongs to")
    return stage


# Here and not in the handler, so that a function without its variable fails when it starts.
SERVER = Server(stage_of(os.environ))


def handler(event, context):
    return event if event == WARMUP else SERVER.answer(event)
