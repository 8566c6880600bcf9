"""Events of HTTP APIs and function URLs, payload 2.0: what ministack leaves out of them, and the host names by which AWS knows an API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import re

from ministack import app
from ministack.core.responses import get_region
from ministack.services import apigateway, lambda_svc

import http_logs

HOST = re.compile(r"^([a-z0-9]{8,10})\.execute-api\.(?:localhost|[a-z0-9-]+\.amazonaws\.com)(?::\d+)?$")

run = apigateway.run_reentrant
build_url_event = lambda_svc._build_function_url_event
answer_of_stream = lambda_svc._function_url_stream_response


def complete():
    app._EXECUTE_API_RE = HOST
    apigateway.run_reentrant = run_with_whole_event
    lambda_svc._build_function_url_event = url_event
    lambda_svc._function_url_stream_response = streamed


async def run_with_whole_event(function, record, event, **options):
    if event.get("version") == "2.0":
        whole(event)
    return await run(function, record, event, **options)


def whole(event):
    context = event["requestContext"]
    api, stage = context["apiId"], context["stage"]
    context["domainName"] = f"{api}.execute-api.{get_region()}.amazonaws.com"
    context["domainPrefix"] = api
    event["headers"]["host"] = context["domainName"]
    take_cookies(event)
    if stage != "$default":
        event["rawPath"] = context["http"]["path"] = f"/{stage}{event['rawPath']}"
    variables = apigateway._get_stage_variables(api, stage)
    if variables:
        event["stageVariables"] = variables
    if not event.get("pathParameters"):
        event.pop("pathParameters", None)
    http_logs.tell(context)


def url_event(*given, **options):
    event = build_url_event(*given, **options)
    take_cookies(event)
    return event


def streamed(result, cors_headers):
    """The bytes that the function wrote after its prelude, with the prelude's cookies."""
    payload = result["payload"]
    status, headers, body = answer_of_stream({**result, "body": payload}, cors_headers)
    prelude, _ = lambda_svc._split_stream_prelude(payload)
    cookies = (prelude or {}).get("cookies")
    return status, {**headers, **({"Set-Cookie": list(cookies)} if cookies else {})}, body


def take_cookies(event):
    """Cookies are a list of their own and no header."""
    cookies = event["headers"].pop("cookie", "")
    if cookies:
        event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
