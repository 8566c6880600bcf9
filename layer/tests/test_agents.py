"""The stacks of the agents: what they share and export, who may do what, and that all of them come up on AWS on this machine."""

import json
import re
import tomllib
import unittest
from pathlib import PurePath

from delivery.templates import Template
from tests.aws import REPOSITORY
from tests.test_stacks import evaluated

NAMES = ("shared-infrastructure", "agent-registry", "shared-llm", "tools", "agent")
STACKS = REPOSITORY / "functions/stacks"
MACHINE = REPOSITORY / "functions/statemachines/agent.asl.json"
PROVIDERS = ("Claude", "OpenAI", "Gemini", "Bedrock", "DeepSeek", "XAI")


def templates():
    return [Template.read(STACKS / f"{name}.yaml") for name in NAMES]


def exports(name):
    return evaluated(name, Stage="prod").exports


def properties(template, resource, **given):
    return evaluated(template, Stage="dev", **given).resources[resource]["Properties"]


def allowed(template, role, **given):
    """Actions and what they may be done to, of a role's own policy."""
    (policy,) = properties(template, role, **given)["Policies"]
    return {
        (action, resource)
        for statement in policy["PolicyDocument"]["Statement"]
        for action in several(statement["Action"])
        for resource in several(statement["Resource"])
    }


def several(value):
    return value if isinstance(value, list) else [value]


class Exports(unittest.TestCase):
    def test_s0_01_the_table_of_models(self):
        self.assertEqual(exports("shared-infrastructure")["SharedTableSharedLLMTable-prod"], "<SharedLLMTable>")
        self.assertEqual(exports("shared-infrastructure")["SharedTableArnSharedLLMTable-prod"], "<SharedLLMTable.Arn>")

    def test_s0_02_the_registry_of_agents(self):
        self.assertEqual(exports("agent-registry")["SharedTableAgentRegistry-prod"], "<AgentRegistry>")
        self.assertEqual(exports("agent-registry")["SharedTableArnAgentRegistry-prod"], "<AgentRegistry.Arn>")

    def test_s0_03_one_function_under_each_providers_name(self):
        for provider in PROVIDERS:
            self.assertEqual(exports("shared-llm")[f"Shared{provider}LambdaArn-prod"], "<LLMFunction.Arn>")

    def test_s0_04_the_secret_without_a_value(self):
        self.assertEqual(exports("shared-llm")["SharedLLMSecretArn-prod"], "<Keys>")
        secret = evaluated("shared-llm", Stage="prod").resources["Keys"]["Properties"]
        self.assertEqual(secret["Name"], "/ai-agent/llm-secrets/prod")
        self.assertFalse({"SecretString", "GenerateSecretString"} & secret.keys())

    def test_s0_05_s0_06_the_layer_of_models_and_the_log(self):
        self.assertEqual(exports("shared-llm")["SharedLLMLayerArn-prod"], "<Models>")
        self.assertEqual(exports("shared-llm")["SharedLLMLogGroupName-prod"], "<Logs>")
        self.assertEqual(properties("shared-llm", "Logs")["RetentionInDays"], 7)

    def test_the_registry_of_tools_and_its_stream(self):
        for name, value in (("Table", ""), ("TableArn", ".Arn"), ("TableStreamArn", ".StreamArn")):
            exported = exports("shared-infrastructure")[f"Shared{name}ToolRegistry-prod"]
            self.assertEqual(exported, f"<ToolRegistry{value}>")


