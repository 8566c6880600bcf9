"""Step Functions on this machine: moto's interpreter, with what it leaves out of the service put in.

lambda-local starts it with an interpreter that has moto, writes one line of JSON (``settings`` below) to its standard input and
reads one from its standard output: ``{"endpoint": "http://127.0.0.1:…"}``, or ``{"error": "…"}``. Then a line follows for each execution
that has ended (``endings``). It ends when its standard input does, so that it never outlives lambda-local.

settings: ``region``, ``account``, ``port`` (0 takes a free one), ``endpoints`` by service as boto3 names them (``lambda``,
``dynamodb``), ``others`` (the URL of every other service; null: moto's own), ``activities`` and ``topics`` (names), ``state_machines`` (``name``, ``definition``),
``state`` (the file of what survives; null: nothing does).
"""

import json
import logging
import sys

import deferred  # before moto

from moto.core.config import default_user_config
from moto.server import ThreadedMotoServer
from moto.sns.models import sns_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

import api
import clients
import definitions
import endings
import history
import keeping
import limits
import paths
import programs
import spelling
import variables

ROLE = "arn:aws:iam::{account}:role/lambda-local"


def complete(settings):
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    spelling.correct()
    paths.correct()
    limits.enforce()
    api.extend()
    endings.tell()
    history.page()
    variables.resolve()
    definitions.check()
    programs.parse_once()
    clients.direct(settings["endpoints"])


def create(settings):
    backend = stepfunctions_parser_backends[settings["account"]][settings["region"]]
    for name in settings["activities"]:
        backend.create_activity(name)
    for name in settings["topics"]:
        sns_backends[settings["account"]][settings["region"]].create_topic(name)
    for machine in settings["state_machines"]:
        try:
            backend.create_state_machine(
                machine["name"], machine["definition"], ROLE.format(**settings), tags=[], sm_type="STANDARD"
            )
        except Exception as error:
            raise ValueError(f"state machine {machine['name']}: {error}") from error


def serve(settings):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=settings["port"], verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    clients.direct_others(settings["others"] or endpoint)
    return endpoint


def started(settings):
    try:
        complete(settings)
        if settings["state"] is not None:
            keeping.keep(settings["state"])
        create(settings)
        return {"endpoint": serve(settings)}
    except Exception as error:
        return {"error": f"{error}"}


def main():
    # Failures are in the history of their execution.
    logging.disable(logging.CRITICAL)
    settings = json.loads(sys.stdin.readline())
    # The answer is the first line: an execution may end as soon as the port is open.
    with endings.telling:
        endings.say(started(settings))
    sys.stdin.read()


if __name__ == "__main__":
    main()
