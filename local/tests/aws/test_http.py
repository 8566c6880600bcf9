"""HTTP APIs and function URLs: events as AWS documents them, and what becomes of a function's answer."""

import base64
import http.client
import json
import sys
import uuid
from urllib.parse import urlsplit

from tests.aws import ARCHITECTURE, ROLE, OnAws, packed

ECHO = """
import json

def handler(event, context):
    return {
        "statusCode": 201,
        "headers": {"content-type": "application/json", "x-own": "1"},
        "cookies": ["a=1; Path=/", "b=2"],
        "body": json.dumps(event),
    }
"""
AUTHORIZER = """
def handler(event, context):
    token = event["headers"].get("x-token")
    return {"isAuthorized": token == "right", "context": {"calls": event["requestContext"]["requestId"]}}
"""
# A runtime of its own, which writes its answer piece by piece.
STREAMING = f"""#!{sys.executable}
import http.client, json, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def pieces(event):
    prelude = {{"statusCode": 202, "headers": {{"x-own": "1"}}, "cookies": ["a=1; Path=/", "b=2"]}}
    yield json.dumps(prelude).encode() + bytes(8)
    yield event["rawPath"].encode()
    yield b" then \\xff\\x00 end"

while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    path = "/2018-06-01/runtime/invocation/" + answer.getheader("Lambda-Runtime-Aws-Request-Id") + "/response"
    event = json.load(answer)
    headers = {{
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Content-Type": "application/vnd.awslambda.http-integration-response",
        "Transfer-Encoding": "chunked",
    }}
    api.request("POST", path, pieces(event), headers, encode_chunked=True)
    api.getresponse().read()
"""