class ByName(unittest.TestCase):
    """What a stack imports may also be given by its name or ARN."""

    GIVEN = {
        "AgentRegistryTableName": "AgentRegistry-prod",
        "ToolRegistryTableName": "ToolRegistry-prod",
        "LlmTableName": "SharedLLMTable-prod",
        "LlmFunctionArn": "arn:llm",
        "ToolFunctionArn": "arn:tool",
        "RegistrationFunctionArn": "arn:registry",
    }

    def test_s0_18_an_agent_that_is_given_all_of_it_imports_nothing(self):
        evaluation = evaluated("agent", Stage="dev", AgentRegistryWrite="true", **self.GIVEN)
        self.assertEqual(evaluation.imports, set())
        substituted = evaluation.resources["StateMachine"]["Properties"]["DefinitionSubstitutions"]
        expected = {name: value for name, value in self.GIVEN.items() if name in substituted}
        self.assertEqual({name: substituted[name] for name in expected}, expected)
        self.assertEqual(len(expected), 5)
        self.assertEqual(evaluation.resources["Registration"]["Properties"]["ServiceToken"], "arn:registry")

    def test_s0_18_its_role_may_do_the_same_to_them(self):
        def count(**given):
            return sorted(action for action, _ in allowed("agent", "Role", AgentRegistryWrite="true", **given))

        self.assertEqual(count(**self.GIVEN), count())
        tables = {resource for action, resource in allowed("agent", "Role", **self.GIVEN) if action == "dynamodb:GetItem"}
        arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/{}-prod".format
        self.assertEqual(tables, {arn(name) for name in ("AgentRegistry", "ToolRegistry", "SharedLLMTable")})

    def test_s0_18_keys_may_be_in_a_secret_that_is_there(self):
        name = "/ai-agent/llm-secrets/prod"
        evaluation = evaluated("shared-llm", Stage="dev", LlmSecretName=name)
        self.assertNotIn("Keys", evaluation.resources)
        variables = evaluation.resources["LLMFunction"]["Properties"]["Environment"]["Variables"]
        self.assertEqual(variables["LLM_SECRET_NAME"], name)
        arn = f"arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}"
        self.assertIn(("secretsmanager:GetSecretValue", f"{arn}-??????"), allowed("shared-llm", "LLMRole", LlmSecretName=name))
        self.assertEqual(evaluation.exports["SharedLLMSecretArn-dev"], arn)


class Tables(unittest.TestCase):
    RUST = (REPOSITORY / "functions/registries/tests/tables.rs").read_text()

    def test_are_those_that_the_registries_are_tested_with(self):
        for template, table, count in (
            ("agent-registry", "AgentRegistry", 3),
            ("shared-infrastructure", "ToolRegistry", 3),
        ):
            indexes = properties(template, table)["GlobalSecondaryIndexes"]
            self.assertEqual(len(indexes), count)
            for index in indexes:
                names = [index["IndexName"], *(key["AttributeName"] for key in index["KeySchema"])]
                self.assertIn("index({})".format(", ".join(f'"{name}"' for name in names)), self.RUST)
                self.assertEqual(index["Projection"], {"ProjectionType": "ALL"})

    def test_can_be_restored_to_any_second(self):
        for template in templates():
            for table in evaluated(template.name, Stage="dev").of_type("AWS::DynamoDB::Table").values():
                recovery = table["Properties"]["PointInTimeRecoverySpecification"]
                self.assertTrue(recovery["PointInTimeRecoveryEnabled"])

    def test_days_of_costs_expire(self):
        ttl = properties("shared-infrastructure", "CostTable")["TimeToLiveSpecification"]
        self.assertEqual(ttl, {"AttributeName": "ttl", "Enabled": True})
        self.assertIn("`ttl`", (REPOSITORY / "functions/model/src/budget.rs").read_text())


