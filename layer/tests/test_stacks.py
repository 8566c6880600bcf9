"""What the templates say, translated and evaluated, against what is written down in ``expected/``, property by property.

No stand-in for AWS is a proof of this: moto forgets layers, architectures and the TTL without a word.
``UPDATE_EXPECTED=1`` writes the files anew; read the diff.
"""

import json
import os
import re
import unittest
from pathlib import Path

from delivery.evaluation import Evaluation
from delivery.layers import WRAPPER
from delivery.publishing import layer_properties
from delivery.templates import STACKS, Template
from delivery.translation import translated

EXPECTED = Path(__file__).with_name("expected")
# What is part of the layer, and who attaches it.
FOLDERS = (STACKS, Path(__file__).resolve().parents[2] / "functions/stacks")


def evaluated(name, **given):
    (path,) = (found for folder in FOLDERS for found in folder.glob(f"{name}.yaml"))
    template = Template.read(path)
    return Evaluation(translated(template.document, given), given)


def written(evaluation):
    return {"Resources": evaluation.resources, "Exports": evaluation.exports}


class EachProperty(unittest.TestCase):
    maxDiff = None

    def test_is_as_written_down(self):
        parameters = {
            "artifacts": {},
            "extension-layer": {"X86Key": "layers/1/x86.zip", "ArmKey": "layers/2/arm.zip", "Version": "1.2.3"},
            "long-content": {},
            "function": {"Architecture": "x86_64"},
            "document-splitter": {"Architecture": "x86_64"},
            "spec3-mcp": {"Architecture": "x86_64", "LongContent": "true"},
            "spec3": {"Architecture": "x86_64", "LongContent": "true"},
            "shared-infrastructure": {},
            "agent-registry": {"Architecture": "x86_64"},
            "gateway-registry": {"Architecture": "x86_64", "ReconcileExpression": "rate(15 minutes)"},
            "shared-llm": {"Architecture": "x86_64", "BedrockModelArns": "arn:model"},
            "functions": {"Architecture": "x86_64", "NtfyUrl": "https://ntfy.sh/topic"},
            "tools": {"Architecture": "x86_64"},
            "agent": {"EnableXRay": "true"},
            "messaging": {"AlarmEmail": "ops@example.com"},
            "operations": {"WarmUpExpression": "rate(5 minutes)"},
            "sentence-counter": {"Architecture": "x86_64"},
            "word-counter": {"Architecture": "x86_64"},
        }
        self.assertEqual(sorted(parameters), sorted(path.stem for folder in FOLDERS for path in folder.glob("*.yaml")))
        for name, given in parameters.items():
            with self.subTest(name):
                said = json.dumps(written(evaluated(name, Stage="dev", **given)), indent=2, sort_keys=True) + "\n"
                path = EXPECTED / f"{name}.dev.json"
                if os.environ.get("UPDATE_EXPECTED"):
                    path.write_text(said)
                self.assertEqual(said, path.read_text())


class ExtensionLayers(unittest.TestCase):
    def test_s0_07_one_layer_for_each_architecture(self):
        layers = evaluated("extension-layer", Stage="dev").of_type("AWS::Lambda::LayerVersion").values()
        self.assertEqual([layer["Properties"]["CompatibleArchitectures"] for layer in layers], [["x86_64"], ["arm64"]])

    def test_s0_07_publishing_by_hand_makes_the_same_layer(self):
        self.assertEqual(layer_properties("arm64", "dev")["LayerName"], "lrap-arm64-dev")
        self.assertEqual(layer_properties("arm64", "dev")["CompatibleArchitectures"], ["arm64"])

    def test_as_many_runtimes_as_lambda_allows(self):
        self.assertLessEqual(len(layer_properties("arm64", "dev")["CompatibleRuntimes"]), 15)


