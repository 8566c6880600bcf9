"""Stacks on AWS on this machine, of messages, of the agent and of the MCP server, with stand-ins for everything outside: what flows are tested on.

``tests/flows/run`` names the programs in the environment. Everything that the functions ask of AWS passes the stand-ins' relay, so the order of
all calls is known, and any of them can be made to fail.
"""

import atexit
import functools
import json
import os
import re
import subprocess
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import boto3
from botocore.config import Config

from tests.flows.leaks import Secrets

REPOSITORY = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
STAGE = "local"
TOPIC = "secret-topic-of-the-flows"
GOLF_SECRET = f"rez-agent/golf/credentials-{STAGE}"
# What the flows need, in the words of ONLY=.
STACKS = "layer shared-infrastructure agent-registry shared-llm tools messaging functions gateway-registry operations"
# The agent whose state machine is given questions with the mode workflow; a test deploys it.
WORKFLOW_AGENT = "document-agent"
TIMEOUT = 120
# Where the stand-ins have the stage's MCP server, AgentCore's gateways, and an MCP server of others.
MCP_HOST, GATEWAYS_HOST, GUEST_HOST = "mcp.example.com", "gateways.example.com", "guest.example.com"
# Of those who may ask the agent, of the MCP server, what its client is given, and of the API.
AGENT_KEYS, MCP_KEY, MCP_TOKEN = "/ai-agent/agent-keys/local", "/ai-agent/mcp-key/local", "/ai-agent/tools/mcp/local"
API_KEYS, API_KEY = f"rez-agent/api-keys-{STAGE}", "key-of-the-flows-7c1d0f52"
SECRETS = {
    AGENT_KEYS: {"alice": "key-of-alice", "bob": "key-of-bob"},
    MCP_KEY: {"api_key": "key-of-mcp"},
    MCP_TOKEN: {"token": "key-of-mcp", "hosts": MCP_HOST},
    API_KEYS: {"flows": API_KEY},
}
# Of JWTs for the API, by the stand-ins.
ISSUER, AUDIENCE = "https://issuer.example.com", "api-of-the-flows"
KEYS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
# No proxy of this environment is on the way to this machine.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Platform:
    """Everything, running and deployed. ``lines`` is what the functions, the machine and the deployment have said so far."""

    def __init__(self):
        self.lines = []
        self.secrets = Secrets()
        self.stand_ins, line = started([os.environ["LRAP_TEST_STAND_INS"]], r"\{.*\}", [])
        self.places = json.loads(line[0])
        command = [os.environ["LRAP_TEST_LOCAL"], "up", "--port=0", "--engine", os.environ["LRAP_TEST_ENGINE"]]
        if "LRAP_TEST_MOTO" in os.environ:
            command += ["--interpreter", os.environ["LRAP_TEST_MOTO"]]
        if Path(os.environ["LRAP_TEST_GATEWAYS"]).exists():
            command += ["--gateways", os.environ["LRAP_TEST_GATEWAYS"], f"--gateways-url=https://{GATEWAYS_HOST}/_agentcore"]
        self.machine, line = started([*command, *self.variables()], r"AWS_ENDPOINT_URL=(\S+)", self.lines)
        self.endpoint = line[1]
        self.control("PUT", "upstream", self.endpoint)
        arns = {name: self.make_secret(name, keys) for name, keys in SECRETS.items()}
        self.make_secret(GOLF_SECRET, self.places["golf"])
        self.api_keys = arns[API_KEYS]
        self.secrets.add("the topic of NTFY_URL", TOPIC)
        self.deployed = self.delivery("deploy", *zips(os.environ["LRAP_TEST_LINKED"]), "--only", STACKS, *self.parameters())
        self.control("PUT", "mcp", urllib.parse.urlsplit(self.output("McpServerUrl")).netloc)

    def variables(self):
        relay = self.places["relay"]
        given = {**self.places["variables"], "AWS_ENDPOINT_URL": relay, "AWS_ENDPOINT_URL_DYNAMODB": relay}
        return [f"--variable={name}={value}" for name, value in given.items()]

    def parameters(self):
        given = {"NtfyUrl": f"{self.places['url']}/{TOPIC}", "AgentApiKeySecret": AGENT_KEYS, "McpApiKeySecret": MCP_KEY}
        given["McpClientAllowedHosts"] = f"{MCP_HOST},{GATEWAYS_HOST},{GUEST_HOST}"
        given |= {"AuthorizerKeysSecretArn": self.api_keys, "JwtJwksUrl": f"{ISSUER}/.well-known/jwks.json"}
        given |= {"JwtIssuer": ISSUER, "JwtAudience": AUDIENCE}
        given["AgentStateMachineArn"] = f"arn:aws:states:{REGION}:123456789012:stateMachine:{WORKFLOW_AGENT}-{STAGE}"
        return [f"--parameter={name}={value}" for name, value in given.items()]

    def make_secret(self, name, keys):
        """Its ARN. What it holds must not be logged, but for the name of an OAuth client and for hosts, which are no secrets."""
        for key, text in keys.items():
            if key not in ("client_id", "hosts"):
                self.secrets.add(f"{key} of {name}", text)
        return self.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(keys))["ARN"]

    def delivery(self, command, *words):
        """What ``make`` runs; what it prints."""
        done = delivered(self.endpoint, command, *words)
        self.lines += done.stdout.splitlines()
        if done.returncode:
            raise AssertionError(f"{command}: {done.stdout}")
        return done.stdout

    def control(self, method, what, body=None):
        """The control interface of the stand-ins."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        kind = "text/plain" if isinstance(body, str) else "application/json"
        request = urllib.request.Request(
            f"{self.places['url']}/_stand-ins/{what}", text and text.encode(), {"Content-Type": kind}, method=method
        )
        with opener.open(request, timeout=TIMEOUT) as response:
            content = response.read()
        return json.loads(content) if content else None

    def calls(self):
        """Every call since the last :meth:`forget_calls`. What they were authorized by is secret."""
        calls = self.control("GET", "calls")
        self.secrets.learn(calls)
        return calls

    def forget_calls(self):
        self.calls()
        self.control("DELETE", "calls")

    def leaks(self):
        """Where a secret that was used so far is in what was said, or in a log group."""
        return self.secrets.found_in([*self.lines, *self.log_events()])

    def log_events(self):
        logs = self.client("logs")
        for group in logs.get_paginator("describe_log_groups").paginate().search("logGroups[].logGroupName"):
            yield from logs.get_paginator("filter_log_events").paginate(logGroupName=group).search("events[].message")

    def clock(self, change):
        request = urllib.request.Request(f"{self.endpoint}/_lambda-local/clock", json.dumps(change).encode(), method="POST")
        with opener.open(request, timeout=TIMEOUT) as response:
            return json.load(response)

    @functools.cached_property
    def api(self):
        apis = self.client("apigatewayv2").get_apis()["Items"]
        return next(api["ApiId"] for api in apis if api["Name"] == f"functions-{STAGE}")

    @functools.cache
    def client(self, service):
        session = boto3.Session("local", "local", region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}, proxies={}))

    # Kept, because boto3 takes a tenth of a second to make one, and tests ask for a row again and again until it is there.
    @functools.cache
    def table(self, name, prefix="rez-agent-"):
        options = {"endpoint_url": self.endpoint, "region_name": REGION}
        session = boto3.Session("local", "local", region_name=REGION)
        return session.resource("dynamodb", **options).Table(f"{prefix}{name}-{STAGE}")

    def put(self, message):
        """The row of a message."""
        nested = {name: json.dumps(message[name]) for name in ("payload", "arguments")}
        self.table("messages").put_item(Item={**message, **nested})

    def waiting(self, queue):
        """How many messages a queue has, those in flight included."""
        url = self.client("sqs").get_queue_url(QueueName=f"rez-agent-{queue}-{STAGE}")["QueueUrl"]
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(found[name]) for name in names)

    def output(self, name, stack="functions"):
        """What a stack says of itself, such as ``WebApiUrl``."""
        outputs = self.client("cloudformation").describe_stacks(StackName=f"{stack}-{STAGE}")["Stacks"][0]["Outputs"]
        return next(output["OutputValue"] for output in outputs if output["OutputKey"] == name)

    def ask(self, url, method, body=None, headers=None):
        """Sends a request to an API or a function URL by its host name; the status, the headers and the text of the response."""
        place = urllib.parse.urlsplit(url)
        request = urllib.request.Request(
            self.endpoint + place.path + (f"?{place.query}" if place.query else ""),
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json", **(headers or {}), "Host": place.netloc},
            method=method,
        )
        try:
            with opener.open(request, timeout=TIMEOUT) as response:
                return response.status, response.headers, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def end(self):
        for process in (self.machine, self.stand_ins):
            process.terminate()
            process.wait(TIMEOUT)


def zips(folder):
    """The words that name the layer's zips, and the folder of the functions'."""
    layers = [str(Path(folder, f"lrap-{architecture}.zip")) for architecture in ("x86_64", "arm64")]
    return [*layers, "--zips", str(folder)]


def delivered(endpoint, command, *words, stage=STAGE, **variables):
    """What ``make`` runs, when it has ended."""
    environment = {**os.environ, **KEYS, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": str(REPOSITORY / "layer"), **variables}
    return subprocess.run(
        [os.environ["LRAP_TEST_DELIVERY"], "-m", "delivery", command, *words, "--stage", stage],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def a_message(identity, kind, payload, arguments=None):
    """As a topic carries it."""
    now = "2026-11-29T00:00:00Z"
    message = {"id": identity, "version": "1.0", "created_date": now, "created_by": "test", "stage": STAGE, "message_type": kind}
    return message | {"status": "queued", "payload": payload, "arguments": arguments or {}, "updated_date": now, "retry_count": 0}


def started(command, pattern, lines):
    """A process that has printed a line of a form; what it prints later is added to ``lines``."""
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        lines.append(line.rstrip())
        found = re.search(pattern, line)
        if found:
            threading.Thread(target=lambda: lines.extend(map(str.rstrip, process.stdout)), daemon=True).start()
            return process, found
    raise AssertionError(f"{command[0]} did not start:\n" + "\n".join(lines))


class OnPlatform(unittest.TestCase):
    """Tests of all classes share one platform; each begins without calls, faults and dead letters.

    Each class ends with a search of everything that was logged so far for every secret, token and key that was used so far.
    """

    platform = None

    @classmethod
    def setUpClass(cls):
        if OnPlatform.platform is None:
            OnPlatform.platform = Platform()
            atexit.register(OnPlatform.platform.end)

    @classmethod
    def tearDownClass(cls):
        cls.platform.calls()
        leaks = cls.platform.leaks()
        if leaks:
            raise AssertionError("\n".join(["Secrets were logged:", *leaks]))

    def setUp(self):
        self.platform.forget_calls()
        self.platform.control("DELETE", "faults")

    def client(self, service):
        return self.platform.client(service)

    def advance(self, seconds):
        """Moves the clock of all services."""
        return self.platform.clock({"advance": seconds})

    def fail_next(self, service, times=None, **fault):
        """Plans a fault, such as ``kind="status", status=500``; it lasts without ``times``."""
        self.platform.control("POST", "faults", {"service": service, "fault": fault, "times": times})

    def calls(self, *services):
        """What was asked so far of services outside, and of AWS by functions: ``sns Publish rez-agent-notifications-local``, ``ntfy POST /``."""
        return [call["words"] for call in self.platform.calls() if not services or call["service"] in services]

    def in_order(self, *steps):
        """Asserts that there were these calls in this order, whatever other work called in between."""
        calls = self.calls()
        later = iter(calls)
        self.assertEqual([step for step in steps if step not in later], [], calls)

    def attempts(self, text):
        """How often ntfy was sent a text."""
        return sum(call["service"] == "ntfy" and text in call["body"] for call in self.platform.calls())

    def eventually(self, condition, what, seconds=TIMEOUT):
        """The first true value of ``condition()``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        self.fail(f"{what}: not within {seconds} s; calls: {self.calls()}")

    def table(self, name, prefix="rez-agent-"):
        return self.platform.table(name, prefix)

    def restart(self, function):
        """A new sandbox: what was kept in memory is forgotten, such as tokens."""
        name, lambdas = f"{function}-{STAGE}", self.client("lambda")
        variables = lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        # A template's numbers are numbers here.
        variables = {variable: value if isinstance(value, str) else json.dumps(value) for variable, value in variables.items()}
        variables["SANDBOX"] = str(int(variables.get("SANDBOX", 0)) + 1)
        lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def post(self, path, body):
        """What the API answers with 201."""
        status, _, text = self.platform.ask(self.platform.output("WebApiUrl") + path, "POST", body, {"x-api-key": API_KEY})
        self.assertEqual(status, 201, text)
        return json.loads(text)

    def notify(self, identity, text):
        self.publish("notifications", identity, "notify", {"message": text})

    def act(self, identity, payload, **arguments):
        self.publish("web-actions", identity, "web_action", payload, arguments)

    def publish(self, topic, identity, kind, payload, arguments=None):
        """Leaves what webapi leaves: the row of a message, and the message in a topic."""
        message = a_message(identity, kind, payload, arguments)
        self.platform.put(message)
        arn = f"arn:aws:sns:{REGION}:123456789012:rez-agent-{topic}-{STAGE}"
        self.client("sns").publish(TopicArn=arn, Message=json.dumps(message))

    def message(self, identity):
        """The row of a message."""
        return self.table("messages").get_item(Key={"id": identity}, ConsistentRead=True)["Item"]

    def waiting(self, queue):
        return self.platform.waiting(queue)

    def shown(self):
        """What a phone shows of ntfy's topic."""
        with opener.open(f"{self.platform.places['url']}/{TOPIC}/json?poll=1", timeout=TIMEOUT) as response:
            return [json.loads(line) for line in response.read().decode().splitlines()]
