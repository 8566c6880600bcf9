"""The stage of this machine from nothing to nothing: all stacks come up, an agent answers, a function changes alone, failures leave what was."""

import json
import os
import shutil
import tempfile
import time
import unittest
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

from tests.flows import KEYS, REGION, TIMEOUT, delivered, started, zips

STACKS = 14
AGENT = "document-agent"
# A turn with a tool, and the answer.
SCRIPT = [{"text": "I look.", "tool_calls": [{"name": "list_handles", "input": {}}]}, {"text": "Done."}]
MODEL = {"pk": "scripted#stage", "provider": "scripted", "model_id": "stage", "is_active": "true", "script": json.dumps(SCRIPT)}
MODEL |= {"request_transformer": "scripted_v1", "response_transformer": "scripted_v1"}
IMPORTER = {
    "Resources": {
        "Parameter": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {"Type": "String", "Name": "/theirs", "Value": {"Fn::ImportValue": "SharedTableAgentRegistry-local"}},
        }
    }
}
# By service and operation: where the answer lists what is there.
LISTS = {
    ("apigatewayv2", "get_apis"): "Items",
    ("cloudformation", "list_exports"): "Exports",
    ("cloudwatch", "describe_alarms"): "MetricAlarms",
    ("cloudwatch", "list_dashboards"): "DashboardEntries",
    ("iam", "list_roles"): "Roles",
    ("lambda", "list_event_source_mappings"): "EventSourceMappings",
    ("lambda", "list_functions"): "Functions",
    ("lambda", "list_layers"): "Layers",
    ("s3", "list_buckets"): "Buckets",
    ("scheduler", "list_schedules"): "Schedules",
    ("secretsmanager", "list_secrets"): "SecretList",
    ("sns", "list_subscriptions"): "Subscriptions",
    ("sns", "list_topics"): "Topics",
    ("sqs", "list_queues"): "QueueUrls",
    ("ssm", "describe_parameters"): "Parameters",
    ("stepfunctions", "list_state_machines"): "stateMachines",
}