class Roles(unittest.TestCase):
    OWN_LOG = {("logs:CreateLogStream", "<Logs.Arn>"), ("logs:PutLogEvents", "<Logs.Arn>")}

    def test_s0_20_an_agent_invokes_model_and_tools_and_reads_the_registries(self):
        table = "<import SharedTableArn{}-dev>".format
        expected = {
            ("lambda:InvokeFunction", "<import SharedClaudeLambdaArn-dev>"),
            ("lambda:InvokeFunction", "<import SharedToolLambdaArn-dev>"),
            ("cloudwatch:PutMetricData", "*"),
        }
        read = [table(of) for of in ("AgentRegistry", "ToolRegistry", "SharedLLMTable")]
        expected |= {("dynamodb:GetItem", resource) for resource in read} | {("sns:Publish", "<Approvals>")}
        self.assertEqual(allowed("agent", "Role", ExecutionLogLevel="OFF"), expected)

    def test_s0_20_it_reads_its_own_agent_only(self):
        (policy,) = properties("agent", "Role")["Policies"]
        (own,) = [statement for statement in policy["PolicyDocument"]["Statement"] if statement["Sid"] == "OwnAgent"]
        condition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["document-agent"]}}
        self.assertEqual(own["Condition"], condition)
        machine = properties("agent", "StateMachine")
        self.assertEqual(machine["DefinitionSubstitutions"]["AgentName"], "document-agent")

    def test_an_approver_is_mailed_if_there_is_one(self):
        self.assertNotIn("Subscription", properties("agent", "Approvals"))
        mailed = properties("agent", "Approvals", ApproverEmail="ops@example.com")["Subscription"]
        self.assertEqual(mailed, [{"Protocol": "email", "Endpoint": "ops@example.com"}])

    def test_s0_20_it_logs_and_is_traced_by_actions_that_know_no_resource(self):
        more = allowed("agent", "Role", EnableXRay="true") - allowed("agent", "Role", ExecutionLogLevel="OFF")
        self.assertEqual({resource for _, resource in more}, {"*"})
        self.assertEqual({action.partition(":")[0] for action, _ in more}, {"logs", "xray"})

    def test_s0_20_it_writes_the_registry_only_if_it_is_told_to(self):
        more = allowed("agent", "Role", AgentRegistryWrite="true") - allowed("agent", "Role")
        registry = "<import SharedTableArnAgentRegistry-dev>"
        self.assertEqual(more, {("dynamodb:PutItem", registry), ("dynamodb:UpdateItem", registry)})

    def test_s0_20_it_invokes_tools_of_other_stacks_that_are_named(self):
        more = allowed("agent", "Role", OtherToolFunctionArns="arn:tool") - allowed("agent", "Role")
        self.assertEqual(more, {("lambda:InvokeFunction", "arn:tool")})

    def test_s0_21_a_tool_reads_its_registry_and_no_secret(self):
        expected = {("dynamodb:GetItem", "<import SharedTableArnToolRegistry-dev>")}
        self.assertEqual(allowed("tools", "ToolRole"), expected | self.OWN_LOG)

    def test_s0_21_references_are_signed_by_a_key_that_is_given(self):
        signed = {("secretsmanager:GetSecretValue", "arn:key")}
        for template, role in (("tools", "ToolRole"), ("shared-llm", "LLMRole")):
            more = allowed(template, role, SigningSecretArn="arn:key") - allowed(template, role)
            self.assertEqual(more, signed)

    def test_s0_04_the_model_function_reads_keys_and_models_and_counts_costs(self):
        expected = {
            ("secretsmanager:GetSecretValue", "<Keys>"),
            ("dynamodb:GetItem", "<import SharedTableArnSharedLLMTable-dev>"),
            ("dynamodb:GetItem", "<import SharedTableArnCostTracking-dev>"),
            ("dynamodb:UpdateItem", "<import SharedTableArnCostTracking-dev>"),
        }
        self.assertEqual(allowed("shared-llm", "LLMRole"), expected | self.OWN_LOG)
        bedrock = allowed("shared-llm", "LLMRole", BedrockModelArns="arn:model") - allowed("shared-llm", "LLMRole")
        self.assertEqual(bedrock, {("bedrock:InvokeModel", "arn:model")})

    def test_e6_no_role_may_do_something_to_everything(self):
        wide = set()
        for template in templates():
            for _, evaluation in template.evaluations:
                for role in evaluation.of_type("AWS::IAM::Role").values():
                    self.assertNotIn("*", role["Properties"].get("ManagedPolicyArns", []))
                    for policy in role["Properties"]["Policies"]:
                        for statement in policy["PolicyDocument"]["Statement"]:
                            actions = several(statement["Action"])
                            self.assertFalse([action for action in actions if "*" in action])
                            if "*" in several(statement["Resource"]):
                                wide.add((template.name, statement["Sid"]))
        traced = {(name, "Traces") for name in NAMES if name != "shared-infrastructure"}
        self.assertEqual(wide, {("agent", "Tokens"), ("agent", "LogDelivery")} | traced)


