"""What is sent of a template: without transforms, with the places of its files, and with the definition of its state machine."""

import json
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

from samtranslator.yaml_helper import yaml_parse

from delivery import Refusal
from delivery.packaging import LONGEST_BODY, Bucket, Package, package
from delivery.stacks import Stack
from delivery.templates import FOLDERS, Template
from delivery.deployment import _parameters

STAGE = {"Stage": "dev"}


class Packages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        generated = mock.patch("delivery.packaging.GENERATED", self.folder)
        generated.start()
        self.addCleanup(generated.stop)
        for name in ("spec3-mcp", "document-splitter"):
            with zipfile.ZipFile(self.folder / f"{name}.zip", "w") as archive:
                archive.writestr("code", name)
        self.bucket = Bucket("bucket", "eu-central-1", self.folder)

    def package(self, name, **given):
        return package(Template.read(FOLDERS["functions"] / f"{name}.yaml"), {**STAGE, **given}, self.bucket)

    def test_a_zip_is_named_by_the_hash_of_its_content(self):
        first = self.package("document-splitter")
        (artifact,) = first.artifacts
        code = json.loads(first.body)["Resources"]["Function"]["Properties"]["Code"]
        self.assertEqual(code, {"S3Bucket": "bucket", "S3Key": artifact.key})
        with zipfile.ZipFile(self.folder / "document-splitter.zip", "w") as archive:
            archive.writestr("code", "changed")
        self.assertNotEqual(self.package("document-splitter").artifacts[0].key, artifact.key)

    def test_a_file_that_is_no_zip_is_refused_with_the_verb_that_makes_it(self):
        (self.folder / "document-splitter.zip").write_text("no zip")
        with self.assertRaisesRegex(Refusal, "is not a zip: `make package-node-consumer` makes a new one"):
            self.package("document-splitter")

    def test_no_transform_is_left_and_policies_of_deletion_are_written_out(self):
        for stage, policy in (("dev", "Delete"), ("local", "Delete"), ("prod", "RetainExceptOnCreate")):
            document = json.loads(self.package("shared-infrastructure", Stage=stage).body)
            self.assertNotIn("Transform", document)
            self.assertEqual(document["Resources"]["ToolRegistry"]["DeletionPolicy"], policy)

    def test_a_state_machine_has_its_definition_and_what_is_put_into_it(self):
        agent = json.loads(self.package("agent").body)["Resources"]["StateMachine"]["Properties"]
        text, substitutions = agent["DefinitionString"]["Fn::Sub"]
        self.assertIn("States", json.loads(text))
        self.assertIn("AgentName", substitutions)
        self.assertFalse({"DefinitionS3Location", "DefinitionSubstitutions"} & agent.keys())

    def test_a_nested_template_is_uploaded_after_its_zip_and_named_by_its_address(self):
        whole = self.package("spec3")
        zipped, template = whole.artifacts
        self.assertEqual(zipped.path.name, "spec3-mcp.zip")
        nested = json.loads(whole.body)["Resources"]["LambdaStack"]["Properties"]["TemplateURL"]
        self.assertEqual(nested, f"https://s3.eu-central-1.amazonaws.com/bucket/{template.key}")
        self.assertEqual(json.loads(template.content), json.loads(template.path.read_text()))

    def test_a_template_is_long_when_a_call_could_not_take_it(self):
        self.assertFalse(Package("x" * LONGEST_BODY).is_long)
        self.assertTrue(Package("ä" * (LONGEST_BODY // 2 + 1)).is_long)


class Parameters(unittest.TestCase):
    def stack(self, present, own=None):
        text = "Parameters: {Stage: {Type: String}, Secret: {Type: String, NoEcho: true}, Size: {Type: Number, Default: 5}}"
        described = {"Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in present.items()]}
        return Stack(Template(Path("t.yaml"), yaml_parse(text)), "dev", described, own or {})

    def sent(self, stack, **given):
        return {each.pop("ParameterKey"): each for each in _parameters(stack, given)}

    def test_what_cloudformation_hides_it_is_told_to_keep(self):
        sent = self.sent(self.stack({"Secret": "****", "Size": "7"}))
        self.assertEqual(sent["Secret"], {"UsePreviousValue": True})
        self.assertEqual(sent["Size"], {"ParameterValue": "7"})
        self.assertEqual(self.sent(self.stack({"Secret": "****"}), Secret="new")["Secret"], {"ParameterValue": "new"})

    def test_what_is_given_comes_before_the_stacks_own_before_what_was_before_the_default(self):
        for expected, present, own, given in (
            ("5", {}, {}, {}),
            ("6", {"Size": "6"}, {}, {}),
            ("7", {"Size": "6"}, {"Size": "7"}, {}),
            ("8", {"Size": "6"}, {"Size": "7"}, {"Size": "8"}),
        ):
            sent = self.sent(self.stack({"Secret": "x", **present}, own), **given)
            self.assertEqual(sent["Size"], {"ParameterValue": expected})


if __name__ == "__main__":
    unittest.main()