class LongContent(unittest.TestCase):
    def test_s0_08_both_layers_are_imported_and_exported_again(self):
        evaluation = evaluated("long-content", Stage="dev")
        self.assertEqual(
            evaluation.imports, {"SharedProxyLayerX86ExtensionBuild-dev", "SharedProxyLayerArmExtensionBuild-dev"}
        )
        for which in ("X86", "Arm"):
            self.assertEqual(
                evaluation.exports[f"SharedProxyLayer{which}LongContent-dev"], f"<{which}LayerParameter.Value>"
            )
            value = evaluation.resources[f"{which}LayerParameter"]["Properties"]["Value"]
            self.assertEqual(value, f"<import SharedProxyLayer{which}ExtensionBuild-dev>")

    def test_s0_08_layers_that_are_held_are_not_imported(self):
        evaluation = evaluated("long-content", Stage="dev", HeldX86Layer="arn:1", HeldArmLayer="arn:2")
        self.assertEqual(evaluation.imports, set())
        self.assertEqual(evaluation.resources["ArmLayerParameter"]["Properties"]["Value"], "arn:2")

    def test_s0_09_the_table_and_its_arn_are_exported(self):
        exports = evaluated("long-content", Stage="prod").exports
        self.assertEqual(exports["SharedContentTableLongContent-prod"], "<ContentTable>")
        self.assertEqual(exports["SharedContentTableArnLongContent-prod"], "<ContentTable.Arn>")

    def test_s0_22_readers_and_writers_may_do_what_the_extension_does(self):
        resources = evaluated("long-content", Stage="dev").resources
        for name, actions in (
            ("ReadPolicy", "dynamodb:BatchGetItem"),
            ("WritePolicy", ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:PutItem"]),
        ):
            (statement,) = resources[name]["Properties"]["PolicyDocument"]["Statement"]
            self.assertEqual((statement["Action"], statement["Resource"]), (actions, "<ContentTable.Arn>"))

    def test_s0_22_with_a_key_of_ones_own_both_may_decrypt_through_the_table(self):
        resources = evaluated("long-content", Stage="dev", KmsKeyArn="arn:key").resources
        self.assertEqual(resources["ContentTable"]["Properties"]["SSESpecification"]["KMSMasterKeyId"], "arn:key")
        for name in ("ReadPolicy", "WritePolicy"):
            statement = resources[name]["Properties"]["PolicyDocument"]["Statement"][1]
            self.assertEqual((statement["Action"], statement["Resource"]), ("kms:Decrypt", "arn:key"))
            self.assertEqual(
                statement["Condition"]["StringEquals"]["kms:ViaService"], "dynamodb.eu-central-1.amazonaws.com"
            )

    def test_s0_25_only_development_deletes(self):
        for stage, deleted, replaced, protected in (
            ("dev", "Delete", "Delete", False),
            ("prod", "RetainExceptOnCreate", "Retain", True),
        ):
            table = evaluated("long-content", Stage=stage).resources["ContentTable"]
            self.assertEqual((table["DeletionPolicy"], table["UpdateReplacePolicy"]), (deleted, replaced))
            self.assertEqual(table["Properties"]["DeletionProtectionEnabled"], protected)
        layers = evaluated("extension-layer", Stage="prod").of_type("AWS::Lambda::LayerVersion").values()
        self.assertEqual({layer["DeletionPolicy"] for layer in layers}, {"Retain"})


class Alarms(unittest.TestCase):
    METRICS = Path(__file__).resolve().parents[2] / "extension/src/metrics.rs"

    def alarms(self, **given):
        found = evaluated("long-content", Stage="dev", **given).of_type("AWS::CloudWatch::Alarm").values()
        return [alarm["Properties"] for alarm in found]

    def test_are_on_metrics_that_the_extension_writes(self):
        source = self.METRICS.read_text()
        names = {alarm["MetricName"] for alarm in self.alarms() if alarm.get("Namespace") == "LongContent"}
        self.assertEqual(names, {"Failures", "Refusals", "Fallbacks", "KeptReferences", "NotFound", "StoreTime"})
        # A filter of each function's log makes that one.
        self.assertEqual([name for name in names - {"NotFound"} if f'"{name}"' not in source], [])
        self.assertIn('NAMESPACE: &str = "LongContent"', source)

    def test_contents_that_are_not_found_are_counted_by_a_filter_of_each_log(self):
        errors = (self.METRICS.parent / "error.rs").read_text()
        for name in ("function", "document-splitter", "spec3-mcp", "shared-llm", "tools"):
            (counted,) = evaluated(name, Stage="dev").of_type("AWS::Logs::MetricFilter").values()
            pattern = re.fullmatch(r'{ \$\.error_type = "(.*)" }', counted["Properties"]["FilterPattern"])
            prefix, _, error = pattern[1].partition(".")
            self.assertIn(f'"{prefix}.{{}}"', errors)
            self.assertIn(f'Self::{error} => "{error}"', errors)
            (metric,) = counted["Properties"]["MetricTransformations"]
            self.assertEqual((metric["MetricNamespace"], metric["MetricName"]), ("LongContent", "NotFound"))

    def test_take_silence_for_good_news(self):
        self.assertEqual({alarm["TreatMissingData"] for alarm in self.alarms()}, {"notBreaching"})

    def test_go_to_the_topic_of_the_stage_or_to_another(self):
        name = evaluated("messaging", Stage="dev").resources["AlarmsTopic"]["Properties"]["TopicName"]
        own = f"arn:aws:sns:eu-central-1:123456789012:{name}"
        self.assertTrue(all(alarm["AlarmActions"] == [own] for alarm in self.alarms()))
        self.assertTrue(all(alarm["AlarmActions"] == ["arn:topic"] for alarm in self.alarms(AlarmTopicArn="arn:topic")))

    def test_can_be_left_to_another_stage(self):
        self.assertEqual(self.alarms(Alarms="false"), [])


class Function(unittest.TestCase):
    def properties(self, **given):
        return evaluated("function", Stage="dev", **{"Architecture": "arm64", **given}).resources["Function"][
            "Properties"
        ]

    def test_the_architecture_is_chosen_once(self):
        for architecture in ("arm64", "x86_64"):
            properties = self.properties(Architecture=architecture)
            self.assertEqual(properties["Architectures"], [architecture])
            self.assertEqual(properties["Layers"], [f"{{{{resolve:ssm:/long-content/dev/layer/{architecture}}}}}"])

    def test_s0_10_s0_22_has_layer_and_permissions(self):
        role = evaluated("function", Stage="dev", Architecture="arm64").resources["FunctionRole"]["Properties"]
        policies = [f"<import SharedContent{direction}PolicyArnLongContent-dev>" for direction in ("Read", "Write")]
        self.assertEqual(role["ManagedPolicyArns"][1:], policies)

    def test_s0_11_s0_12_s0_13_h6_has_its_variables(self):
        self.assertEqual(
            self.properties(MaxContentSize="9000")["Environment"]["Variables"],
            {
                "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
                "AGENT_CONTEXT_TABLE": "<import SharedContentTableLongContent-dev>",
                "MAX_CONTENT_SIZE": "9000",
                "LRAP_CONTENT_TTL": 86400,
                "LRAP_LOG": "info",
                "LRAP_HYDRATE": "always",
                "LRAP_OFFLOAD": "always",
            },
        )

    def test_s0_17_imports_by_export(self):
        self.assertEqual(
            evaluated("function", Stage="dev", Architecture="arm64").imports,
            {
                "SharedContentTableLongContent-dev",
                "SharedContentReadPolicyArnLongContent-dev",
                "SharedContentWritePolicyArnLongContent-dev",
            },
        )

    def test_s0_19_the_layer_comes_after_a_base_layer(self):
        self.assertEqual(self.properties(BaseLayerArn="arn:base")["Layers"][0], "arn:base")
