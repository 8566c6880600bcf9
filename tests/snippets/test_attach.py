"""The examples of docs/attach that need their own tool to be read: CDK apps are synthesised, Terraform is parsed. `make snippets`."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import hcl2

ATTACH = Path(__file__).resolve().parents[2] / "docs/attach"
# The folder with node_modules.
NODE = Path(os.environ["LRAP_SNIPPETS_NODE"])
WRAPPER = "/opt/extensions/lrap-wrapper/wrapper"
TABLE = "SharedContentTableLongContent-dev"
POLICIES = ["SharedContentReadPolicyArnLongContent-dev", "SharedContentWritePolicyArnLongContent-dev"]
MODES = {"LRAP_HYDRATE": "always", "LRAP_OFFLOAD": "always"}
LAYER = "/long-content/dev/layer/arm64"


def run(*command, **options):
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if ran.returncode:
        raise AssertionError(f"{command[0]} failed:\n{ran.stdout}")


class Cdk(unittest.TestCase):
    """The template that an app makes is that of docs/attach/cloudformation.yaml, in other words."""

    def synthesised(self, *command, **variables):
        with tempfile.TemporaryDirectory() as folder:
            run(*command, env={**os.environ, "CDK_OUTDIR": folder, "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", **variables})
            return json.loads((Path(folder) / "LongContentExample.template.json").read_text())

    def assert_attaches(self, template):
        of_type = {
            kind: [one["Properties"] for one in template["Resources"].values() if one["Type"] == kind]
            for kind in ("AWS::Lambda::Function", "AWS::IAM::Role")
        }
        (function,), (role,) = of_type.values()
        (layer,) = function["Layers"]
        self.assertEqual(template["Parameters"][layer["Ref"]]["Default"], LAYER)
        self.assertEqual(
            function["Environment"]["Variables"],
            {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "AGENT_CONTEXT_TABLE": {"Fn::ImportValue": TABLE}, **MODES},
        )
        self.assertEqual(function["Architectures"], ["arm64"])
        self.assertEqual(role["ManagedPolicyArns"][-2:], [{"Fn::ImportValue": name} for name in POLICIES])

    def test_the_app_in_python_attaches_the_layer(self):
        self.assert_attaches(self.synthesised(sys.executable, str(ATTACH / "cdk/app.py")))

    def test_the_app_in_typescript_attaches_the_layer(self):
        with tempfile.TemporaryDirectory() as folder:
            # Beside its modules, as in a project.
            (Path(folder) / "node_modules").symlink_to(NODE / "node_modules")
            source = Path(folder) / "app.ts"
            source.write_bytes((ATTACH / "cdk/app.ts").read_bytes())
            compiler = NODE / "node_modules/typescript/bin/tsc"
            options = ("--strict", "--skipLibCheck", "--target", "es2022", "--module", "commonjs")
            run("node", str(compiler), *options, str(source))
            self.assert_attaches(self.synthesised("node", str(source.with_suffix(".js"))))


class Terraform(unittest.TestCase):
    def setUp(self):
        with (ATTACH / "terraform/main.tf").open() as file:
            self.parsed = hcl2.load(file)

    def blocks(self, kind):
        """`type.name` and body of each block of a kind."""
        return {
            f"{unquoted(of)}.{unquoted(name)}": body
            for block in self.parsed[kind]
            for of, named in block.items()
            for name, body in named.items()
        }

    def test_the_function_has_the_layer_and_both_variables(self):
        function = self.blocks("resource")["aws_lambda_function.function"]
        self.assertEqual(function["layers"], ["${data.aws_ssm_parameter.layer.value}"])
        (environment,) = function["environment"]
        self.assertEqual(
            {name: unquoted(value) for name, value in environment["variables"].items()},
            {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "AGENT_CONTEXT_TABLE": "${data.aws_cloudformation_export.table.value}", **MODES},
        )

    def test_what_is_looked_up_is_what_the_stacks_export(self):
        names = {name: unquoted(body["name"]).replace("${var.stage}", "dev") for name, body in self.blocks("data").items()}
        self.assertEqual(
            names,
            {
                "aws_ssm_parameter.layer": LAYER,
                "aws_cloudformation_export.table": TABLE,
                "aws_cloudformation_export.read_policy": POLICIES[0],
                "aws_cloudformation_export.write_policy": POLICIES[1],
            },
        )


def unquoted(text):
    """The parser keeps quotation marks, in some versions."""
    return text.strip('"')


if __name__ == "__main__":
    unittest.main()
