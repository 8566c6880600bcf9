"""Asynchronous invocations: tried again as often as the function says, and then sent to where its failures go.

One that was accepted has happened after a restart too: it is invoked once more, as Lambda may do with every event.
"""

import contextvars
import json
import threading
import time

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import lambda_svc

import clock
import keeping

KIND = "event"
DEFAULT_RETRIES = 2
DEFAULT_AGE_SECONDS = 21600
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 30


def complete():
    lambda_svc.invoke_async_with_retry = invoke


def invoke(function, event):
    identity = keeping.kept.begin(KIND, {"function": config_of(function)["FunctionArn"], "event": event})
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(run, identity, function, event), daemon=True).start()


def again(identity, given):
    """What was accepted before a restart; a function that is gone by now gets nothing."""
    scope(given["function"])
    found, config, _ = lambda_svc._get_func_record_for_ref(given["function"])
    if found:
        run(identity, lambda_svc._execution_record_for_config(found, config), given["event"])
    else:
        keeping.kept.done(identity)


def run(identity, function, event):
    config = config_of(function)
    scope(config["FunctionArn"])
    settings = function.get("event_invoke_config") or (function.get("event_invoke_configs") or {}).get("$LATEST") or {}
    result = result_of(function, event, settings)
    target = (settings.get("DestinationConfig") or {}).get("OnFailure", {}).get("Destination") or (config.get("DeadLetterConfig") or {}).get("TargetArn")
    if result.get("error") and target:
        lambda_svc._route_async_failure(target, config["FunctionName"], event, result)
    keeping.kept.done(identity)


def result_of(function, event, settings):
    """Of the last attempt."""
    retries = settings.get("MaximumRetryAttempts")
    last = clock.now() + int(settings.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS))
    pause = FIRST_PAUSE_SECONDS
    result = lambda_svc._execute_function(function, event)
    for _ in range(DEFAULT_RETRIES if retries is None else int(retries)):
        if not result.get("error") or clock.now() + pause > last:
            break
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        result = lambda_svc._execute_function(function, event)
    return result


def config_of(function):
    return function.get("config") or function


def scope(arn):
    _, _, _, region, account, *_ = arn.split(":")
    set_request_account_id(account)
    set_request_region(region)
