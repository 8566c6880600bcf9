"""Functions run in lambda-local's sandboxes, behind real layers: ministack keeps what is configured and decides when to invoke.

Before an invocation lambda-local gets the function's description, which is all that it needs to start sandboxes; it knows an unchanged one
again and keeps its sandboxes warm.
"""

import base64
import json
import urllib.error
import urllib.request
from pathlib import Path

from ministack.core.responses import set_request_account_id, set_request_region
from ministack.services import lambda_svc

import clock
import packages
from packages import Unusable
from settings import settings

MARGIN_SECONDS = 60

# No proxy of this environment is on the way to this machine.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
emit_logs = lambda_svc._emit_lambda_logs
emit_metrics = lambda_svc._emit_lambda_metrics
get_policy = lambda_svc._get_policy


def direct():
    lambda_svc._execute_function_dispatch = dispatch
    lambda_svc._emit_lambda_metrics = emit_throttles
    lambda_svc._get_policy = get_policy_if_any
    lambda_svc._create_function = checked(lambda_svc._create_function)
    lambda_svc._update_config = checked(lambda_svc._update_config)
    lambda_svc._update_code = checked(lambda_svc._update_code)


def get_policy_if_any(name, *given):
    """A function that nobody was permitted to invoke has none."""
    function = lambda_svc._functions.get(name)
    if function and not function["policy"]["Statement"]:
        message = "The resource you requested does not exist."
        return lambda_svc.error_response_json("ResourceNotFoundException", message, 404)
    return get_policy(name, *given)


def check(data):
    """Raises :class:`Unusable` for what this machine could not run later."""
    if data.get("PackageType") == "Image" or "ImageUri" in data.get("Code", data):
        raise Unusable("PackageType: container images cannot be run here, zip packages can")
    if data.get("Runtime"):
        packages.runtime(data["Runtime"])
    if "Architectures" in data or "Code" in data:
        packages.check_architecture(settings["machine"], data.get("Architectures"))


def checked(operation):
    """A Lambda operation whose last argument is the request, refused like a wrong parameter."""

    def refuse_or_do(*given):
        try:
            check(given[-1])
        except Unusable as error:
            return lambda_svc.error_response_json("InvalidParameterValueException", str(error), 400)
        return operation(*given)

    return refuse_or_do


def description(function, record, config, qualifier=None):
    """The function as lambda-local runs it: ``arn``, ``version``, and ``config``, which is ``[functions.NAME]`` of its TOML file.

    ``function`` is what all versions share, ``record`` the version that is asked for with its ``config``.
    """
    if not record.get("code_zip"):
        raise Unusable(f"{config['FunctionName']} has no code")
    packages.check_architecture(settings["machine"], config.get("Architectures"))
    return {
        "arn": unqualified(config["FunctionArn"]),
        "version": config.get("Version", "$LATEST"),
        "qualifier": qualifier,
        "config": {
            **packages.runtime(config["Runtime"]),
            "handler": config["Handler"],
            **code(record["code_zip"]),
            **layers(config),
            "environment": environment(config),
            "timeout": config["Timeout"],
            "memory": config["MemorySize"],
            **concurrency(function or record, config),
        },
    }


def code(packed):
    """Where the code is. Of a program that the zip only links to, also which build it is: it may be built anew at any time."""
    directory = packages.unpacked(settings["folder"], "code", [packed])
    linked = Path(directory, "bootstrap")
    return {"directory": directory, **({"build": linked.stat().st_mtime_ns} if linked.is_symlink() and linked.exists() else {})}


def environment(config):
    """A template's numbers and truths are text here, as CloudFormation makes them."""
    variables = (config.get("Environment") or {}).get("Variables") or {}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in variables.items()}


def unqualified(arn):
    return ":".join(arn.split(":")[:7])


def layers(config):
    zips = [zip_of(layer) for layer in config.get("Layers") or []]
    return {"layer": packages.unpacked(settings["folder"], "layers", zips)} if zips else {}


def zip_of(layer):
    found = lambda_svc._resolve_layer_zip(layer)
    if found is None:
        raise Unusable(f"Layers: {layer.get('Arn', layer) if isinstance(layer, dict) else layer} has no content")
    return found


def concurrency(function, config):
    reserved = lambda_svc._reserved_concurrency(function, config)
    return {} if reserved is None else {"concurrency": reserved}


def dispatch(func, config, event, request_id, started):
    """In place of ministack's own: ``body``, ``error``, ``throttle`` and ``log`` as its callers read them, and ``payload``, the bytes of the answer."""
    function = lambda_svc._functions.get(config["FunctionName"])
    try:
        described = description(function, func, config)
    except Unusable as error:
        return {"body": {"errorType": "Runtime.Unusable", "errorMessage": str(error)}, "error": True, "log": ""}
    path = register(described)
    result = invoke(path, event, config["Timeout"])
    took = (clock.now() - started) * 1000
    # By the id that the function was told, which is in its lines.
    keep_of(func, config, result.pop("request_id", request_id), result["log"], bool(result.get("error")), took)
    return result


def keep(invocation):
    """The log and the metrics of one that a caller made without ministack: ``arn``, ``version``, ``request_id``, ``milliseconds``, ``failed``, ``log``."""
    _, _, _, region, account, _, name = invocation["arn"].split(":")
    set_request_account_id(account)
    set_request_region(region)
    version = invocation["version"]
    record, config = lambda_svc._get_func_record_for_qualifier(name, None if version == "$LATEST" else version)
    if record:
        keep_of(record, config, *(invocation[field] for field in ("request_id", "log", "failed", "milliseconds")))


def keep_of(record, config, request_id, log, failed, milliseconds):
    emit_logs({**record, "config": config}, request_id, log, failed, milliseconds, log_source="rie")
    emit_metrics(config["FunctionName"], duration_ms=milliseconds, error=failed, throttle=False)


def emit_throttles(name, duration_ms, error, throttle):
    """What ministack counts when it invokes: all else is counted when it has run."""
    if throttle:
        emit_metrics(name, duration_ms=duration_ms, error=error, throttle=True)


def register(described):
    """Tells lambda-local of a function; the path that invokes it."""
    return json.loads(post("/functions", described, 30).read())["invoke"]


def invoke(path, event, timeout):
    try:
        response = post(path, event, timeout + MARGIN_SECONDS, {"X-Amz-Log-Type": "Tail"})
    except urllib.error.HTTPError as error:
        return refused(error)
    log = base64.b64decode(response.headers.get("X-Amz-Log-Result", "")).decode("utf-8", "replace")
    failure = response.headers.get("X-Amz-Function-Error")
    failed = {"error": True, "function_error": failure} if failure else {}
    payload = response.read()
    told = {"log": log, "request_id": response.headers["X-Amzn-RequestId"]}
    return {**parsed(payload), **failed, **told, "payload": payload}


def parsed(payload):
    try:
        return {"body": json.loads(payload)}
    except ValueError:
        return {"body": payload.decode("utf-8", "replace"), "raw_payload": True}


def refused(error):
    body = json.loads(error.read())
    if error.code == 429:
        return lambda_svc._throttle_response(body["Reason"], body["message"])
    return {
        "body": {"errorType": error.headers.get("X-Amzn-ErrorType"), "errorMessage": body.get("message")},
        "error": True,
        "log": "",
    }


def post(path, document, timeout, headers=None):
    request = urllib.request.Request(
        settings["functions"] + path,
        json.dumps(document).encode(),
        {"Content-Type": "application/json", **(headers or {})},
    )
    return opener.open(request, timeout=timeout)