class Http(OnAws):
    def setUp(self):
        self.name = f"h{uuid.uuid4().hex[:8]}"

    def ask(self, host, path, method="GET", body=None, headers=None):
        """As a client that knows the host by its name, on this machine."""
        connection = http.client.HTTPConnection(urlsplit(self.machine.endpoint).netloc)
        self.addCleanup(connection.close)
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        return connection.getresponse()

    def deploy(self, resources):
        """A SAM template, as templates here are; its API's id."""
        formation = self.client("cloudformation")
        template = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources}
        formation.create_stack(
            StackName=self.name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        formation.get_waiter("stack_create_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})
        found = formation.describe_stack_resource(StackName=self.name, LogicalResourceId="Api")
        return found["StackResourceDetail"]["PhysicalResourceId"]

    def echo(self, events):
        return {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Architectures": [ARCHITECTURE],
                "Handler": "index.handler",
                "InlineCode": ECHO,
                "Timeout": 30,
                "Events": events,
            },
        }

    def route(self, method, path, **options):
        return {
            "Type": "HttpApi",
            "Properties": {"ApiId": {"Ref": "Api"}, "Method": method, "Path": path, **options},
        }

    def test_the_event_of_an_http_api_is_as_documented_field_by_field(self):
        api = self.deploy(
            {
                "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"StageName": "beta", "StageVariables": {"v": "1"}}},
                "Echo": self.echo({"Put": self.route("PUT", "/things/{id}")}),
            }
        )
        host = f"{api}.execute-api.eu-central-1.amazonaws.com"
        headers = {"Cookie": "c=1; d=2", "X-Twice": "value", "Content-Type": "text/plain", "User-Agent": "tester"}
        answer = self.ask(host, "/beta/things/7%20a?p=1&p=2&q=x%20y", "PUT", "text", headers)
        event = json.load(answer)
        context = event.pop("requestContext")
        expected = {
            "version": "2.0",
            "routeKey": "PUT /things/{id}",
            "rawPath": "/beta/things/7 a",
            "rawQueryString": "p=1&p=2&q=x%20y",
            "cookies": ["c=1", "d=2"],
            "queryStringParameters": {"p": "1,2", "q": "x y"},
            "pathParameters": {"id": "7 a"},
            "stageVariables": {"v": "1"},
            "body": "text",
            "isBase64Encoded": False,
        }
        sent = event.pop("headers")
        self.assertEqual(event, expected)
        self.assertEqual((sent["x-twice"], sent["host"], "cookie" in sent), ("value", host, False))
        self.assertRegex(context.pop("time"), r"^\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000$")
        self.assertGreater(context.pop("timeEpoch"), 1_700_000_000_000)
        self.assertTrue(context.pop("requestId"))
        self.assertEqual(
            context,
            {
                "accountId": "123456789012",
                "apiId": api,
                "domainName": host,
                "domainPrefix": api,
                "http": {
                    "method": "PUT",
                    "path": "/beta/things/7 a",
                    "protocol": "HTTP/1.1",
                    "sourceIp": "127.0.0.1",
                    "userAgent": "tester",
                },
                "routeKey": "PUT /things/{id}",
                "stage": "beta",
            },
        )
        self.assertEqual((answer.status, answer.getheader("x-own")), (201, "1"))
        self.assertEqual(answer.headers.get_all("set-cookie"), ["a=1; Path=/", "b=2"])

    def test_bytes_come_in_base64_and_unknown_routes_are_not_found(self):
        api = self.deploy(
            {"Api": {"Type": "AWS::Serverless::HttpApi"}, "Echo": self.echo({"Post": self.route("POST", "/in")})}
        )
        host = f"{api}.execute-api.localhost"
        event = json.load(self.ask(host, "/in", "POST", b"\xff\x00", {"Content-Type": "application/octet-stream"}))
        self.assertEqual((event["isBase64Encoded"], base64.b64decode(event["body"])), (True, b"\xff\x00"))
        self.assertNotIn("pathParameters", event)
        self.assertEqual(self.ask(host, "/out").status, 404)
        self.assertEqual(self.ask("elsewhere", f"/_aws/execute-api/{api}/$default/in", "POST", b"{}").status, 201)

    def test_an_authorizer_allows_denies_and_is_asked_once_for_a_token(self):
        authorizer = self.function(f"{self.name}-authorizer", AUTHORIZER)
        own = {
            "FunctionArn": authorizer,
            "AuthorizerPayloadFormatVersion": "2.0",
            "EnableSimpleResponses": True,
            "Identity": {"Headers": ["x-token"], "ReauthorizeEvery": 300},
        }
        api = self.deploy(
            {
                "Api": {
                    "Type": "AWS::Serverless::HttpApi",
                    "Properties": {"Auth": {"Authorizers": {"Own": own}, "DefaultAuthorizer": "Own"}},
                },
                "Echo": self.echo({"Get": self.route("GET", "/in")}),
            }
        )
        host = f"{api}.execute-api.localhost"
        contexts = []
        for _ in range(2):
            event = json.load(self.ask(host, "/in", headers={"X-Token": "right"}))
            contexts.append(event["requestContext"]["authorizer"]["lambda"]["calls"])
        self.assertEqual(contexts[0], contexts[1], "the second is answered by the cache")
        self.assertEqual(self.ask(host, "/in", headers={"X-Token": "wrong"}).status, 403)
        self.assertEqual(self.ask(host, "/in").status, 401)

    def test_cors_is_answered_as_the_template_says(self):
        cors = {"AllowOrigins": ["https://here.example"], "AllowMethods": ["GET"], "AllowHeaders": ["x-own"]}
        api = self.deploy(
            {
                "Api": {"Type": "AWS::Serverless::HttpApi", "Properties": {"CorsConfiguration": cors}},
                "Echo": self.echo({"Get": self.route("GET", "/in")}),
            }
        )
        headers = {"Origin": "https://here.example", "Access-Control-Request-Method": "GET"}
        answer = self.ask(f"{api}.execute-api.localhost", "/in", "OPTIONS", headers=headers)
        self.assertEqual(answer.getheader("access-control-allow-origin"), "https://here.example")
        self.assertEqual(answer.getheader("access-control-allow-methods"), "GET")

    def test_a_function_url_answers_by_its_name_and_wants_a_signature_where_it_says_so(self):
        self.function(self.name, ECHO)
        made = self.client("lambda").create_function_url_config(FunctionName=self.name, AuthType="NONE")
        host = urlsplit(made["FunctionUrl"]).netloc
        self.assertRegex(host, r"^[a-z0-9]+\.lambda-url\.eu-central-1\.")
        answer = self.ask(host, "/a/b?x=1", headers={"Cookie": "c=1"})
        event = json.load(answer)
        self.assertEqual((event["rawPath"], event["cookies"], event["requestContext"]["stage"]), ("/a/b", ["c=1"], "$default"))
        self.assertNotIn("cookie", event["headers"])
        self.assertEqual(answer.headers.get_all("set-cookie"), ["a=1; Path=/", "b=2"])
        self.client("lambda").update_function_url_config(FunctionName=self.name, AuthType="AWS_IAM")
        self.assertEqual(self.ask(host, "/").status, 403)

    def test_a_function_url_streams_what_the_function_writes_after_its_prelude(self):
        code = {"ZipFile": packed({"bootstrap": STREAMING})}
        self.client("lambda").create_function(
            FunctionName=self.name, Runtime="provided.al2023", Handler="bootstrap", Role=ROLE, Architectures=[ARCHITECTURE], Code=code
        )
        made = self.client("lambda").create_function_url_config(
            FunctionName=self.name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
        )
        answer = self.ask(urlsplit(made["FunctionUrl"]).netloc, "/p")
        self.assertEqual((answer.status, answer.getheader("x-own")), (202, "1"))
        self.assertEqual(answer.headers.get_all("set-cookie"), ["a=1; Path=/", "b=2"])
        self.assertEqual(answer.read(), b"/p then \xff\x00 end")

    def test_a_streamed_answer_without_a_prelude_is_as_it_was_written(self):
        self.function(self.name, 'def handler(event, context):\n    return {"path": event["rawPath"]}\n')
        made = self.client("lambda").create_function_url_config(
            FunctionName=self.name, AuthType="NONE", InvokeMode="RESPONSE_STREAM"
        )
        answer = self.ask(urlsplit(made["FunctionUrl"]).netloc, "/p")
        self.assertEqual((answer.status, answer.getheader("content-type")), (200, "application/octet-stream"))
        self.assertEqual(json.load(answer), {"path": "/p"})