def libraries_of(folder):
    """The folders of what a function is made of, itself included, and without what is of every function."""
    known = tomllib.loads((REPOSITORY / "Cargo.toml").read_text())["workspace"]["dependencies"]
    needed = tomllib.loads((REPOSITORY / f"functions/{folder}/Cargo.toml").read_text())["dependencies"]
    paths = (PurePath(known[name].get("path", "")) for name in needed if isinstance(known[name], dict))
    inner = [path.name for path in paths if path.parts[:1] == ("functions",) and path.name != "shared"]
    return {folder}.union(*(libraries_of(library) for library in inner))


def sources_of(folder):
    """All Rust of a function and its libraries."""
    folders = (REPOSITORY / f"functions/{library}/src" for library in libraries_of(folder))
    return "".join(path.read_text() for folder in folders for path in folder.rglob("*.rs"))


class Functions(unittest.TestCase):
    """What is configured is what the code reads."""

    SOURCES = {
        ("agent-registry", "AgentRegistryFunction"): "agent-registry",
        ("agent-registry", "ToolRegistryFunction"): "tool-registry",
        ("shared-llm", "LLMFunction"): "llm",
        ("tools", "ToolFunction"): "tool",
    }
    # The extension's, what log lines and names are made of, and what the libraries of TLS read.
    OF_OTHERS = {"AGENT_CONTEXT_TABLE", "AWS_LAMBDA_EXEC_WRAPPER", "LOG_LEVEL", "MAX_CONTENT_SIZE", "MAX_PAYLOAD_SIZE", "SSL_CERT_FILE", "STAGE"}
    NEEDED = re.compile(r'required\(\s*"([A-Z_]+)"')

    def test_s0_23_every_needed_variable_is_there(self):
        for (template, function), folder in self.SOURCES.items():
            sources = sources_of(folder)
            variables = properties(template, function, AllowedHosts="a")["Environment"]["Variables"]
            self.assertEqual(set(self.NEEDED.findall(sources)) - variables.keys(), set(), folder)
            own = {name for name in variables.keys() - self.OF_OTHERS if not name.startswith("LRAP_")}
            unread = [name for name in own if f'"{name}"' not in sources]
            self.assertEqual(unread, [], folder)

    def test_s0_10_each_is_behind_the_layer_and_registries_change_nothing(self):
        for (template, function), folder in self.SOURCES.items():
            with self.subTest(folder):
                configured = properties(template, function)
                variables = configured["Environment"]["Variables"]
                mode = "never" if folder.endswith("-registry") else "always"
                self.assertEqual(configured["Layers"][-1], "{{resolve:ssm:/long-content/dev/layer/arm64}}")
                self.assertEqual({variables["LRAP_HYDRATE"], variables["LRAP_OFFLOAD"]}, {mode})

    def test_the_registries_answer_nobody_unknown(self):
        api = properties("agent-registry", "Api")["Body"]
        for path in ("/agents", "/agents/{path+}", "/usage", "/tools", "/tools/{path+}"):
            (method,) = api["paths"][path].values()
            self.assertEqual(method["security"], [{"AWS_IAM": []}])


