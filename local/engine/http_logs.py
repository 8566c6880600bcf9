"""Access logs of HTTP APIs: a line for each request, in the form that its stage has, into the log group that its stage names.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
"""

import asyncio
import contextlib
import contextvars
import re
import time
import uuid

from ministack.core.responses import get_account_id
from ministack.services import apigateway

import clock
from clients import own

VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.]+)")
# What a variable without a value is written as.
NOTHING = "-"
STREAM = "access"
# What the API says itself, of a request that reaches no function.
REFUSALS = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}

execute = apigateway._handle_execute_in_scope
# What the event that a function got says of the request.
told = contextvars.ContextVar("told")
writing = set()


def complete():
    apigateway._handle_execute_in_scope = execute_with_log


def tell(context):
    """``requestContext`` of the event that a function gets; called before it is invoked."""
    with contextlib.suppress(LookupError):
        told.get().update(context)


async def execute_with_log(api, stage, path, method, headers, *given):
    settings = (apigateway._stages.get(api, {}).get(stage) or {}).get("accessLogSettings") or {}
    if not settings.get("destinationArn"):
        return await execute(api, stage, path, method, headers, *given)
    seen, begun, moment = {}, time.monotonic(), clock.now()
    token = told.set(seen)
    try:
        response = await execute(api, stage, path, method, headers, *given)
    finally:
        told.reset(token)
    taken = int((time.monotonic() - begun) * 1000)
    request = {"apiId": api, "stage": stage, "httpMethod": method, "path": path, "identity.userAgent": headers.get("user-agent")}
    values = {**request, **of_event(seen), **of_time(moment), **of_response(response, taken)}
    if not seen:
        values["error.message"] = REFUSALS.get(values["status"])
    line = VARIABLE.sub(lambda found: text(values.get(found[1])), settings.get("format") or "$context.requestId")
    task = asyncio.create_task(asyncio.to_thread(write, settings["destinationArn"], line, int(moment * 1000)))
    # The loop holds its tasks weakly.
    writing.add(task)
    task.add_done_callback(writing.discard)
    return response


def of_event(context):
    """Of a request that reached no function, only what is known of all."""
    api = {"requestId": str(uuid.uuid4()), "accountId": get_account_id(), "identity.sourceIp": "127.0.0.1", "protocol": "HTTP/1.1"}
    if not context:
        return api
    names = ("requestId", "accountId", "routeKey", "domainName", "domainPrefix")
    reached = {"path": context["http"]["path"], "identity.sourceIp": context["http"]["sourceIp"], "integrationStatus": 200, "integration.status": 200}
    return {**api, **{name: context[name] for name in names}, **reached}


def of_time(moment):
    return {
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(moment)),
        "requestTimeEpoch": int(moment * 1000),
    }


def of_response(response, taken):
    status, _, body, *_ = response
    length = len(body) if isinstance(body, (bytes, str)) else None
    return {"status": status, "responseLength": length, "responseLatency": taken}


def text(value):
    return NOTHING if value is None else str(value)


def write(group, line, milliseconds):
    """``group`` is an ARN, which may end with ``:*``."""
    logs, name = own("logs"), group.split(":")[6]
    with contextlib.suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=name, logStreamName=STREAM)
    logs.put_log_events(logGroupName=name, logStreamName=STREAM, logEvents=[{"timestamp": milliseconds, "message": line}])
