"""The agent over HTTP: a turn with a tool of an MCP server, sessions, the queue, the state machine, and the day's budget. Its models follow scripts."""

import datetime
import json
import os
import re
import time

from tests.flows import GOLF_SECRET, MCP_HOST, MCP_TOKEN, STAGE, WORKFLOW_AGENT, OnPlatform, zips
from tests.flows.load.reports import reports
from tests.flows.test_authentication import BIRDSFOOT, KEYS, SEARCH, TOKEN

SESSIONS = f"dynamodb UpdateItem rez-agent-sessions-{STAGE}"
MESSAGES, RESULTS = f"rez-agent-messages-{STAGE}", f"rez-agent-web-action-results-{STAGE}"
FORECAST = ["noaa GET /points/39.7,-97.1", "noaa GET /gridpoints/TOP/31,80/forecast"]
# The steps of a booking.
GOLF = "/onlineres/onlineapi/api/v1/onlinereservation"
BOOKING = [f"golf-lock POST {GOLF}/LockTeeTimes", f"golf-price POST {GOLF}/TeeTimePricesCalculation", f"golf-reserve POST {GOLF}/ReserveTeeTimes"]
# As the server's tools are called in the registry.
FORECASTS, RESULT = "mcp_get_weather_forecast", "mcp_get_result"
TEE_TIMES, TEE_TIME = "mcp_golf_search_tee_times", "mcp_golf_book_tee_time"
PLACE = {"latitude": 39.7, "longitude": -97.1}
WEATHER = {"name": FORECASTS, "input": PLACE}
DAY = 86_400


class OnAgent(OnPlatform):
    def agent(self, name, script, tools=(), parameters=None, **model):
        """Writes the rows of an agent and of its model, which follows ``script``."""
        row = {"pk": f"scripted#{name}", "provider": "scripted", "model_id": name, "is_active": "true", "script": json.dumps(script)}
        row |= {"request_transformer": "scripted_v1", "response_transformer": "scripted_v1", **model}
        self.table("SharedLLMTable", "").put_item(Item=row)
        agent = {"agent_name": name, "version": "v1.0", "status": "active", "system_prompt": "You help.", "description": name}
        agent |= {"llm_provider": "scripted", "llm_model": name, "observability": "{}", "metadata": "{}"}
        agent["tools"] = json.dumps([{"tool_name": tool, "version": "latest", "enabled": True} for tool in tools])
        self.table("AgentRegistry", "").put_item(Item={**agent, "parameters": json.dumps(parameters or {})})

    def ask(self, agent, message, caller="alice", output="WebApiUrl", **more):
        """The status, the headers and the text of the response to a question."""
        body = {"message": message, "agent_name": agent, **more}
        return self.request("POST", "agent", caller, body, output)

    def request(self, method, path, caller, body=None, output="WebApiUrl"):
        url = f"{self.platform.output(output).rstrip('/')}/{path}"
        return self.platform.ask(url, method, body, {"x-api-key": f"key-of-{caller}"})

    def answered(self, *question, **more):
        status, _, text = self.ask(*question, **more)
        self.assertEqual(status, 200, text)
        return json.loads(text)

    def session(self, identity):
        return self.table("sessions").get_item(Key={"session_id": identity}, ConsistentRead=True)["Item"]


