"""The state machines of docs/parts.md, as the page has them, over functions behind the real layer."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest

import boto3
from botocore.config import Config

ROOT = pathlib.Path(__file__).parents[2]
RUNTIME = ROOT / "tests/recipes/runtime.py"
PAGE = (ROOT / "docs/parts.md").read_text()
FUNCTIONS = {"Rows": "rows", "Each": "each", "Same": "same", "Half": "rows"}
BUCKET = "orders-local"
STATE = 262_144
TIMEOUT = 240
SANDBOXES = 4


def recipes():
    """The page's state machines, by their headings."""
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    found = ((section.splitlines()[0], re.search(r"^```text\n(\{.*?)^```", section, re.DOTALL | re.MULTILINE)) for section in sections)
    return {heading: block[1] for heading, block in found if block}


def distributed(definition):
    """A state machine whose Maps run their iterations as executions of their own."""
    config = '"ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" }'
    assert config in PAGE.replace("\n", " ")
    return definition.replace('"ItemProcessor": {', f'"ItemProcessor": {{ {config},')


def machines():
    """The page's state machines, and what it says of one that is distributed."""
    found = recipes()
    return {**found, "Batches, distributed": distributed(found["Batches of a hundred"])}


class Machine:
    """``lambda-local`` with the page's state machines and the functions that they name."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self.scratch.name)
        layer = folder / "layer/extensions"
        (layer / "lrap-wrapper").mkdir(parents=True)
        programs = pathlib.Path(os.environ["LRAP_TEST_PROGRAMS"])
        os.symlink(programs / "lrap-extension", layer / "lrap")
        shutil.copy(os.environ["LRAP_TEST_WRAPPER"], layer / "lrap-wrapper/wrapper")
        self.names = {heading: f"recipe-{number}" for number, heading in enumerate(machines())}
        (folder / "config.toml").write_text("\n".join(self.config(folder)))
        command = [programs / "lambda-local", "--config", folder / "config.toml"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        endpoint = self.read_until(r"AWS_ENDPOINT_URL_SFN=(\S+)")
        threading.Thread(target=self.read, daemon=True).start()
        session = boto3.Session("local", "local", region_name="us-east-1")
        self.states, self.bucket = (session.client(name, endpoint_url=endpoint, config=Config(proxies={})) for name in ("stepfunctions", "s3"))

    def config(self, folder):
        yield '[table]\nname = "AgentContext-local"'
        for name, work in FUNCTIONS.items():
            yield f'[functions.{name}]\nruntime = "python"\ncommand = ["{sys.executable}", "{RUNTIME}"]\ndirectory = "."'
            yield f'layer = "layer"\ntimeout = 60\nmemory = 512\nconcurrency = {SANDBOXES}\n[functions.{name}.environment]\nWORK = "{work}"'
            yield 'AWS_LAMBDA_EXEC_WRAPPER = "/opt/extensions/lrap-wrapper/wrapper"\nAGENT_CONTEXT_TABLE = "AgentContext-local"'
            yield "MAX_PAYLOAD_SIZE = \"122880\"" if name == "Half" else ""
        yield f'[step_functions]\npython = "{os.environ["LRAP_TEST_MOTO"]}"'
        for heading, definition in machines().items():
            file = folder / f"{self.names[heading]}.asl.json"
            file.write_text(definition)
            yield f'[step_functions.state_machines.{self.names[heading]}]\ndefinition = "{file}"'
            yield f"[step_functions.state_machines.{self.names[heading]}.substitutions]"
            yield from (f'{name} = "{name}"' for name in FUNCTIONS)
            yield f'Bucket = "{BUCKET}"'

    def read_until(self, pattern):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if found := re.search(pattern, line):
                return found[1]
        raise AssertionError("lambda-local did not start:\n" + "\n".join(self.lines))

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        self.scratch.cleanup()


class Parts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.end)

    def run_recipe(self, heading, given):
        arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{self.machine.names[heading]}"
        states, self.before = self.machine.states, len(self.machine.lines)
        execution = states.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
        for _ in range(TIMEOUT * 10):
            described = states.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                break
            threading.Event().wait(0.1)
        self.assertEqual(described["status"], "SUCCEEDED", (described, self.machine.lines[-20:]))
        events = states.get_paginator("get_execution_history").paginate(executionArn=execution)
        self.events = [event for page in events for event in page["events"]]
        return json.loads(described["output"])

    def largest_state(self):
        """Bytes of the largest input or output in the history."""
        details = [detail for event in self.events for detail in event.values() if isinstance(detail, dict)]
        return max(len(detail[name]) for detail in details for name in ("input", "output") if name in detail)

    def reads(self):
        """The table's requests of each invocation of ``Each``, from the metrics of the extension."""
        metrics = (re.search(r"^Each \[\S+\] \| (\{.*\"store_requests\".*\})$", line) for line in self.machine.lines[self.before :])
        return [json.loads(found[1])["store_requests"] for found in metrics if found]

    def assert_all(self, batches, count):
        self.assertEqual(sum(batch["count"] for batch in batches), count)
        self.assertEqual(sum(batch["sum"] for batch in batches), count * (count - 1) // 2)

    def test_twelve_thousand_rows_by_batches_of_a_hundred(self):
        batches = self.run_recipe("Batches of a hundred", {"count": 12_000})["batches"]
        self.assertEqual([batch["first"] for batch in batches], list(range(0, 12_000, 100)))
        self.assert_all(batches, 12_000)
        reads, largest = self.reads(), self.largest_state()
        reading = [requests for requests in reads if requests]
        print(f"12,000 rows: {len(self.events)} events, largest state {largest} bytes, {sum(reading)} requests by {len(reading)} of {len(reads)} invocations")
        self.assertLess(largest, 20_000)
        # Each sandbox reads the rows once, whatever the number of its invocations.
        self.assertIn(len(reading), range(1, SANDBOXES + 1))

    def test_rows_that_are_few_stay_in_the_state(self):
        self.assert_all(self.run_recipe("Batches of a hundred", {"count": 50})["batches"], 50)

    def test_the_last_batch_is_shorter(self):
        batches = self.run_recipe("Batches of a hundred", {"count": 1_234})["batches"]
        self.assertEqual(batches[-1]["count"], 34)
        self.assert_all(batches, 1_234)

    def test_one_row_at_a_time(self):
        batches = self.run_recipe("One row at a time", {"count": 60, "width": 4_900})["batches"]
        self.assertEqual([batch["first"] for batch in batches], list(range(60)))

    def test_a_map_inside_of_a_map(self):
        groups = self.run_recipe("A Map inside of a Map", {"count": 2_150})["batches"]
        self.assertEqual([len(group) for group in groups], [10, 10, 2])
        self.assert_all([batch for group in groups for batch in group], 2_150)

    def test_a_choice_on_a_field_of_an_offloaded_object(self):
        given = {"count": 900, "report": 900}
        self.run_recipe("A Choice on a field of an offloaded object", given)
        self.assertIn("ChoiceStateExited", [event["type"] for event in self.events])

    def test_parallel_branches_with_divided_budgets(self):
        first = self.run_recipe("Parallel branches share a state", {"count": 500})
        self.assertEqual((first["count"], first["first"]), (100, 0))
        self.assertLess(self.largest_state(), STATE)

    def test_batches_as_executions_of_their_own(self):
        batches = self.run_recipe("Batches, distributed", {"count": 1_234})["batches"]
        self.assertIn("MapRunSucceeded", [event["type"] for event in self.events])
        self.assert_all(batches, 1_234)

    def test_a_distributed_map_reads_its_items_from_s3_and_gets_rows_by_reference(self):
        self.machine.bucket.create_bucket(Bucket=BUCKET)
        orders = [{"number": number} for number in range(30)]
        self.machine.bucket.put_object(Bucket=BUCKET, Key="orders.json", Body=json.dumps(orders))
        done = self.run_recipe("Distributed Map", {"count": 900})["orders"]
        self.assertEqual([(one["order"], one["count"]) for one in done], [(order, 900) for order in orders])
        self.assertLess(self.largest_state(), STATE)


if __name__ == "__main__":
    unittest.main()
