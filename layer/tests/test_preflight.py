"""What no stand-in for AWS does: stacks that are busy or broken, roles and root, stacks that CloudFormation takes back."""

import unittest

from botocore.exceptions import ClientError, WaiterError

from delivery import Refusal, attachment
from delivery.deployment import _settle
from delivery.preflight import before_deploy, warnings
from delivery.simulation import CREATE, denied
from delivery.stacks import Stage
from delivery.templates import STACKS, deployed

USER = "arn:aws:iam::123456789012:user/somebody"
ROLE = "arn:aws:iam::123456789012:role/path/deployer"
NAMES = [template.stack_name("dev", {"AgentName": "document-agent"}) for template in deployed()]
GIVEN = {"X86Key": "x", "ArmKey": "a", "Version": "1"}


class Scripted:
    """An account that answers as it was told to, and else that there is nothing."""

    region = "eu-central-1"
    dry_run = False

    def __init__(self, **answers):
        self.answers = {"get_caller_identity": {"Account": "123456789012", "Arn": USER}, **answers}
        self.said = []
        self.asked = []

    def say(self, line):
        self.said.append(line)

    def read(self, _, operation, **parameters):
        return self.answer(operation, parameters)

    def find(self, _, operation, absent, **parameters):
        return self.answer(operation, parameters)

    def pages(self, _, operation, member, **parameters):
        return self.answer(operation, parameters) or []

    def wait(self, _, waiter, **parameters):
        self.answer("wait", parameters)

    def answer(self, operation, parameters):
        self.asked.append((operation, parameters))
        answer = self.answers.get(operation)
        if isinstance(answer, Exception):
            raise answer
        return answer(parameters) if callable(answer) else answer


def in_state(status):
    """Every stack is, and in one state."""
    return [{"StackName": name, "StackStatus": status} for name in NAMES]


class States(unittest.TestCase):
    def said(self, status):
        body = (STACKS / "extension-layer.yaml").read_text()
        account = Scripted(describe_stacks=in_state(status), get_template={"TemplateBody": body})
        return list(before_deploy(Stage(account, "dev"), GIVEN))

    def test_a_busy_stack_is_waited_for(self):
        self.assertIn(
            "stack busy: long-content-artifacts-dev is UPDATE_IN_PROGRESS: wait until it has ended",
            self.said("UPDATE_IN_PROGRESS"),
        )

    def test_a_stack_that_never_came_to_be_is_destroyed_first(self):
        for status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_FAILED"):
            said = f"stack broken: shared-long-content-dev is {status}, and takes no update: `make destroy STAGE=dev` removes it"
            self.assertIn(said, self.said(status))

    def test_a_stack_whose_update_could_not_be_taken_back_is_not_destroyed(self):
        said = " / ".join(self.said("UPDATE_ROLLBACK_FAILED"))
        self.assertIn("continue-update-rollback", said)
        self.assertNotIn("destroy", said)
        self.assertEqual(self.said("UPDATE_FAILED"), [])

    def test_a_stack_under_review_is_not_waited_for(self):
        self.assertIn("execute its change set", " / ".join(self.said("REVIEW_IN_PROGRESS")))

    def test_a_stack_that_is_well_is_not_named(self):
        self.assertEqual(self.said("UPDATE_ROLLBACK_COMPLETE"), [])

    def test_s0_24_an_import_that_nobody_exports_is_named(self):
        stage = Stage(Scripted(), "dev")
        stage.stacks = [stack for stack in stage.stacks if stack.template.name != "artifacts"]
        said = (
            "missing dependency: lambda-extension-layer-dev imports SharedArtifactBucketLongContent-dev, which no stack exports: "
            "add long-content-artifacts to ONLY="
        )
        self.assertIn(said, list(before_deploy(stage, GIVEN)))


class Only(unittest.TestCase):
    def called(self, *only):
        return [stack.called for stack in Stage(Scripted(), "dev", only).stacks]

    def test_a_word_names_a_stack_without_its_stage(self):
        self.assertEqual(self.called("functions"), ["functions"])
        self.assertEqual(self.called("messaging", "functions"), ["messaging", "functions"])

    def test_layer_names_all_stacks_of_the_layer(self):
        self.assertEqual(self.called("layer"), ["long-content-artifacts", "lambda-extension-layer", "shared-long-content"])

    def test_another_word_is_refused_with_those_that_there_are(self):
        with self.assertRaisesRegex(Refusal, "there is no stack no-such; ONLY= takes layer, long-content-artifacts, .*functions"):
            self.called("no-such")


