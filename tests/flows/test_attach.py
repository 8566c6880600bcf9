"""A function of somebody else gets the layer on the stage of this machine, and loses it, by the commands of local/README.md."""

import io
import json
import re
import shlex
import zipfile

from tests.flows import REPOSITORY, STAGE, OnPlatform

PAGE = REPOSITORY / "local" / "README.md"
ROLE = "arn:aws:iam::123456789012:role/writer"


def command(beginning):
    """The words of the page's command that begins so."""
    (line,) = re.findall(rf"^{re.escape(beginning)}.*$", PAGE.read_text(), re.MULTILINE)
    return shlex.split(line)


class Attach(OnPlatform):
    def invoked(self):
        return json.loads(self.client("lambda").invoke(FunctionName="writer", Payload=b"{}")["Payload"].read())

    def create_function(self):
        """As the page does by the AWS CLI."""
        _, source, *_ = command("echo ")
        zipped = io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("writer.py", source)
        words = command("aws lambda create-function")
        given = dict(zip(words[3::2], words[4::2]))
        self.assertEqual(given["--role"], ROLE)
        policy = next(word for word in command("aws iam create-role") if word.startswith("{"))
        self.client("iam").create_role(RoleName="writer", AssumeRolePolicyDocument=policy)
        self.client("lambda").create_function(
            FunctionName=given["--function-name"],
            Runtime=given["--runtime"],
            Handler=given["--handler"],
            Role=ROLE,
            Code={"ZipFile": zipped.getvalue()},
        )

    def test_a_function_of_somebody_gets_the_layer_as_the_page_says(self):
        self.assertIn("ONLY=layer", command("make deploy STAGE=local ONLY=layer"))
        self.create_function()
        self.addCleanup(self.client("lambda").delete_function, FunctionName="writer")
        before = self.invoked()
        self.assertEqual(len(before["text"]), 10_000)
        make, verb, *variables = command("make attach ")
        self.assertEqual((make, verb, sorted(variables)), ("make", "attach", ["ATTACH_POLICIES=1", "FUNCTION=writer", f"STAGE={STAGE}"]))
        said = self.platform.delivery("attach", "writer", "--attach-policies")
        self.assertRegex(said, r"The role writer now has \S+, \S+")
        self.assertRegex(self.invoked()["text"], r"^@content:1:dynamodb:s:86400:\S+:10000$")
        self.platform.delivery("detach", "writer")
        self.assertEqual(self.invoked(), before)
