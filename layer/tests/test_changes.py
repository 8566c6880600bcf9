"""What a change set is read as: one line for each resource, with what changes of it and why, and without a value."""

import unittest

from botocore.exceptions import WaiterError

from delivery import Refusal
from delivery.changes import described, propose
from tests.test_preflight import Scripted


def resource(action, replacement=None, details=(), **rest):
    change = {"Action": action, "LogicalResourceId": "One", "ResourceType": "AWS::SQS::Queue", "Details": list(details), **rest}
    return {"ResourceChange": {**change, **({"Replacement": replacement} if replacement else {})}}


def detail(name, source, entity=None):
    cause = {"CausingEntity": entity} if entity else {}
    return {"Target": {"Attribute": "Properties", "Name": name}, "ChangeSource": source, **cause}


class Lines(unittest.TestCase):
    def line(self, *change, **rest):
        (line,) = described([resource(*change, **rest)])
        return line.strip()

    def test_say_what_becomes_of_a_resource(self):
        for said, change in (
            ("added", ("Add",)),
            ("removed", ("Remove",)),
            ("changed", ("Modify", "False")),
            ("replaced", ("Modify", "True")),
            ("replaced, perhaps", ("Modify", "Conditional")),
            ("imported", ("Import",)),
        ):
            self.assertRegex(self.line(*change), rf"^{said} +One \(AWS::SQS::Queue\)$")

    def test_say_that_what_is_removed_stays_if_its_policy_says_so(self):
        self.assertRegex(self.line("Remove", PolicyAction="Retain"), "^removed, but kept ")

    def test_say_which_property_changes_and_why(self):
        details = [
            detail("Code", "DirectModification"),
            detail("Layers", "DirectModification"),
            detail("Layers", "ParameterReference", "Layer"),
            detail("Role", "ResourceAttribute", "TheRole.Arn"),
        ]
        said = "Code changes by the template; Layers changes by parameter Layer; Role changes by TheRole"
        self.assertTrue(self.line("Modify", "False", details).endswith(f": {said}"))

    def test_name_an_attribute_that_is_no_property(self):
        tags = {"Target": {"Attribute": "Tags"}, "ChangeSource": "DirectModification"}
        self.assertIn("Tags changes by the template", self.line("Modify", "False", [tags]))

    def test_never_say_a_value(self):
        values = {"BeforeValue": "correct horse", "AfterValue": "battery staple"}
        change = {"Target": {"Attribute": "Properties", "Name": "Environment", **values}, "ChangeSource": "DirectModification"}
        self.assertNotRegex(self.line("Modify", "False", [change]), "horse|staple")


class Proposing(unittest.TestCase):
    def propose(self, reason):
        account = Scripted(
            wait=WaiterError("change_set_create_complete", "failed", {}), describe_change_set={"StatusReason": reason}
        )
        account.change = lambda service, operation, **parameters: account.answer(operation, parameters)
        return propose(account, {"StackName": "s"}), [operation for operation, _ in account.asked]

    def test_a_change_set_without_changes_is_deleted_and_no_error(self):
        for reason in ("The submitted information didn't contain changes. Submit…", "No updates are to be performed."):
            (_, changes), asked = self.propose(reason)
            self.assertEqual(changes, [])
            self.assertEqual(asked[-1], "delete_change_set")

    def test_one_that_fails_for_another_reason_is_refused_with_that_reason(self):
        with self.assertRaisesRegex(Refusal, "s: CloudFormation cannot tell what would change: No export named X found"):
            self.propose("No export named X found")