class Warnings(unittest.TestCase):
    def test_an_api_without_credentials_is_warned_of(self):
        stage = Stage(Scripted(), "dev")
        said = "warning: functions-dev: with Open=true everyone can use its API, without credentials"
        self.assertIn(said, list(warnings(stage, {"Open": "true"})))
        self.assertNotIn(said, list(warnings(stage, {})))

    def test_what_is_off_because_a_parameter_is_empty_is_warned_of(self):
        stage = Stage(Scripted(), "dev", ["messaging", "functions"])
        empty = [
            "warning: messaging-dev: AlarmEmail is empty: alarms are mailed to no one",
            "warning: functions-dev: NtfyUrl is empty: no notification is sent, and the queue keeps them for four days",
        ]
        self.assertEqual(list(warnings(stage, {})), empty)
        given = {"AlarmEmail": "operations@example.com", "NtfyUrl": "https://ntfy.sh/topic"}
        self.assertEqual(list(warnings(stage, given)), [])

    def test_what_is_warned_of_is_a_parameter_that_may_be_empty(self):
        for template in deployed():
            for name in template.off_without:
                self.assertEqual(template.parameters[name]["Default"], "", f"{template.name}: {name}")


class Permissions(unittest.TestCase):
    def denied(self, **answers):
        account = Scripted(**answers)
        return list(denied(Stage(account, "dev"), GIVEN, CREATE)), account

    def results(self, **result):
        return lambda asked: [{"EvalActionName": asked["ActionNames"][0], **result}]

    def test_s0_24_what_is_denied_is_named_with_its_resource(self):
        said, _ = self.denied(simulate_principal_policy=self.results(EvalDecision="implicitDeny"))
        layer = "arn:aws:lambda:eu-central-1:123456789012:layer:lrap-arm64-dev"
        self.assertIn(f"permission denied: {USER} may not lambda:PublishLayerVersion on {layer}", said)

    def test_only_what_has_a_name_is_asked_about(self):
        _, account = self.denied()
        asked = [parameters for operation, parameters in account.asked if operation == "simulate_principal_policy"]
        resources = {resource for parameters in asked for resource in parameters["ResourceArns"]}
        self.assertIn("arn:aws:s3:::lrap-dev-123456789012-eu-central-1", resources)
        self.assertEqual([resource for resource in resources if "<" in resource], [])

    def test_what_depends_on_circumstances_is_not(self):
        answer = self.results(EvalDecision="implicitDeny", MissingContextValues=["aws:MultiFactorAuthPresent"])
        self.assertEqual(self.denied(simulate_principal_policy=answer)[0], [])

    def test_a_session_is_asked_about_by_its_role(self):
        session = {"Account": "123456789012", "Arn": "arn:aws:sts::123456789012:assumed-role/deployer/me"}
        _, account = self.denied(get_caller_identity=session, get_role={"Role": {"Arn": ROLE}})
        asked = [parameters for operation, parameters in account.asked if operation == "simulate_principal_policy"]
        self.assertEqual({parameters["PolicySourceArn"] for parameters in asked}, {ROLE})

    def test_root_is_not_asked_about(self):
        root = {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:root"}
        _, account = self.denied(get_caller_identity=root)
        self.assertNotIn("simulate_principal_policy", [operation for operation, _ in account.asked])

    def test_who_may_not_ask_is_told_so_and_goes_on(self):
        error = ClientError(
            {"Error": {"Code": "AccessDenied", "Message": "not allowed to ask"}}, "SimulatePrincipalPolicy"
        )
        said, account = self.denied(simulate_principal_policy=error)
        self.assertEqual(said, [])
        self.assertRegex(account.said[0], "Permissions are not checked beforehand: .*not allowed to ask")


class Rollback(unittest.TestCase):
    def test_s0_24_what_failed_first_is_told_by_the_stacks_id(self):
        events = [
            {
                "LogicalResourceId": "ContentTable",
                "ResourceStatus": "CREATE_FAILED",
                "ResourceStatusReason": "no quota",
            },
            {"LogicalResourceId": "ReadPolicy", "ResourceStatus": "DELETE_COMPLETE"},
        ]
        account = Scripted(wait=WaiterError("stack_create_complete", "gone", {}), describe_stack_events=events)
        stack = Stage(account, "dev").stack("shared-long-content")
        with self.assertRaisesRegex(Refusal, "(?s)shared-long-content-dev failed.*rolled it back.*ContentTable: no quota$"):
            _settle(account, stack, "stack_create_complete", "arn:stack")
        self.assertIn(("describe_stack_events", {"StackName": "arn:stack"}), account.asked)


class Functions(unittest.TestCase):
    def refused(self, **configuration):
        account = Scripted(
            get_function_configuration={"FunctionName": "f", "Architectures": ["arm64"], **configuration}
        )
        with self.assertRaises(Refusal) as refusal:
            attachment.attach(account, "f", "dev")
        return str(refusal.exception)

    def test_a_container_image_takes_no_layers(self):
        self.assertIn("is a container image", self.refused(PackageType="Image"))

    def test_variables_that_cannot_be_read_are_not_overwritten(self):
        unreadable = {"Error": {"ErrorCode": "AccessDenied", "Message": "kms:Decrypt"}}
        self.assertIn(
            "permission denied: the variables of f cannot be read: kms:Decrypt", self.refused(Environment=unreadable)
        )
