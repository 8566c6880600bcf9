"""An agent of one's own, put in place by ``make deploy-agent`` and run by its state machine, with a tool in Python behind the layer."""

import json
import os
import tempfile
from pathlib import Path

from tests.flows import REPOSITORY, STAGE, zips
from tests.flows.test_agent import OnAgent

# As the agent's row names the model, which follows a script.
PROVIDER, MODEL = "anthropic", "of-a-script"
DOCUMENT = "https://reports.example.com/openapi.json"
AGENT = f"""
name = "counter-of-flows"
description = "Counts words"
prompt = "You count words."
tools = ["http_get"]
model = {{ provider = "{PROVIDER}", id = "{MODEL}" }}

[[own_tools]]
folder = "{REPOSITORY}/functions/word-counter"
handler = "count_word.handler"
"""
SCRIPT = [
    {"text": "I fetch it.", "tool_calls": [{"name": "http_get", "input": {"url": DOCUMENT}}]},
    {"text": "I count.", "tool_calls": [{"name": "count_word", "input": {"text": "{{document}}", "word": "year"}}]},
    {"text": "Counted: {{document}}"},
]


class DeployAgent(OnAgent):
    def test_an_agent_of_a_file_is_put_in_place_and_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "agent.toml"
            path.write_text(AGENT)
            said = self.platform.delivery("deploy-agent", str(path), *zips(os.environ["LRAP_TEST_LINKED"]))
        self.assertIn(f"agent-counter-of-flows-{STAGE}: created", said)
        row = {"pk": f"{PROVIDER}#{MODEL}", "provider": PROVIDER, "model_id": MODEL, "is_active": "true", "script": json.dumps(SCRIPT)}
        transformers = {"request_transformer": "scripted_v1", "response_transformer": "scripted_v1"}
        self.table("SharedLLMTable", "").put_item(Item=row | transformers)
        machine = self.platform.output("StateMachineArn", "agent-counter-of-flows")
        client = self.client("stepfunctions")
        question = {"messages": [{"role": "user", "content": "How often does it say year?"}]}
        execution = client.start_execution(stateMachineArn=machine, input=json.dumps(question))["executionArn"]

        def ended():
            described = client.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        described = self.eventually(ended, "the end of the execution")
        self.assertEqual(described["status"], "SUCCEEDED", described)
        self.assertEqual(json.loads(described["output"])["answer"], "Counted: 3")
