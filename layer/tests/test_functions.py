"""The functions of the repository that have templates: what is configured is what is there, and the layer is attached to it."""

import unittest

from delivery.layers import WRAPPER
from delivery.publishing import layer_properties
from delivery.templates import Template
from tests.aws import REPOSITORY
from tests.test_stacks import evaluated

LAYER = "{{resolve:ssm:/long-content/dev/layer/arm64}}"
POLICIES = [f"<import SharedContent{direction}PolicyArnLongContent-dev>" for direction in ("Read", "Write")]
BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def properties(template, resource, **given):
    found = evaluated(template, Stage="dev", **{"Architecture": "arm64", **given}).resources[resource]
    return found["Properties"]


class AttachesTheLayer(unittest.TestCase):
    FUNCTIONS = (
        ("spec3-mcp", "PythonExampleFunction", "LambdaExecutionRole", {"LongContent": "true"}),
        ("document-splitter", "Function", "FunctionRole", {}),
    )

    def test_with_its_variables_and_permissions(self):
        for template, function, role, given in self.FUNCTIONS:
            with self.subTest(template):
                attached = properties(template, function, **given)
                variables = attached["Environment"]["Variables"]
                self.assertEqual(attached["Layers"], [LAYER])
                self.assertEqual(variables["AWS_LAMBDA_EXEC_WRAPPER"], WRAPPER)
                self.assertEqual(variables["AGENT_CONTEXT_TABLE"], "<import SharedContentTableLongContent-dev>")
                self.assertEqual(properties(template, role, **given)["ManagedPolicyArns"][1:], POLICIES)

    def test_runs_what_the_layer_is_for(self):
        compatible = layer_properties("arm64", "dev")["CompatibleRuntimes"]
        for template, function, _, given in self.FUNCTIONS:
            self.assertIn(properties(template, function, **given)["Runtime"], compatible)
        self.assertIn(properties("document-splitter", "Function", Runtime="nodejs24.x")["Runtime"], compatible)

    def test_the_code_is_what_make_packages(self):
        makefile = (REPOSITORY / "Makefile").read_text()
        for template, function, _, given in self.FUNCTIONS:
            key = properties(template, function, **given)["Code"]["S3Key"]
            self.assertEqual(key, f"target/functions/{template}.zip")
            self.assertIn(f",functions/{template})", makefile)

    def test_the_handler_is_in_the_source(self):
        for template, function, extension, named in (
            ("spec3-mcp", "PythonExampleFunction", "py", "def {}(event, context)"),
            ("document-splitter", "Function", "mjs", "export async function {}(event)"),
        ):
            module, _, name = properties(template, function, LongContent="true")["Handler"].rpartition(".")
            source = REPOSITORY / f"functions/{template}/src" / f"{module.replace('.', '/')}.{extension}"
            self.assertIn(named.format(name), source.read_text())


class MainStack(unittest.TestCase):
    """The main stack only orchestrates: one nested stack, which gets the stage and everything else that it takes."""

    MAIN, INNER = (Template.read(REPOSITORY / f"functions/stacks/{name}.yaml") for name in ("spec3", "spec3-mcp"))

    def test_s3_01_has_the_lambda_stack_and_nothing_else(self):
        found = evaluated("spec3", Stage="staging").resources
        self.assertEqual(list(found), ["LambdaStack"])
        self.assertEqual(found["LambdaStack"]["Properties"]["TemplateURL"], "spec3-mcp.yaml")
        self.assertEqual(found["LambdaStack"]["Properties"]["Parameters"]["Stage"], "staging")

    def test_s3_02_the_stage_is_dev_unless_it_is_told_otherwise(self):
        self.assertEqual(self.MAIN.parameters["Stage"]["Default"], "dev")

    def test_s3_01_passes_on_all_that_the_lambda_stack_takes(self):
        passed = self.MAIN.document["Resources"]["LambdaStack"]["Properties"]["Parameters"]
        self.assertEqual(passed.keys(), self.INNER.parameters.keys())
        unlike = {name: value for name, value in passed.items() if value != {"Ref": name}}
        self.assertEqual(unlike, {name: {"Ref": f"{name}Name"} for name in ("Arm64Layer", "X86Layer")})

    def test_s3_10_says_name_and_arn_of_the_function(self):
        self.assertEqual(self.MAIN.document["Outputs"].keys(), self.INNER.document["Outputs"].keys())


class PythonConsumer(unittest.TestCase):
    def properties(self, resource="PythonExampleFunction", **given):
        return properties("spec3-mcp", resource, **{"LongContent": "false", **given})

    def test_s3_03_the_role_is_lambdas_and_may_write_a_log(self):
        role = self.properties("LambdaExecutionRole")
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(statement["Principal"], {"Service": "lambda.amazonaws.com"})
        self.assertEqual(role["ManagedPolicyArns"], [BASIC])
        self.assertNotIn("Policies", role)

    def test_s3_04_is_configured_so(self):
        function = self.properties()
        self.assertEqual(
            {name: function[name] for name in ("Runtime", "Handler", "Timeout", "MemorySize", "Environment", "Role")},
            {
                "Runtime": "python3.11",
                "Handler": "spec3_mcp_lambda.handlers.spec3_lambda.handler",
                "Timeout": 30,
                "MemorySize": 256,
                "Environment": {"Variables": {"STAGE": "dev"}},
                "Role": "<LambdaExecutionRole.Arn>",
            },
        )

    def test_s3_04_without_the_layer_it_has_none(self):
        self.assertFalse(self.properties().get("Layers"))

    def test_s3_05_its_log_is_where_lambda_puts_it_and_never_expires(self):
        name = self.properties()["FunctionName"]
        self.assertEqual(self.properties("Logs")["LogGroupName"], f"/aws/lambda/{name}")
        self.assertNotIn("RetentionInDays", self.properties("Logs"))
        self.assertEqual(self.properties("Logs", LogRetentionDays="7")["RetentionInDays"], "7")

    def test_s3_07_is_named_by_stage_and_kind(self):
        self.assertEqual(self.properties()["FunctionName"], "dev-lambda-spec3-mcp")


if __name__ == "__main__":
    unittest.main()