class Stage(unittest.TestCase):
    """One life of a stage: its parts share what is deployed."""

    @classmethod
    def setUpClass(cls):
        cls.lines = []
        command = [os.environ["LRAP_TEST_LOCAL"], "up", "--port=0", "--engine", os.environ["LRAP_TEST_ENGINE"]]
        cls.machine, line = started([*command, "--interpreter", os.environ["LRAP_TEST_MOTO"]], r"AWS_ENDPOINT_URL=(\S+)", cls.lines)
        cls.endpoint = line[1]
        cls.addClassCleanup(cls.end)
        scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(scratch.cleanup)
        cls.folder = Path(scratch.name)
        # A copy, since a part of the test changes a zip.
        cls.zips = cls.folder / "zips"
        shutil.copytree(os.environ["LRAP_TEST_LINKED"], cls.zips, ignore=shutil.ignore_patterns("layer"))

    @classmethod
    def end(cls):
        cls.machine.terminate()
        cls.machine.wait(TIMEOUT)

    def client(self, service):
        session = boto3.Session("local", "local", region_name=REGION)
        return session.client(service, endpoint_url=self.endpoint, config=Config(retries={"total_max_attempts": 1}, proxies={}))

    def succeeds(self, command, *words):
        done = delivered(self.endpoint, command, *words)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def refuses(self, command, *words, **options):
        done = delivered(self.endpoint, command, *words, **options)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def deploy(self, *words):
        return self.succeeds("deploy", *zips(self.zips), *words)

    def agents(self, name, **parameters):
        """A folder with the file of one agent, in the words that name it."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps({"Parameters": {"AgentName": name, **parameters}}))
        return ["--agents", str(folder), "--only", f"agent-{name}"]

    def left(self):
        """What is there, by service: stacks and tables too."""
        found = {operation: self.client(service)._make_api_call(camel(operation), {}).get(key) for (service, operation), key in LISTS.items()}
        found["tables"] = self.client("dynamodb").list_tables()["TableNames"]
        found["stacks"] = [name for name, status in self.stacks().items() if status != "DELETE_COMPLETE"]
        return {kind: things for kind, things in found.items() if things}

    def stacks(self):
        found = self.client("cloudformation").get_paginator("describe_stacks").paginate().search("Stacks[]")
        return {stack["StackName"]: stack["StackStatus"] for stack in found}

    def test_l1_s0_24_the_stage_comes_up_stays_changes_fails_and_goes(self):
        before = self.left()
        self.missing_dependencies_are_refused()
        self.assertEqual(self.left(), before)
        self.existing_resources_are_refused()
        self.assertEqual(self.deploy().count(": created"), STACKS)
        self.an_agent_answers()
        self.assertEqual(self.deploy().count("nothing to update"), STACKS)
        self.one_function_changes_alone()
        self.what_fails_to_be_created_goes_again()
        self.what_fails_to_be_updated_is_as_before()
        self.denied_permissions_are_refused()
        self.exports_in_use_are_refused()
        self.assertEqual(self.succeeds("destroy").count(": deleted"), STACKS)
        self.assertEqual(self.left(), before)

    def missing_dependencies_are_refused(self):
        said = self.refuses("deploy", *zips(self.zips), "--only", "tools")
        self.assertIn("missing dependency: tools-local imports SharedContentTableLongContent-local, which no stack exports: add shared-long-content to ONLY=", said)

    def existing_resources_are_refused(self):
        tables = self.client("dynamodb")
        keys = {"KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}], "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}]}
        tables.create_table(TableName="AgentRegistry-local", BillingMode="PAY_PER_REQUEST", **keys)
        said = self.refuses("deploy", *zips(self.zips))
        self.assertIn("resource exists: AWS::DynamoDB::Table AgentRegistry-local exists, and does not belong to the stack agent-registry-local", said)
        self.assertEqual(self.stacks(), {})
        tables.delete_table(TableName="AgentRegistry-local")

    def an_agent_answers(self):
        """By the state machine of its stack, the functions of others, and a model that follows a script."""
        tables = boto3.Session("local", "local", region_name=REGION).resource("dynamodb", endpoint_url=self.endpoint)
        tables.Table("SharedLLMTable-local").put_item(Item=MODEL)
        agents = tables.Table("AgentRegistry-local")
        rows = agents.scan()["Items"]
        for row in rows:
            agents.put_item(Item={**row, "llm_provider": "scripted", "llm_model": "stage"})
        machines = self.client("stepfunctions")
        arn = f"arn:aws:states:{REGION}:123456789012:stateMachine:{AGENT}-local"
        started_as = machines.start_execution(stateMachineArn=arn, input=json.dumps({"question": "What is there?"}))["executionArn"]
        end = time.monotonic() + TIMEOUT
        while (ended := machines.describe_execution(executionArn=started_as))["status"] == "RUNNING" and time.monotonic() < end:
            time.sleep(0.1)
        self.assertEqual(ended["status"], "SUCCEEDED", ended)
        output = json.loads(ended["output"])
        self.assertEqual((output["status"], output["answer"], output["iterations"]), ("completed", "Done.", 2))
        for row in rows:
            agents.put_item(Item=row)

    def one_function_changes_alone(self):
        with zipfile.ZipFile(self.zips / "llm.zip", "a") as archive:
            archive.writestr("changed", "")
        said = self.deploy()
        self.assertEqual([line for line in said.splitlines() if line.endswith(": updated")], ["shared-llm-local: updated"])
        self.assertIn("LLMFunction (AWS::Lambda::Function): Code changes by the template", said)

    def what_fails_to_be_created_goes_again(self):
        before = self.left()
        said = self.refuses("deploy", *zips(self.zips), *self.agents("strange-agent", ToolNames="no_such_tool"))
        self.assertRegex(said, r"agent-strange-agent-local failed, and CloudFormation rolled it back:\n(.*\n)*.*no_such_tool")
        self.assertEqual(self.left(), before)

    def what_fails_to_be_updated_is_as_before(self):
        agents = boto3.Session("local", "local", region_name=REGION).resource("dynamodb", endpoint_url=self.endpoint)
        before = agents.Table("AgentRegistry-local").scan()["Items"]
        said = self.refuses("deploy", *zips(self.zips), *self.agents(AGENT, ToolNames="no_such_tool"))
        self.assertRegex(said, r"agent-document-agent-local failed, and CloudFormation rolled it back:\n(.*\n)*.*no_such_tool")
        self.assertEqual(self.stacks()[f"agent-{AGENT}-local"], "UPDATE_ROLLBACK_COMPLETE")
        after = agents.Table("AgentRegistry-local").scan()["Items"]
        self.assertEqual([row["tools"] for row in after], [row["tools"] for row in before])

    def denied_permissions_are_refused(self):
        """In another stage, since this one has keys that are made up."""
        users = self.client("iam")
        users.create_user(UserName="nobody")
        key = users.create_access_key(UserName="nobody")["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        said = self.refuses("deploy", *zips(self.zips), "--only", "messaging", stage="dev", **keys)
        self.assertIn("permission denied", said)
        users.delete_access_key(UserName="nobody", AccessKeyId=key["AccessKeyId"])
        users.delete_user(UserName="nobody")

    def exports_in_use_are_refused(self):
        theirs = self.client("cloudformation")
        theirs.create_stack(StackName="theirs", TemplateBody=json.dumps(IMPORTER))
        theirs.get_waiter("stack_create_complete").wait(StackName="theirs", WaiterConfig={"Delay": 1})
        before = self.left()
        said = self.refuses("destroy")
        self.assertIn("export in use: SharedTableAgentRegistry-local is imported by theirs: delete those stacks first", said)
        self.assertEqual(self.left(), before)
        theirs.delete_stack(StackName="theirs")
        theirs.get_waiter("stack_delete_complete").wait(StackName="theirs", WaiterConfig={"Delay": 1})


def camel(operation):
    special = {"get_apis": "GetApis"}
    return special.get(operation, "".join(word.capitalize() for word in operation.split("_")))
