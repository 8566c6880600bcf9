"""All stacks of the repository, from the Makefile, against AWS on this machine: up in order, looked at, changed, and gone again."""

import json
import re
import struct
import zipfile

from delivery.artifacts import nested_named, zips_named
from delivery.layers import ARCHITECTURES
from delivery.seeding import ROWS
from delivery.stacks import Stage
from delivery.templates import Template, deployed
from tests.aws import REPOSITORY
from tests.test_agents import PROVIDERS
from tests.test_aws import WithZips


class Nothing:
    """An account in which there is nothing."""

    def pages(self, *_):
        return []


class WithFunctions(WithZips):
    """With zips of the functions that have nothing in them but a header."""

    def setUp(self):
        super().setUp()
        nested = [Template.read(path) for template in deployed() for path in nested_named(template).values()]
        for path in {path for template in [*deployed(), *nested] for path in zips_named(template).values()}:
            self.function_zip(path.name)

    def function_zip(self, name, content=b"", architecture="arm64"):
        with zipfile.ZipFile(self.folder / name, "w") as archive:
            entry = zipfile.ZipInfo("bootstrap")
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, b"\x7fELF" + bytes(14) + struct.pack("<H", ARCHITECTURES[architecture][1]) + content)

    def words(self, *words):
        return ["STAGE=dev", f"ZIPS={self.folder}", *self.zips, *words]

    def deploy_all(self, *words, **options):
        return self.succeeds("deploy", *self.words(*words), **options)

    def destroy_all(self, *words):
        return self.succeeds("destroy", "STAGE=dev", *words)

    def named(self):
        return sorted(template.stack_name("dev", {"AgentName": "document-agent"}) for template in deployed())


class AgentOfAFile(WithFunctions):
    FILE = "FILE=functions/agents/word-counter.toml"

    def test_one_command_puts_an_agent_its_tools_and_models_in_place(self):
        said = self.succeeds("deploy-agent", *self.words(self.FILE))
        created = re.findall(r"(\S+)-dev: created", said)
        self.assertEqual(created[-1], "agent-word-counter")
        self.assertLess(created.index("word-counter"), created.index("agent-word-counter"))
        self.assertIn("shared-llm", created)
        functions = [function["FunctionName"] for function in self.client("lambda").list_functions()["Functions"]]
        self.assertIn("tool-word-counter-dev", functions)
        self.assertGreater(self.client("dynamodb").scan(TableName="SharedLLMTable-dev")["Count"], 0)
        # The second time only what is the agent's own is looked at.
        again = self.succeeds("deploy-agent", *self.words(self.FILE))
        self.assertEqual(re.findall(r"(\S+)-dev: nothing to update", again), ["word-counter", "agent-word-counter"])


class Everything(WithFunctions):
    """One life of a stage: the parts share what is deployed, which takes its time."""

    def test_e6_s0_24_all_stacks_come_up_stay_as_they_are_change_and_go(self):
        self.assertEqual(re.findall(r"(\S+)-dev: created", self.deploy_all()), [stack.called for stack in self.order()])
        self.exports_are_there()
        self.machine_is_complete()
        self.models_are_there()
        self.nothing_is_left_to_do()
        self.functions_are_kept_warm_as_the_page_says()
        self.one_function_changes_alone()
        self.a_new_layer_reaches_the_functions()
        self.destroy_all()
        self.assertEqual((self.stacks(), self.exports()), ([], {}))

    def order(self):
        return Stage(Nothing(), "dev").stacks

    def exports_are_there(self):
        exports = self.exports()
        expected = {name for stack in self.order() for name in stack.evaluated({}).exports}
        self.assertEqual(expected - exports.keys(), set())
        self.assertEqual([name for name in expected if not exports[name]], [])
        self.assertEqual(exports["SharedTableAgentRegistry-dev"], "AgentRegistry-dev")
        functions = {exports[f"Shared{provider}LambdaArn-dev"] for provider in PROVIDERS}
        self.assertEqual(len(functions), 1)

    def machine_is_complete(self):
        machines = self.client("stepfunctions")
        (machine,) = machines.list_state_machines()["stateMachines"]
        definition = machines.describe_state_machine(stateMachineArn=machine["stateMachineArn"])["definition"]
        self.assertNotIn("${", definition)
        self.assertIn('"AgentRegistry-dev"', definition)

    def models_are_there(self):
        rows = self.client("dynamodb").scan(TableName="SharedLLMTable-dev")["Items"]
        self.assertEqual({row["pk"]["S"] for row in rows}, {row["pk"]["S"] for row in json.loads(ROWS.read_text())})

    def nothing_is_left_to_do(self):
        said = self.deploy_all()
        self.assertEqual(said.count("nothing to update"), len(self.named()), said)
        self.assertIn(f"0 of {len(self.named())} stacks would change", self.succeeds("diff", *self.words()))

    def functions_are_kept_warm_as_the_page_says(self):
        (given,) = re.findall(r'`make deploy ONLY=operations \S+ \S+ PARAMETERS="(.*)"`', (REPOSITORY / "docs/operating.md").read_text())
        self.deploy_all("ONLY=operations", f"PARAMETERS={given}")
        described = self.client("cloudformation").describe_stacks(StackName="operations-dev")["Stacks"][0]["Parameters"]
        self.assertIn({"ParameterKey": "WarmUpExpression", "ParameterValue": "rate(5 minutes)"}, described)

    def one_function_changes_alone(self):
        self.function_zip("llm.zip", b"changed")
        said = self.refuses("diff", *self.words())
        self.assertIn("Error 3", said)
        self.assertIn(f"1 of {len(self.named())} stacks would change: shared-llm-dev", said)
        self.assertIn("changed             LLMFunction (AWS::Lambda::Function): Code changes by the template\n", said)
        self.assertEqual(re.findall(r"(\S+): updated", self.deploy_all()), ["shared-llm-dev"])

    def a_new_layer_reaches_the_functions(self):
        before = self.layers_of("tool-shared-dev")
        self.zips = self.build(b"second")
        said = self.deploy_all()
        self.assertIn("ToolFunction (AWS::Lambda::Function): Layers changes by parameter Arm64Layer", said)
        after = self.layers_of("tool-shared-dev")
        self.assertNotEqual(before, after)
        self.assertEqual(after, [self.exports()["SharedProxyLayerArmLongContent-dev"]])
        self.assertEqual(self.deploy_all().count("nothing to update"), len(self.named()))

    def layers_of(self, function):
        found = self.client("lambda").get_function_configuration(FunctionName=function)
        return [layer["Arn"] for layer in found["Layers"]]