class Models(unittest.TestCase):
    """The layer of models holds rows as the table takes them."""

    ROWS = json.loads((REPOSITORY / "functions/llm-models/src/llm/models.json").read_text())
    READER = (REPOSITORY / "functions/model/src/models.rs").read_text()
    HOMES = (REPOSITORY / "functions/model/src/destination.rs").read_text()
    PRICE = r"((flex|priority)_)?(long_)?(input|output|cache_read|cache_write)_price_per_million"

    def test_s0_05_each_is_a_row_that_is_read_whole(self):
        for row in self.ROWS:
            self.assertEqual(row["pk"], {"S": f"{row['provider']['S']}#{row['model_id']['S']}"})
            priced = {name for name in row if re.fullmatch(self.PRICE, name)}
            # Where a price comes from is for people.
            unread = [name for name in row.keys() - priced - {"pk", "price_source"} if f'"{name}"' not in self.READER]
            self.assertEqual(unread, [])
            for price in priced:
                self.assertRegex(row[price]["N"], r"^\d+\.\d{2,6}$")
            if row["is_active"]["S"] == "true":
                self.assertLessEqual({"input_price_per_million", "output_price_per_million"}, priced)
                self.assertIn("tools", json.loads(row["capabilities"]["S"]))
            else:
                self.assertIn("successor", row)

    def test_s0_05_the_function_trusts_the_authorities_of_the_layer(self):
        configured = properties("shared-llm", "LLMFunction")
        trusted = configured["Environment"]["Variables"]["SSL_CERT_FILE"]
        self.assertEqual(configured["Layers"][0], "<Models>")
        packaged = REPOSITORY / "functions/llm-models/src" / PurePath(trusted).relative_to("/opt")
        self.assertGreater(packaged.read_text().count("BEGIN CERTIFICATE"), 80)

    def test_s0_05_on_this_machine_the_function_trusts_whom_the_machine_does(self):
        local = evaluated("shared-llm", Stage="local").resources["LLMFunction"]["Properties"]
        self.assertNotIn("SSL_CERT_FILE", local["Environment"]["Variables"])

    def test_s0_05_keys_go_home(self):
        for row in self.ROWS:
            if "endpoint" in row:
                origin = re.match(r"https://[^/]+", row["endpoint"]["S"])[0]
                self.assertIn(f'("{row["secret_key_name"]["S"]}", "{origin}")', self.HOMES)

    def test_an_agent_that_names_none_has_the_default(self):
        (default,) = [row for row in self.ROWS if row["is_default"]["S"] == "true"]
        variables = properties("agent-registry", "AgentRegistryFunction")["Environment"]["Variables"]
        named = f"{variables['DEFAULT_LLM_PROVIDER']}#{variables['DEFAULT_LLM_MODEL']}"
        self.assertEqual(default["pk"], {"S": named})
        self.assertNotIn("retires_on", default)
        parameters = Template.read(REPOSITORY / "functions/stacks/agent.yaml").document["Parameters"]
        self.assertEqual(f"{parameters['Provider']['Default']}#{parameters['Model']['Default']}", named)
        source = (REPOSITORY / "functions/agent-registry/src/registry.rs").read_text()
        self.assertIn(f'"{variables["DEFAULT_LLM_MODEL"]}"', source)


class Packaging(unittest.TestCase):
    def test_the_code_is_what_make_packages(self):
        makefile = (REPOSITORY / "Makefile").read_text()
        packaged_here = re.search(r"^FUNCTIONS := ((?:.*\\\n)*.*)$", makefile, re.MULTILINE)[1].replace("\\", " ").split()
        for (template, function), folder in Functions.SOURCES.items():
            self.assertEqual(properties(template, function)["Code"]["S3Key"], f"target/functions/{folder}.zip")
            self.assertEqual(properties(template, function)["Runtime"], "provided.al2023")
            self.assertIn(folder, packaged_here)
        self.assertIn("$(call package,functions/llm-models)", makefile)


class Agents(unittest.TestCase):
    def test_s0_14_a_stack_registers_its_agent(self):
        registered = properties("agent", "Registration")
        self.assertEqual(registered["ServiceToken"], "<import SharedAgentRegistryLambdaArn-dev>")
        self.assertLessEqual({"agent_name", "system_prompt", "tool_configs", "llm_config"}, registered.keys())

    def test_s0_15_a_stack_registers_its_tools(self):
        tools = evaluated("tools", Stage="dev").of_type("Custom::Tool").values()
        names = [tool["Properties"]["tool_name"] for tool in tools]
        served = properties("tools", "ToolFunction")["Environment"]["Variables"]["TOOL_NAMES"]
        self.assertEqual(",".join(names), served)
        for tool in tools:
            self.assertEqual(tool["Properties"]["lambda_arn"], "<ToolFunction.Arn>")
            self.assertLessEqual({"tool_name", "input_schema", "output_schema", "lambda_arn"}, tool["Properties"].keys())

    def test_s0_16_s0_26_the_definition_gets_all_that_it_wants(self):
        wanted = set(re.findall(r"\$\{(\w+)\}", MACHINE.read_text()))
        for provider, export in zip(("anthropic", "openai", "gemini", "bedrock", "deepseek", "xai"), PROVIDERS):
            given = properties("agent", "StateMachine", Provider=provider)["DefinitionSubstitutions"]
            self.assertEqual(given.keys(), wanted)
            self.assertEqual(given["LlmFunctionArn"], f"<import Shared{export}LambdaArn-dev>")


if __name__ == "__main__":
    unittest.main()
