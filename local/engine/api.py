"""ministack's server, and beside its services what lambda-local and tests ask it.

``/_lambda-local/clock``: ``GET`` says what the clock of all services says, ``POST`` changes it (``clock.change``).

``POST /_lambda-local/invocation`` takes what ``functions.keep`` keeps of an invocation.

``GET /_lambda-local/function?name=…&qualifier=…``: the answer is the function as lambda-local runs it (``functions.description``), found as Lambda finds it: by the account and the region that
the caller's request was signed for, by name or ARN, by version or alias. What cannot be run is refused as Lambda would refuse it.

``GET /_lambda-local/page/PART``: what the page shows of the services (``page.answer``).
"""

import json
from urllib.parse import parse_qs

from ministack.app import app
from ministack.core.responses import set_request_account_id, set_request_region
from ministack.core.router import extract_access_key_id, extract_region
from ministack.services import lambda_svc

import clock
import functions
import page
from packages import Unusable

FUNCTION = "/_lambda-local/function"
CLOCK = "/_lambda-local/clock"
INVOCATION = "/_lambda-local/invocation"
PAGE = "/_lambda-local/page/"


def application():
    async def answer(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == FUNCTION:
            await respond(send, *describe(scope))
        elif scope["type"] == "http" and scope["path"] == CLOCK:
            await respond(send, *change_clock(await body_of(receive)))
        elif scope["type"] == "http" and scope["path"] == INVOCATION:
            functions.keep(json.loads(await body_of(receive)))
            await respond(send, 200, {})
        elif scope["type"] == "http" and scope["path"].startswith(PAGE):
            await respond(send, *show(scope))
        else:
            await app(scope, receive, send)

    return answer


def describe(scope):
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    query = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    key = extract_access_key_id(headers, {})
    if key:
        set_request_account_id(key)
    set_request_region(extract_region(headers, {}))
    name, own = lambda_svc._resolve_request_scoped_name_and_qualifier(query["name"])
    qualifier = own or query.get("qualifier")
    record, config = lambda_svc._get_func_record_for_qualifier(name, qualifier)
    if record is None:
        asked = lambda_svc._func_arn(name) + (f":{qualifier}" if qualifier else "")
        return 404, refusal("ResourceNotFoundException", f"Function not found: {asked}")
    try:
        return 200, functions.description(lambda_svc._functions.get(name), record, config, qualifier)
    except Unusable as error:
        return 400, refusal("InvalidParameterValueException", str(error))


def show(scope):
    named = {name: values[0] for name, values in parse_qs(scope["query_string"].decode()).items()}
    try:
        return 200, page.answer(scope["path"].removeprefix(PAGE), **named)
    except (page.Unknown, TypeError) as error:
        return 404, {"message": str(error)}


def change_clock(body):
    try:
        return 200, clock.change(json.loads(body or b"{}"))
    except (ValueError, TypeError, AttributeError) as error:
        return 400, refusal("ValidationException", f"the clock takes {{\"set\": TIME}} or {{\"advance\": SECONDS}}: {error}")


async def body_of(receive):
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


def refusal(exception, message):
    return {"exception": exception, "message": message}


async def respond(send, status, answer):
    body = json.dumps(answer).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
