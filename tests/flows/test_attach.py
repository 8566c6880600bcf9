"""Functions of somebody else get the layer on the stage of this machine, and one loses it, by the commands of local/README.md."""

import io
import json
import re
import shlex
import zipfile

from tests.flows import REPOSITORY, STAGE, OnPlatform

PAGE = REPOSITORY / "local" / "README.md"
ROLE = "arn:aws:iam::123456789012:role/texts"


def commands(beginning):
    """The words of the page's commands that begin so."""
    return [shlex.split(line) for line in re.findall(rf"^{re.escape(beginning)}.*$", PAGE.read_text(), re.MULTILINE)]


class Attach(OnPlatform):
    def invoked(self, name, event="{}"):
        return json.loads(self.client("lambda").invoke(FunctionName=name, Payload=event)["Payload"].read())

    def create_functions(self):
        """As the page does by the AWS CLI."""
        sources = {file.removeprefix(">"): source for _, source, file in commands("echo 'def ")}
        [policy] = [word for [words] in [commands("aws iam create-role")] for word in words if word.startswith("{")]
        self.client("iam").create_role(RoleName="texts", AssumeRolePolicyDocument=policy)
        for words in commands("aws lambda create-function"):
            given = dict(zip(words[3::2], words[4::2]))
            self.assertEqual(given["--role"], ROLE)
            name = given["--function-name"]
            zipped = io.BytesIO()
            with zipfile.ZipFile(zipped, "w") as archive:
                archive.writestr(f"{name}.py", sources[f"{name}.py"])
            self.client("lambda").create_function(
                FunctionName=name, Runtime=given["--runtime"], Handler=given["--handler"], Role=ROLE, Code={"ZipFile": zipped.getvalue()}
            )
            self.addCleanup(self.client("lambda").delete_function, FunctionName=name)

    def test_functions_of_somebody_get_the_layer_as_the_page_says(self):
        [deploy] = commands("make deploy STAGE=local ONLY=layer")
        self.assertIn("DEV=1", deploy)
        self.create_functions()
        before = self.invoked("writer")
        self.assertEqual(len(before["text"]), 10_000)
        for make, verb, *variables in commands("make attach "):
            function = dict(variable.split("=") for variable in variables)
            self.assertEqual((make, verb, function["STAGE"], function["ATTACH_POLICIES"]), ("make", "attach", STAGE, "1"))
            self.platform.delivery("attach", function["FUNCTION"], "--attach-policies")
        policies = self.client("iam").list_attached_role_policies(RoleName="texts")["AttachedPolicies"]
        self.assertEqual(len(policies), 2)
        state = self.invoked("writer")
        self.assertRegex(state["text"], r"^@content:1:dynamodb:s:86400:\S+:10000$")
        self.assertEqual(self.invoked("reader", json.dumps(state)), {"length": 10_000})
        said = self.platform.delivery("detach", "writer")
        self.assertIn("writer runs without the layer. Its role keeps its policies.", said)
        self.assertEqual(self.invoked("writer"), before)
        self.assertEqual(self.client("iam").list_attached_role_policies(RoleName="texts")["AttachedPolicies"], policies)
