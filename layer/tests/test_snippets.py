"""The examples of docs/attach: each gives its function the layer, the variables and the policies; and the table of runtimes is whole."""

import re
import unittest

import yaml
from boto3 import Session

from delivery.evaluation import Evaluation
from delivery.layers import WRAPPER
from delivery.publishing import layer_properties
from delivery.templates import Template
from delivery.translation import translated
from tests.aws import REPOSITORY

ATTACH = REPOSITORY / "docs/attach"
PAGE = (ATTACH / "README.md").read_text()
TABLE = "SharedContentTableLongContent-"
MODES = {"LRAP_HYDRATE": "always", "LRAP_OFFLOAD": "always"}
POLICIES = ("SharedContentReadPolicyArnLongContent-", "SharedContentWritePolicyArnLongContent-")
# What Lambda no longer runs, runs at the edge, or has no name of a language.
GONE = re.compile(
    r"nodejs(\d\.\d+|[48]\.10|1[0246]\.x|4\.3-edge|6\.10)?|java8|python(2\.7|3\.[678])|dotnetcore.*|go1\.x|ruby2\.\d|provided|custom"
)


def evaluated(name):
    template = Template.read(ATTACH / name)
    given = {"Stage": "dev"}
    return Evaluation(translated(template.document, given), given)


class Templates(unittest.TestCase):
    def test_give_their_function_layer_variables_and_policies(self):
        for name in ("sam.yaml", "cloudformation.yaml"):
            with self.subTest(name):
                resources = evaluated(name)
                (function,) = resources.of_type("AWS::Lambda::Function").values()
                self.assertEqual(function["Properties"]["Layers"], ["{{resolve:ssm:/long-content/dev/layer/arm64}}"])
                self.assertEqual(
                    function["Properties"]["Environment"]["Variables"],
                    {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "AGENT_CONTEXT_TABLE": f"<import {TABLE}dev>", **MODES},
                )
                (role,) = resources.of_type("AWS::IAM::Role").values()
                self.assertEqual(role["Properties"]["ManagedPolicyArns"][-2:], [f"<import {name}dev>" for name in POLICIES])

    def test_each_language_has_a_function_with_all_of_it(self):
        resources = evaluated("languages.yaml")
        functions = [function["Properties"] for function in resources.of_type("AWS::Lambda::Function").values()]
        runtimes = {re.match(r"[a-z]+", function["Runtime"])[0] for function in functions}
        self.assertEqual(runtimes, {"python", "nodejs", "java", "dotnet", "ruby", "provided"})
        for function in functions:
            with self.subTest(function["Runtime"]):
                self.assertIn(function["Runtime"], known())
                self.assertEqual(function["Layers"], ["{{resolve:ssm:/long-content/dev/layer/arm64}}"])
                self.assertEqual(function["Environment"]["Variables"]["AWS_LAMBDA_EXEC_WRAPPER"], WRAPPER)
                self.assertEqual(function["Environment"]["Variables"]["AGENT_CONTEXT_TABLE"], f"<import {TABLE}dev>")
        for role in resources.of_type("AWS::IAM::Role").values():
            self.assertEqual(role["Properties"]["ManagedPolicyArns"][-2:], [f"<import {name}dev>" for name in POLICIES])

    def test_the_bootstrap_is_the_one_of_the_layers_page(self):
        self.assertIn((ATTACH / "bootstrap").read_text(), (REPOSITORY / "layer/README.md").read_text())
        self.assertTrue((ATTACH / "bootstrap").stat().st_mode & 0o100)

    def test_serverless_does(self):
        parsed = yaml.safe_load((ATTACH / "serverless.yml").read_text())
        provider = parsed["provider"]
        self.assertEqual(
            provider["environment"],
            {
                "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
                "AGENT_CONTEXT_TABLE": {"Fn::ImportValue": TABLE + "${sls:stage}"},
                **MODES,
            },
        )
        imported = [{"Fn::ImportValue": name + "${sls:stage}"} for name in POLICIES]
        self.assertEqual(provider["iam"]["role"]["managedPolicies"], imported)
        self.assertEqual(
            [function["layers"] for function in parsed["functions"].values()],
            [["${ssm:/long-content/${sls:stage}/layer/arm64}"]],
        )


class Names(unittest.TestCase):
    """In every file, also those that nothing here can parse."""

    FILES = [path for path in ATTACH.rglob("*") if path.suffix in (".yaml", ".yml", ".ts", ".py", ".tf") and path.parent.name != "src"]

    def test_every_file_names_wrapper_table_layer_and_policies(self):
        self.assertGreaterEqual(len(self.FILES), 7)
        for path in self.FILES:
            with self.subTest(path.name):
                text = path.read_text()
                for name in (WRAPPER, "AGENT_CONTEXT_TABLE", TABLE.rstrip("-"), *MODES):
                    self.assertIn(name, text)
                self.assertRegex(text, r"/long-content/\$\{?[^/]*\}/layer/arm64|/long-content/\{stage\}/layer/arm64")
                self.assertRegex(text, r"SharedContent(Read|\$?\{what\})PolicyArnLongContent")

    def test_the_page_lists_every_file(self):
        for path in self.FILES:
            self.assertIn(f"]({path.relative_to(ATTACH)})", PAGE)

    def test_runtimes_of_the_examples_are_lambdas(self):
        for path in self.FILES:
            for runtime in re.findall(r"""[Rr]untime\W+["']?((?:python|nodejs)[\d.x]+)""", path.read_text()):
                with self.subTest(path.name):
                    self.assertIn(runtime, known())


def known():
    """The runtimes that the SDK knows."""
    return Session(region_name="us-east-1").client("lambda").meta.service_model.shape_for("Runtime").enum


class Runtimes(unittest.TestCase):
    def listed(self):
        """What the page lists; `a` to `b` are all between."""
        cells = re.findall(r"^\| [^|]+ \| (`[^|]+) \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
        for cell in cells:
            names = re.findall(r"`([^`]+)`", cell)
            if " to " in cell:
                family = re.match(r"[a-z]+", names[0])[0]
                first, last = (version(name) for name in names)
                yield from (name for name in known() if name.startswith(family) and first <= version(name) <= last)
            else:
                yield from names

    def test_the_page_lists_what_lambda_runs(self):
        current = {name for name in known() if not GONE.fullmatch(name)}
        self.assertEqual(set(self.listed()), current)

    def test_the_layer_says_that_it_fits_runtimes_that_lambda_runs(self):
        compatible = layer_properties("arm64", "dev")["CompatibleRuntimes"]
        self.assertEqual([name for name in compatible if name not in known() or GONE.fullmatch(name)], [])
        # No more are accepted.
        self.assertLessEqual(len(compatible), 15)
        for name in ("python3.14", "nodejs24.x", "java25", "dotnet10", "ruby3.4", "provided.al2023"):
            self.assertIn(name, compatible)


def version(name):
    return tuple(int(number) for number in re.findall(r"\d+", name))
