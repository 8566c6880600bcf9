"""How long each function takes to start, and to answer when it has."""

import base64
import itertools
import json
import statistics
import time
from dataclasses import dataclass

from tests.flows import API_KEY, STAGE, a_message
from tests.flows.load.reports import reports

COLD, WARM = 5, 30
# Bounds of the performance table, in milliseconds.
COLD_BOUND, WARM_BOUND = 3000, 100
FORECAST = "https://api.weather.gov/gridpoints/TOP/31,80/forecast"
numbers = itertools.count(1)


@dataclass
class Start:
    """Medians in milliseconds."""

    function: str
    event: str
    init: float
    cold: float
    warm: float


def starts(platform):
    """Of every function of the stage that is behind an API, a queue, a topic or a state machine."""
    listed = platform.client("lambda").get_paginator("list_functions").paginate().search("Functions[].FunctionName")
    return [measured(platform, name) for name in sorted(listed)]


def measured(platform, name):
    what, event = EVENTS.get(name.removesuffix(f"-{STAGE}"), WARM_UP)
    found = platform.client("lambda").get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    # A template's numbers are numbers here.
    variables = {variable: value if isinstance(value, str) else json.dumps(value) for variable, value in found.items()}
    cold = []
    for number in range(COLD):
        # Another configuration: its sandbox is new.
        change = {"Variables": {**variables, "COLD_START": str(number)}}
        platform.client("lambda").update_function_configuration(FunctionName=name, Environment=change)
        cold.append(invoked(platform, name, event(platform)))
    warm = [invoked(platform, name, event(platform)) for _ in range(WARM)]
    assert all(report.init for report in cold) and not any(report.init for report in warm), f"{name}: {cold} {warm}"
    return Start(
        name.removesuffix(f"-{STAGE}"),
        what,
        statistics.median(report.init for report in cold),
        statistics.median(report.init + report.duration for report in cold),
        statistics.median(report.duration for report in warm),
    )


def invoked(platform, name, event):
    answer = platform.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event), LogType="Tail")
    tail = base64.b64decode(answer["LogResult"]).decode().splitlines()
    result = answer["Payload"].read().decode()
    assert "FunctionError" not in answer and "batchItemFailures\":[{" not in result, f"{name}: {result} {tail}"
    (report,) = reports(f"{name} | {line}" for line in tail)[name]
    return report


def request(path):
    """A GET of an HTTP API."""

    def event(_):
        http = {"method": "GET", "path": path, "sourceIp": "192.0.2.1"}
        context = {"stage": "$default", "http": http, "requestId": "load", "authorizer": {"lambda": {"caller": "load"}}}
        return {"version": "2.0", "rawPath": path, "headers": {}, "isBase64Encoded": False, "requestContext": context}

    return event


def delivered(kind, payload):
    """One message in a batch of a queue. Its row is there."""

    def event(platform):
        now = time.strftime("%Y%m%d%H%M%S", time.gmtime())
        message = a_message(f"msg_{now}_{next(numbers):06}", kind, payload)
        platform.put(message)
        record = {"messageId": message["id"], "body": json.dumps(message), "attributes": {"ApproximateReceiveCount": "1"}}
        return {"Records": [{**record, "eventSource": "aws:sqs"}]}

    return event


# What each is invoked with, in words and as a function of the platform. All others get a warm-up event.
EVENTS = {
    "authorizer": ("a request with an API key", lambda _: {"headers": {"x-api-key": API_KEY}}),
    "processor": ("a batch of one notification", delivered("notify", {"message": "a start"})),
    "scheduler": ("the daily event", lambda _: {"evaluate": "schedules"}),
    "webaction": ("a batch of one forecast", delivered("web_action", {"version": "1.0", "action": "weather", "url": FORECAST})),
    "webapi": ("`GET /api/health`", request("/api/health")),
}
WARM_UP = ("a warm-up event", lambda _: {"warmup": True})