class AgentWithMcp(OnAgent):
    """Tools of the stage's MCP server, which the registry has."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        server = [f"https://{MCP_HOST}/mcp", "--auth", f"header:x-api-key:{MCP_TOKEN}", "--prefix", "mcp_"]
        cls.registered = cls.platform.delivery("mcp-tools", *server)

    def test_ai_agent_with_mcp(self):
        self.assertIn(f"{FORECASTS}: ", self.registered)
        self.agent("forecaster", [{"text": "I look.", "tool_calls": [WEATHER]}, {"text": "{{answer}}"}], [FORECASTS])
        self.platform.control("DELETE", "calls")
        answer = self.answered("forecaster", "What about Tuesday Night?")
        self.assertIn("Tuesday Night", answer["message"])
        self.assertEqual(answer["metadata"]["tools_used"], [FORECASTS])
        calls = self.calls()
        self.assertEqual(self.asked_of_mcp(), ["initialize", "notifications/initialized", "tools/list", "tools/call"])
        self.assertEqual(calls.count(SESSIONS), 2, calls)
        begun, ended = calls.index(SESSIONS), len(calls) - 1 - calls[::-1].index(SESSIONS)
        tool = [calls.index(call) for call in ("mcp POST /mcp", *FORECAST)]
        self.assertEqual([begun, *tool, ended], sorted([begun, *tool, ended]), calls)

    def test_golf_tee_time_booking(self):
        # What it knows of tokens and keys is forgotten.
        self.restart("mcp")
        search = {"name": TEE_TIMES, "input": {"course_id": BIRDSFOOT, "date": "2025-10-29", "from": "08:30"}}
        book = {"name": TEE_TIME, "input": {"course_id": BIRDSFOOT, "tee_sheet_id": 1002, "players": 2}}
        script = [{"tool_calls": [search]}, {"text": "{{document}}"}, {"tool_calls": [book]}, {"text": "{{document}}"}]
        self.agent("golfer", script, [TEE_TIMES, TEE_TIME])
        self.platform.forget_calls()
        found = self.answered("golfer", "What is free on Wednesday from half past eight?")
        self.assertIn("teeSheetID 1002", found["message"])
        self.assertNotIn("teeSheetID 1001", found["message"], "it is too early")
        calls = self.calls()
        self.assertEqual([call for call in calls if call in BOOKING], [], "nothing is booked before somebody says so")
        booked = self.answered("golfer", "Book the one at ten past nine for two.", session_id=found["session_id"])
        self.assertRegex(booked["message"], r"Confirmation number: CONF\d+")
        self.assertEqual(booked["metadata"]["tools_used"], [TEE_TIME])
        secret = f"secretsmanager GetSecretValue {GOLF_SECRET.rpartition('/')[2]}"
        searched = [SESSIONS, "mcp POST /mcp", secret, TOKEN, KEYS, SEARCH, SESSIONS]
        self.in_order(*searched, SESSIONS, "mcp POST /mcp", *BOOKING, SESSIONS)
        calls = self.calls()
        self.assertEqual([calls.count(call) for call in (TOKEN, KEYS, SEARCH, *BOOKING)], [1] * 6, calls)
        self.fits(f"mcp-{STAGE}", seconds=30, megabytes=256)

    def fits(self, function, seconds, megabytes):
        """A function has so much memory and time, and its invocations have stayed within both."""
        given = self.client("lambda").get_function_configuration(FunctionName=function)
        self.assertEqual((given["Timeout"], given["MemorySize"]), (seconds, megabytes))
        seen = self.eventually(lambda: reports(self.platform.lines).get(function), "the reports")
        slowest, largest = max(one.duration for one in seen), max(one.used for one in seen)
        print(f"{function}: {len(seen)} invocations, at most {slowest:.0f} ms and {largest} MB")
        self.assertLess(slowest, seconds * 1000)
        self.assertLess(largest, megabytes)

    def test_ai_agent_interaction_legacy(self):
        queued = {"name": FORECASTS, "input": {**PLACE, "async": True}}
        script = [{"tool_calls": [queued]}, {"text": "{{document}}"}]
        self.agent("patient", script, [FORECASTS, RESULT])
        self.platform.forget_calls()
        first = self.answered("patient", "What about Tuesday Night?")
        identity = re.search(r"msg_\w+", first["message"])[0]
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        script += [{"tool_calls": [{"name": RESULT, "input": {"id": identity}}]}, {"text": "{{answer}}"}]
        self.agent("patient", script, [FORECASTS, RESULT])
        second = self.answered("patient", "And now?", session_id=first["session_id"])
        self.assertIn("Tuesday Night", second["message"])
        published = f"sns Publish rez-agent-web-actions-{STAGE}"
        stored, read = f"dynamodb PutItem {RESULTS}", f"dynamodb GetItem {RESULTS}"
        asked = [SESSIONS, "mcp POST /mcp", f"dynamodb PutItem {MESSAGES}", published]
        self.in_order(*asked, *FORECAST, stored, "mcp POST /mcp", read, SESSIONS)
        self.assertEqual(self.calls().count(FORECAST[1]), 1, "the call is run once")

    def asked_of_mcp(self):
        calls = [call for call in self.platform.control("GET", "calls") if call["service"] == "mcp"]
        return [json.loads(call["body"])["method"] for call in calls if call["body"]]

    def test_an_answer_is_streamed_over_the_function_url(self):
        self.agent("streamer", [{"text": "One two three."}])
        status, headers, text = self.ask("streamer", "Count.", output="AgentUrlAddress", stream=True)
        self.assertEqual((status, headers["Content-Type"]), (200, "text/event-stream"), text)
        events = [block.split("\ndata: ") for block in text.strip().split("\n\n")]
        names = [name.removeprefix("event: ") for name, _ in events]
        self.assertEqual(names, ["session", "text", "text", "text", "done"])
        self.assertEqual("".join(json.loads(data)["text"] for _, data in events[1:-1]), "One two three.")
        self.assertEqual(json.loads(events[-1][1])["message"], "One two three.")


class Queue(OnAgent):
    def test_a_question_of_the_queue_is_answered_by_a_notification(self):
        self.agent("postman", [{"text": "At seven, as the queue knows."}])
        identity = "msg_20261129000000_000060"
        self.publish("agent-response", identity, "agent_response", {"message": "When?", "agent_name": "postman", "session_id": "queued"})
        self.eventually(lambda: self.message(identity)["status"] == "completed", "the end of the message")
        self.eventually(lambda: self.attempts("At seven, as the queue knows."), "the notification")
        self.in_order(SESSIONS, SESSIONS, f"dynamodb PutItem {MESSAGES}", f"sns Publish rez-agent-notifications-{STAGE}", "ntfy POST /")
        self.assertEqual([json.loads(message)["role"] for message in self.session("queued")["messages"]], ["user", "assistant"])
        self.eventually(lambda: self.waiting("agent") == 0, "the empty queue")


class Sessions(OnAgent):
    def test_session_management(self):
        self.agent("talker", [{"text": "First."}, {"text": "Second."}])
        self.platform.control("DELETE", "calls")
        first = self.answered("talker", "One?")
        identity = first["session_id"]
        row = self.session(identity)
        self.assertTrue(row["created_at"].endswith("Z"), row)
        self.lasts_a_day(row)
        second = self.answered("talker", "Two?", session_id=identity)
        self.assertEqual((second["session_id"], first["message"], second["message"]), (identity, "First.", "Second."))
        self.assertEqual(self.calls("aws:dynamodb").count(SESSIONS), 4, "each turn reads the session and writes it")
        row = self.session(identity)
        self.assertEqual([json.loads(message)["role"] for message in row["messages"]], ["user", "assistant"] * 2)
        self.lasts_a_day(row)

    def lasts_a_day(self, row):
        self.assertAlmostEqual(int(row["ttl"]), time.time() + DAY, delta=60)

    def test_a_session_is_its_callers(self):
        self.agent("private", [{"text": "Yours."}])
        identity = self.answered("private", "Mine?")["session_id"]
        path = f"agent/sessions/{identity}"
        self.assertEqual(self.request("GET", path, "alice")[0], 200)
        self.assertEqual(self.request("GET", path, "bob")[0], 404)
        self.assertEqual(self.ask("private", "Mine?", "bob", session_id=identity)[0], 404)
        self.assertEqual(self.request("GET", path, "nobody")[0], 401)
        self.assertEqual(len(self.session(identity)["messages"]), 2)

    def test_a_session_that_is_over_begins_anew(self):
        self.agent("forgetful", [{"text": "First."}, {"text": "Second."}])
        identity = self.answered("forgetful", "One?")["session_id"]
        change = {"UpdateExpression": "SET #ttl = :past", "ExpressionAttributeNames": {"#ttl": "ttl"}}
        self.table("sessions").update_item(
            Key={"session_id": identity}, ExpressionAttributeValues={":past": int(time.time()) - 1}, **change
        )
        self.assertEqual(self.request("GET", f"agent/sessions/{identity}", "alice")[0], 404)
        self.assertEqual(self.answered("forgetful", "Two?", session_id=identity)["message"], "First.")


class Workflows(OnAgent):
    # A turn with a tool, and the answer.
    SCRIPT = [{"text": "I look.", "tool_calls": [{"name": "list_handles", "input": {}}]}, {"text": "Nothing is there."}]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.platform.delivery("deploy", *zips(os.environ["LRAP_TEST_LINKED"]), "--only", f"agent-{WORKFLOW_AGENT}")

    def setUp(self):
        super().setUp()
        # The row that the stack has made, with a model that follows the script.
        self.agent(WORKFLOW_AGENT, self.SCRIPT, ["list_handles"])
        agents = self.table("AgentRegistry", "")
        row = agents.get_item(Key={"agent_name": WORKFLOW_AGENT, "version": "v1.0"})["Item"]
        agents.put_item(Item={**row, "version": "latest", "resolved_version": "v1.0"})

    def test_the_state_machine_answers_a_question_for_its_caller_only(self):
        status, headers, text = self.ask(WORKFLOW_AGENT, "What is there?", mode="workflow")
        self.assertEqual(status, 202, text)
        handed_over = json.loads(text)
        self.assertEqual((handed_over["mode"], headers["Location"]), ("workflow", handed_over["location"]))
        path = handed_over["location"].lstrip("/")
        self.is_hidden(path)
        ended = self.eventually(lambda: self.ended(path), "the end of the execution")
        self.assertEqual((ended["status"], ended.get("message")), ("succeeded", "Nothing is there."), ended)
        self.assertEqual((ended["metadata"]["status"], ended["metadata"]["iterations"]), ("completed", 2))
        self.assertLess(ended["started_at"], ended["stopped_at"])
        execution = self.client("stepfunctions").describe_execution(executionArn=handed_over["execution_arn"])
        self.assertEqual(json.loads(execution["input"]), {"question": "What is there?", "version": "latest", "agent_name": WORKFLOW_AGENT})
        self.is_hidden(path)

    def ended(self, path):
        """An execution as its caller finds it, when it runs no more."""
        status, headers, text = self.request("GET", path, "alice", output="AgentUrlAddress")
        self.assertEqual(status, 200, text)
        found = json.loads(text)
        self.assertEqual(headers["Retry-After"], "2" if found["status"] == "running" else None)
        return found if found["status"] != "running" else None

    def is_hidden(self, path):
        """Nobody else finds an execution, at either address."""
        for output in ("WebApiUrl", "AgentUrlAddress"):
            found = [self.request("GET", path, caller, output=output)[0] for caller in ("bob", "nobody")]
            self.assertEqual(found, [404, 401], output)


class Costs(OnAgent):
    # Micro-dollars.
    CAP = 10_000_000

    def setUp(self):
        super().setUp()
        self.addCleanup(self.spend, 0)

    def spend(self, micro_dollars):
        """Makes this what the day has cost so far."""
        self.table("cost-tracking").put_item(Item={"id": self.today(), "spent": micro_dollars})

    def today(self):
        return f"bedrock#{STAGE}#{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}"

    def test_cost_tracking_and_rate_limiting(self):
        usage = {"input_tokens": 800, "output_tokens": 100}
        prices = {"input_price_per_million": 1, "output_price_per_million": 150, "max_input_tokens": 1000}
        self.agent("spender", [{"text": "Bought.", "usage": usage}], parameters={"max_tokens": 1000}, **prices)
        self.spend(2_500_000)
        self.platform.control("DELETE", "calls")
        self.assertEqual(self.answered("spender", "Buy.")["metadata"]["cost_usd"], 0.0158)
        spent = self.table("cost-tracking").get_item(Key={"id": self.today()}, ConsistentRead=True)["Item"]
        self.assertEqual([int(spent[name]) for name in ("spent", "input_tokens", "output_tokens")], [2_515_800, 800, 100])
        self.spend(self.CAP - 50_000)
        self.is_refused(*self.ask("spender", "Buy."))
        over_url = self.ask("spender", "Buy.", output="AgentUrlAddress", stream=True)
        self.is_refused(*over_url)

    def is_refused(self, status, headers, text):
        now = datetime.datetime.now(datetime.timezone.utc)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + datetime.timedelta(days=1)
        body = json.loads(text)
        self.assertEqual((status, body["error"]), (429, "Daily spending limit reached"), text)
        self.assertAlmostEqual(int(headers["Retry-After"]), (midnight - now).total_seconds(), delta=60)
        cost = body["cost_info"]
        self.assertEqual((cost["current_cost"], cost["daily_cap"], cost["remaining_budget"]), (9.95, 10.0, 0.05))
        self.assertGreaterEqual(cost["estimated_cost"], 0.15)
        self.assertEqual(cost["reset_time"], f"{midnight:%Y-%m-%dT%H:%M:%SZ}")
