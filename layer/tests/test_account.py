"""What a dry run says is what would be done, and can be typed."""

import tempfile
import unittest

from delivery.account import Account, FromFile, command


class NoSession:
    """Code that asks it for a client is about to do something."""

    region_name = "eu-central-1"

    def client(self, service):
        raise AssertionError(f"{service} was asked")


class DryRun(unittest.TestCase):
    def test_asks_nobody_and_says_the_command(self):
        said = []
        account = Account(NoSession(), dry_run=True, say=said.append)
        account.change("s3", "delete_object", Bucket="b", Key="k")
        account.wait("s3", "bucket_exists", Bucket="b")
        self.assertEqual(
            said,
            [
                "aws s3api delete-object --bucket b --key k --region eu-central-1",
                "aws s3api wait bucket-exists --bucket b --region eu-central-1",
            ],
        )

    def test_does_not_speak_of_what_has_not_happened(self):
        said = []
        Account(NoSession(), dry_run=True, say=said.append).report("b: deleted")
        Account(NoSession(), say=said.append).report("c: deleted")
        self.assertEqual(said, ["c: deleted"])

    def test_spells_parameters_as_the_cli_does(self):
        commands = {
            "aws lambda publish-layer-version --layer-name l --zip-file fileb://l.zip": {
                "LayerName": "l",
                "Content": {"ZipFile": FromFile("l.zip")},
            },
            "aws lambda publish-layer-version --compatible-architectures '[\"arm64\"]'": {
                "CompatibleArchitectures": ["arm64"]
            },
            "aws lambda publish-layer-version --no-publish": {"Publish": False},
        }
        for typed, parameters in commands.items():
            said = command("lambda", "publish_layer_version", parameters, {"region": "eu-west-1"})
            self.assertEqual(said, f"{typed} --region eu-west-1")

    def test_a_file_is_read_only_when_it_is_sent(self):
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"content")
            file.flush()
            self.assertEqual(FromFile(file.name).value(), b"content")
            self.assertEqual(str(FromFile(file.name)), f"fileb://{file.name}")
