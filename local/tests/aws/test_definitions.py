"""Definitions of state machines that the service would refuse are refused when they are made or changed, with the place of each mistake."""

import json

from botocore.exceptions import ClientError

from tests.aws import ROLE, OnAws

PASS = {"Type": "Pass", "End": True}


def machine(**states):
    return {"StartAt": next(iter(states)), "States": states}


# By what is said of it.
REFUSED = {
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Next": machine(A={"Type": "Pass", "Next": "B"}),
    "MISSING_TRANSITION_TARGET: Missing 'StartAt' target: B at /StartAt": {"StartAt": "B", "States": {"A": PASS}},
    "MISSING_TRANSITION_TARGET: Missing 'Default' target: B at /States/A/Default": machine(
        A={"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "C"}], "Default": "B"}, C=PASS
    ),
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: B at /States/A/Catch[0]/Next": machine(
        A={"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "B"}], "End": True}
    ),
    "MISSING_TRANSITION_TARGET: Missing 'Next' target: C at /States/A/Branches[0]/States/B/Next": machine(
        A={"Type": "Parallel", "End": True, "Branches": [machine(B={"Type": "Pass", "Next": "C"})]}
    ),
    "SCHEMA_VALIDATION_FAILED: A state of type Pass has either Next or End: true at /States/A": machine(A={"Type": "Pass"}),
    "SCHEMA_VALIDATION_FAILED: No state leads to it at /States/B": machine(A=PASS, B=PASS),
    "SCHEMA_VALIDATION_FAILED: Type is Tusk, and none of Task, Parallel, Map, Pass, Wait, Choice, Succeed, Fail at /States/A/Type": machine(
        A={"Type": "Tusk", "End": True}
    ),
    "DUPLICATE_STATE_NAME: A at /States/A and /States/A/ItemProcessor/States/A": machine(
        A={"Type": "Map", "End": True, "ItemProcessor": machine(A=PASS)}
    ),
    "UNSUPPORTED_QUERY_LANGUAGE: JSONata cannot be run on this machine, JSONPath can, at /QueryLanguage": {**machine(A=PASS), "QueryLanguage": "JSONata"},
    "UNSUPPORTED_QUERY_LANGUAGE: JSONata cannot be run on this machine, JSONPath can, at /States/A/QueryLanguage": machine(
        A={**PASS, "QueryLanguage": "JSONata"}
    ),
}


class Definitions(OnAws):
    def create(self, name, definition):
        return self.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE)

    def test_each_mistake_is_refused_with_its_place(self):
        for said, definition in REFUSED.items():
            with self.subTest(said), self.assertRaises(ClientError) as refused:
                self.create("mistaken", json.dumps(definition))
            error = refused.exception.response["Error"]
            self.assertEqual((error["Code"], error["Message"]), ("InvalidDefinition", f"Invalid State Machine Definition: '{said}'"))
        self.assertEqual(self.client("stepfunctions").list_state_machines()["stateMachines"], [])

    def test_all_mistakes_are_said_at_once(self):
        definition = machine(A={"Type": "Choice", "Choices": [{"Next": "X"}, {"Next": "Y"}]})
        with self.assertRaisesRegex(ClientError, r"target: X at /States/A/Choices\[0\]/Next'.*target: Y at /States/A/Choices\[1\]/Next'"):
            self.create("mistaken", json.dumps(definition))

    def test_what_is_no_json_is_refused_with_the_line(self):
        with self.assertRaisesRegex(ClientError, "InvalidDefinition.*INVALID_JSON_DESCRIPTION: .*line 2 column 1"):
            self.create("mistaken", '{"StartAt": "A",\n}')

    def test_a_change_is_checked_too(self):
        client = self.client("stepfunctions")
        arn = self.create("changed", json.dumps(machine(A=PASS)))["stateMachineArn"]
        with self.assertRaisesRegex(ClientError, "InvalidDefinition.*target: B"):
            client.update_state_machine(stateMachineArn=arn, definition=json.dumps(machine(A={"Type": "Pass", "Next": "B"})))
        self.assertEqual(json.loads(client.describe_state_machine(stateMachineArn=arn)["definition"]), machine(A=PASS))
        client.delete_state_machine(stateMachineArn=arn)