class Choosing(WithFunctions):
    def test_what_a_chosen_stack_imports_is_named_with_the_stack_that_exports_it(self):
        said = self.refuses("deploy", *self.words("ONLY=tools"))
        self.assertIn("missing dependency: tools-dev imports SharedContentTableLongContent-dev", said)
        self.assertIn("add shared-long-content to ONLY=", said)

    def test_a_stack_that_is_not_there_is_refused_with_those_that_are(self):
        said = self.refuses("deploy", *self.words("ONLY=tool"))
        self.assertIn("there is no stack tool; ONLY= takes layer, long-content-artifacts", said)

    def test_a_zip_that_is_not_built_is_refused_with_the_verb_that_builds_it(self):
        for name, verb in (("tool.zip", "make package-functions FUNCTIONS=tool"), ("llm-models.zip", "make package-llm-models")):
            (self.folder / name).unlink()
            said = self.refuses("deploy", *self.words())
            self.assertRegex(said, f"missing dependency: \\S*{name} does not exist: `{verb}` makes it")
            self.function_zip(name)
        self.assertEqual(self.stacks(), [])

    def test_a_function_for_the_other_architecture_is_refused(self):
        self.function_zip("tool.zip", architecture="x86_64")
        self.assertIn("bootstrap is not for arm64", self.refuses("deploy", *self.words()))
        self.assertEqual(self.stacks(), [])


class Agents(WithFunctions):
    def agent(self, name, **parameters):
        (self.folder / f"{name}.json").write_text(json.dumps({"Parameters": parameters}))

    def test_each_file_is_a_stack_and_one_whose_file_is_gone_is_destroyed_too(self):
        self.agent("reader", MaxIterations=3)
        self.agent("writer")
        self.deploy_all(f"AGENTS={self.folder}")
        described = self.client("cloudformation").describe_stacks(StackName="agent-reader-dev")["Stacks"][0]["Parameters"]
        values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described}
        self.assertEqual((values["AgentName"], str(values["MaxIterations"])), ("reader", "3"))
        (self.folder / "writer.json").unlink()
        self.assertIn("agent-writer-dev: deleted", self.destroy_all(f"AGENTS={self.folder}"))
        self.assertEqual(self.stacks(), [])

    def test_a_file_that_is_wrong_is_refused_and_named(self):
        for parameters, words in (
            ({"Colour": "x"}, "no agent has a parameter Colour"),
            ({"AgentName": "other"}, "AgentName is other, but the name of the file is that of another agent"),
            ({"MaxIterations": "many"}, "agent-reader-dev: MaxIterations is many, which is not a number"),
        ):
            self.agent("reader", **parameters)
            self.assertIn(words, self.refuses("deploy", *self.words(f"AGENTS={self.folder}")))
        self.assertEqual(self.stacks(), [])
