"""From the Makefile, against AWS on this machine: what a person types, what it changes, and what it refuses."""

import json
import tempfile
from pathlib import Path

from delivery.evaluation import ACCOUNT
from delivery.layers import WRAPPER
from tests.aws import REGION, OnAws, layer_zip

ROLE = f"arn:aws:iam::{ACCOUNT}:role/function"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/AgentContext-dev"
TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
STACKS = ["long-content-artifacts-dev", "lambda-extension-layer-dev", "shared-long-content-dev"]
IMPORTER = "Resources: {{T: {{Type: 'AWS::SNS::Topic', Properties: {{DisplayName: {{'Fn::ImportValue': {name}}}}}}}}}"


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class WithZips(OnAws):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.zips = self.build(b"first")

    def build(self, content):
        x86, arm = (layer_zip(self.folder, architecture, content) for architecture in ("x86_64", "arm64"))
        return [f"ZIP_X86={x86}", f"ZIP_ARM={arm}"]

    def deploy(self, *words, **options):
        return self.succeeds("deploy", "STAGE=dev", "ONLY=layer", *self.zips, *words, **options)

    def destroy(self, stage="dev"):
        return self.succeeds("destroy", f"STAGE={stage}", "ONLY=layer")

    def layer(self, architecture):
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:lrap-{architecture}-dev"

    def content_table(self, name, key="id"):
        """A table that no stack has made."""
        self.client("dynamodb").create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )
        self.addCleanup(self.client("dynamodb").delete_table, TableName=name)

    def importing(self, name):
        """A stack of somebody else's."""
        stacks = self.client("cloudformation")
        stacks.create_stack(StackName="consumer", TemplateBody=IMPORTER.format(name=name))
        return lambda: stacks.delete_stack(StackName="consumer")


class Publishing(WithZips):
    def test_s0_07_a_layer_is_published_for_each_architecture(self):
        for make, architecture in (("publish-x86", "x86_64"), ("publish-arm", "arm64")):
            said = self.succeeds(make, "STAGE=dev", *self.zips)
            arn = f"{self.layer(architecture)}:1"
            self.assertIn(arn, said)
            self.assertIn(f"AWS_LAMBDA_EXEC_WRAPPER={WRAPPER}\nAGENT_CONTEXT_TABLE=AgentContext-dev\n", said)
            version = self.client("lambda").get_layer_version(LayerName=self.layer(architecture), VersionNumber=1)
            self.assertEqual(version["CompatibleArchitectures"], [architecture])
            self.assertIn("python3.13", version["CompatibleRuntimes"])

    def test_a_dry_run_says_the_command_and_publishes_nothing(self):
        said = self.succeeds("publish-arm", "STAGE=dry", "DRY_RUN=1", *self.zips)
        self.assertIn("aws lambda publish-layer-version --layer-name lrap-arm64-dry", said)
        self.assertIn("--zip-file fileb://", said)
        self.assertEqual(self.client("lambda").list_layer_versions(LayerName="lrap-arm64-dry")["LayerVersions"], [])

    def test_a_zip_of_the_other_architecture_is_refused(self):
        arm = layer_zip(self.folder, "arm64")
        self.assertIn("extensions/lrap is not for x86_64", self.refuses("publish-x86", f"ZIP_X86={arm}"))

    def test_s0_24_a_missing_zip_is_a_missing_dependency(self):
        self.assertIn("missing dependency: /none.zip does not exist", self.refuses("publish-x86", "ZIP_X86=/none.zip"))


class Attaching(WithZips):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.client("iam").create_role(RoleName="function", AssumeRolePolicyDocument=policy(TRUST))

    def setUp(self):
        super().setUp()
        own = self.client("lambda").publish_layer_version(LayerName="own", Content={"ZipFile": self.zip()})
        self.own = own["LayerVersionArn"]
        self.content_table("MyTable")
        self.name = self.id().rpartition(".")[2][:50]
        self.function("arm64")

    def zip(self):
        return layer_zip(self.folder, "arm64").read_bytes()

    def function(self, architecture, **variables):
        self.client("lambda").create_function(
            FunctionName=f"{self.name}-{architecture}",
            Runtime="python3.13",
            Handler="a.b",
            Role=ROLE,
            Code={"ZipFile": self.zip()},
            Architectures=[architecture],
            Layers=[self.own],
            Environment={"Variables": {"PASSWORD": "correct horse", **variables}},
        )
        self.addCleanup(self.client("lambda").delete_function, FunctionName=f"{self.name}-{architecture}")

    def state(self, architecture="arm64"):
        found = self.client("lambda").get_function_configuration(FunctionName=f"{self.name}-{architecture}")
        return [layer["Arn"] for layer in found["Layers"]], found["Environment"]["Variables"]

    def attach(self, *words):
        return self.succeeds("attach", f"FUNCTION={self.name}-arm64", "STAGE=dev", *words)

    def test_s0_18_attach_and_detach_without_any_stack(self):
        before = self.state()
        self.succeeds("publish-arm", "STAGE=dev", *self.zips)
        self.attach("TABLE=MyTable")
        layers, variables = self.state()
        self.assertEqual(layers[0], self.own)
        self.assertTrue(layers[1].startswith(self.layer("arm64")))
        self.assertEqual(
            variables,
            {"PASSWORD": "correct horse", "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, "AGENT_CONTEXT_TABLE": "MyTable"},
        )
        self.succeeds("detach", f"FUNCTION={self.name}-arm64")
        self.assertEqual(self.state(), before)

    def test_s0_17_s0_19_attach_what_the_stage_exports(self):
        self.deploy()
        self.addCleanup(self.destroy)
        said = self.attach("MAX_CONTENT_SIZE=9000")
        exports = self.exports()
        layers, variables = self.state()
        self.assertEqual(layers, [self.own, exports["SharedProxyLayerArmLongContent-dev"]])
        self.assertEqual(variables["AGENT_CONTEXT_TABLE"], "AgentContext-dev")
        self.assertEqual(variables["MAX_CONTENT_SIZE"], "9000")
        self.policies_are_named_and_attached(said, exports)
        self.a_function_that_has_the_layer_keeps_it_from_going()

    def policies_are_named_and_attached(self, said, exports):
        policies = [exports[f"SharedContent{direction}PolicyArnLongContent-dev"] for direction in ("Read", "Write")]
        self.assertIn(f"The role function lacks dynamodb:BatchGetItem, dynamodb:BatchWriteItem, dynamodb:PutItem on {TABLE}", said)
        self.assertIn(f"ATTACH_POLICIES=1 attaches {' and '.join(policies)}", said)
        dry = self.attach("ATTACH_POLICIES=1", "DRY_RUN=1")
        self.assertEqual(dry.count("aws iam attach-role-policy --role-name function --policy-arn"), 2)
        self.assertEqual(self.attached_policies(), [])
        self.attach("ATTACH_POLICIES=1")
        self.addCleanup(self.detach_policies)
        self.assertEqual(sorted(self.attached_policies()), sorted(policies))
        self.assertIn("The role function has the policies of the content table.", self.attach())

    def attached_policies(self):
        found = self.client("iam").list_attached_role_policies(RoleName="function")["AttachedPolicies"]
        return [policy["PolicyArn"] for policy in found]

    def detach_policies(self):
        for arn in self.attached_policies():
            self.client("iam").detach_role_policy(RoleName="function", PolicyArn=arn)

    def a_function_that_has_the_layer_keeps_it_from_going(self):
        said = self.refuses("destroy", "STAGE=dev", "ONLY=layer")
        arn = self.exports()["SharedProxyLayerArmLongContent-dev"]
        self.assertIn(f"layer in use: the function {self.name}-arm64 has {arn}: `make detach FUNCTION={self.name}-arm64`", said)
        self.assertEqual(sorted(self.stacks()), sorted(STACKS))
        self.succeeds("detach", f"FUNCTION={self.name}-arm64")

    def test_an_older_version_is_replaced(self):
        for _ in range(2):
            self.succeeds("publish-arm", "STAGE=dev", *self.zips)
            self.attach("TABLE=MyTable")
        versions = self.client("lambda").list_layer_versions(LayerName="lrap-arm64-dev")["LayerVersions"]
        newest = max(version["Version"] for version in versions)
        self.assertEqual(self.state()[0], [self.own, f"{self.layer('arm64')}:{newest}"])

    def test_a_dry_run_says_the_command_and_changes_nothing(self):
        self.succeeds("publish-arm", "STAGE=dev", *self.zips)
        before = self.state()
        said = self.attach("TABLE=MyTable", "DRY_RUN=1")
        self.assertIn("aws lambda update-function-configuration", said)
        self.assertIn('"AGENT_CONTEXT_TABLE": "MyTable"', said)
        self.assertEqual(self.state(), before)

    def test_a_dry_run_does_not_say_what_the_functions_own_variables_hold(self):
        self.succeeds("publish-arm", "STAGE=dev", *self.zips)
        said = self.attach("TABLE=MyTable", "DRY_RUN=1")
        self.assertIn("PASSWORD", said)
        self.assertNotIn("correct horse", said)

    def test_another_architecture_is_refused(self):
        self.succeeds("publish-x86", "STAGE=dev", *self.zips)
        said = self.refuses(
            "attach", f"FUNCTION={self.name}-arm64", f"LAYER_ARN={self.layer('x86_64')}:1", "TABLE=MyTable"
        )
        self.assertIn("runs on arm64", said)
        self.assertIn("is for x86_64", said)

    def test_s0_24_what_is_not_there_is_a_missing_dependency(self):
        self.assertIn("missing dependency: there is no function none", self.refuses("attach", "FUNCTION=none"))
        said = self.refuses("attach", f"FUNCTION={self.name}-arm64", "STAGE=none")
        self.assertIn("missing dependency: no layer for arm64 in stage none", said)

    def nothing_changes(self, *words):
        self.succeeds("publish-arm", "STAGE=dev", *self.zips)
        before = self.state()
        said = self.refuses("attach", "STAGE=dev", *words)
        self.assertEqual(self.state(), before)
        return said

    def test_a_setting_with_which_the_function_would_not_start_is_refused(self):
        said = self.nothing_changes(f"FUNCTION={self.name}-arm64", "TABLE=MyTable", "MAX_CONTENT_SIZE=20k")
        self.assertIn(f"wrong setting: {self.name}-arm64 would not start: MAX_CONTENT_SIZE is `20k`, not a whole number", said)

    def test_s0_24_a_table_that_is_not_there_is_a_missing_dependency(self):
        said = self.nothing_changes(f"FUNCTION={self.name}-arm64", "TABLE=NoTable")
        self.assertIn(f"missing dependency: there is no table NoTable in {REGION}", said)

    def test_a_table_that_is_not_one_of_contents_is_refused(self):
        self.content_table("Others", key="pk")
        said = self.nothing_changes(f"FUNCTION={self.name}-arm64", "TABLE=Others")
        self.assertIn("Others is not a content table: its key is pk, not id alone", said)

    def test_s0_24_a_role_that_is_gone_is_a_missing_dependency(self):
        iam = self.client("iam")
        iam.delete_role(RoleName="function")
        self.addCleanup(iam.create_role, RoleName="function", AssumeRolePolicyDocument=policy(TRUST))
        said = self.nothing_changes(f"FUNCTION={self.name}-arm64", "TABLE=MyTable")
        self.assertIn(f"missing dependency: the role of {self.name}-arm64, {ROLE}, does not exist", said)

    def test_a_version_or_an_alias_is_refused_and_an_arn_is_understood(self):
        said = self.nothing_changes(f"FUNCTION={self.name}-arm64:live", "TABLE=MyTable")
        self.assertIn(f"{self.name}-arm64:live names the version or alias live, and a published version never changes", said)
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.name}-arm64"
        self.succeeds("attach", f"FUNCTION={arn}", "STAGE=dev", "TABLE=MyTable")
        self.assertEqual(len(self.state()[0]), 2)

    def test_aliases_that_go_on_without_the_layer_are_named(self):
        functions = self.client("lambda")
        version = functions.publish_version(FunctionName=f"{self.name}-arm64")["Version"]
        functions.create_alias(FunctionName=f"{self.name}-arm64", Name="live", FunctionVersion=version)
        self.succeeds("publish-arm", "STAGE=dev", *self.zips)
        self.assertIn(f"until they point to a new version: live (version {version})", self.attach("TABLE=MyTable"))

    def test_detaching_what_is_not_attached_is_refused(self):
        self.assertIn("does not have the layer", self.refuses("detach", f"FUNCTION={self.name}-arm64"))


class Deploying(WithZips):
    def test_s0_08_s0_09_s0_17_create_update_destroy(self):
        self.assertRegex(
            self.deploy(), "(?s)artifacts-dev: created.*extension-layer-dev: created.*long-content-dev: created"
        )
        self.assertEqual(sorted(self.stacks()), sorted(STACKS))
        first = self.exports()
        self.assertEqual(first["SharedContentTableLongContent-dev"], "AgentContext-dev")
        self.assertEqual(first["SharedContentTableArnLongContent-dev"], TABLE)
        self.assertIn("long-content-dev: nothing to update", self.deploy())
        self.assertEqual(self.exports(), first)
        self.update_layers(first)
        self.assertRegex(
            self.destroy(), "(?s)long-content-dev: deleted.*extension-layer-dev: deleted.*artifacts-dev: deleted"
        )
        self.assertEqual((self.stacks(), self.exports()), ([], {}))
        self.assertIn("does not exist", self.destroy())

    def update_layers(self, first):
        """Other zips: new layer versions come through an export that is imported, and nothing else changes."""
        self.zips = self.build(b"second")
        self.assertRegex(
            self.deploy(), "(?s)long-content-dev: updated.*extension-layer-dev: updated.*long-content-dev: updated"
        )
        second = self.exports()
        changed = {name for name in first if first[name] != second[name]}
        layers = {
            f"SharedProxyLayer{which}{of}-dev" for which in ("X86", "Arm") for of in ("ExtensionBuild", "LongContent")
        }
        self.assertEqual(changed, layers)
        parameter = self.client("ssm").get_parameter(Name="/long-content/dev/layer/arm64")["Parameter"]["Value"]
        self.assertEqual(second["SharedProxyLayerArmLongContent-dev"], parameter)

    def test_s0_23_parameters_stay_as_they_were_given(self):
        self.addCleanup(self.destroy)
        self.deploy("PARAMETERS=Alarms=false AlarmTopicArn=arn:topic")
        self.zips = self.build(b"second")
        self.deploy("PARAMETERS=AlarmTopicArn=arn:other")
        described = self.client("cloudformation").describe_stacks(StackName="shared-long-content-dev")["Stacks"][0][
            "Parameters"
        ]
        values = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in described}
        self.assertEqual(
            (values["Alarms"], values["AlarmTopicArn"], values["HeldArmLayer"]), ("false", "arn:other", "")
        )

    def test_an_unknown_parameter_is_refused(self):
        said = self.refuses("deploy", "STAGE=dev", "ONLY=layer", *self.zips, "PARAMETERS=AlarmTopic=arn:topic")
        self.assertIn("no stack has a parameter AlarmTopic; there are", said)

    def test_a_dry_run_says_the_commands_and_changes_nothing(self):
        said = self.deploy("DRY_RUN=1")
        self.assertEqual(said.count("aws cloudformation create-stack"), 3)
        self.assertEqual(said.count("aws s3api put-object"), 2)
        self.assertEqual((self.stacks(), self.exports()), ([], {}))

    def test_a_dry_run_destroys_nothing(self):
        self.addCleanup(self.destroy)
        self.deploy()
        said = self.succeeds("destroy", "STAGE=dev", "ONLY=layer", "DRY_RUN=1")
        self.assertEqual(said.count("aws cloudformation delete-stack"), 3)
        self.assertEqual(len(self.stacks()), 3)

    def test_a_bucket_that_somebody_deleted_is_no_obstacle(self):
        self.deploy()
        self.addCleanup(self.destroy)
        s3 = self.client("s3")
        bucket = self.exports()["SharedArtifactBucketLongContent-dev"]
        for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
            s3.delete_object(Bucket=bucket, Key=found["Key"])
        s3.delete_bucket(Bucket=bucket)
        self.assertIn("artifacts-dev: deleted", self.destroy())
        self.assertEqual(self.stacks(), [])

    def test_contents_in_a_bucket_go_with_a_development_stage(self):
        self.deploy("PARAMETERS=ContentBucket=true")
        s3 = self.client("s3")
        contents, key = f"long-content-dev-{ACCOUNT}-{REGION}", "contents/1d/a-content"
        s3.put_object(Bucket=contents, Key=key, Body=b"a content")
        said = self.succeeds("destroy", "STAGE=dev", "ONLY=layer", "DRY_RUN=1")
        self.assertIn(f"--bucket {contents} --key {key}", said)
        self.assertIn("shared-long-content-dev: deleted", self.destroy())
        self.assertEqual([bucket["Name"] for bucket in s3.list_buckets()["Buckets"]], [])

    def test_destroying_needs_the_name_of_a_stage(self):
        self.assertIn("destroy needs STAGE=", self.refuses("destroy"))

    def test_s0_25_production_keeps_its_layers_and_contents(self):
        self.succeeds("deploy", "STAGE=prod", "ONLY=layer", *self.zips, "PARAMETERS=ContentBucket=true")
        place = {"Bucket": f"long-content-prod-{ACCOUNT}-{REGION}", "Key": "contents/1d/a-content"}
        self.client("s3").put_object(**place, Body=b"a content")
        said = self.destroy("prod")
        self.assertRegex(said, "shared-long-content-prod: kept ContentTable.*Contents")
        self.client("s3").head_object(**place)
        self.assertIn("lambda-extension-layer-prod: kept X86Layer, ArmLayer", said)


class Failures(WithZips):
    """The four of S0-24, each found before anything is changed."""

    def nothing_changes(self, *words, **options):
        before = self.stacks(), self.exports()
        said = self.refuses(*words, **options)
        self.assertEqual((self.stacks(), self.exports()), before)
        return said

    def test_s0_24_export_in_use_when_destroying(self):
        self.deploy()
        self.addCleanup(self.destroy)
        self.addCleanup(self.importing("SharedContentTableLongContent-dev"))
        said = self.nothing_changes("destroy", "STAGE=dev", "ONLY=layer")
        self.assertIn("export in use: SharedContentTableLongContent-dev is imported by consumer", said)

    def test_s0_24_export_in_use_when_a_layer_changes(self):
        self.deploy()
        self.addCleanup(self.destroy)
        self.addCleanup(self.importing("SharedProxyLayerArmLongContent-dev"))
        self.assertIn("nothing to update", self.deploy())
        said = self.nothing_changes("deploy", "STAGE=dev", "ONLY=layer", *self.build(b"second"))
        self.assertIn(
            "export in use: SharedProxyLayerArmLongContent-dev is imported by consumer: its value cannot change", said
        )
        self.assertIn("/long-content/dev/layer/", said)

    def test_s0_24_resource_exists(self):
        self.content_table("AgentContext-dev")
        said = self.nothing_changes("deploy", "STAGE=dev", "ONLY=layer", *self.zips)
        self.assertIn("resource exists: AWS::DynamoDB::Table AgentContext-dev exists", said)

    def test_s0_24_resource_exists_when_another_stack_exports_the_name(self):
        export = "{Value: x, Export: {Name: SharedContentTableLongContent-dev}}"
        body = "{Resources: {T: {Type: 'AWS::SNS::Topic'}}, Outputs: {O: %s}}" % export
        stacks = self.client("cloudformation")
        stacks.create_stack(StackName="other", TemplateBody=body)
        self.addCleanup(stacks.delete_stack, StackName="other")
        said = self.nothing_changes("deploy", "STAGE=dev", "ONLY=layer", *self.zips)
        self.assertIn("resource exists: other exports SharedContentTableLongContent-dev already", said)

    def test_s0_24_missing_dependency(self):
        said = self.nothing_changes("deploy", "STAGE=dev", "ONLY=layer", self.zips[0], "ZIP_ARM=/none.zip")
        self.assertIn("missing dependency: /none.zip does not exist: `make layer` builds both zips", said)

    def test_s0_24_permission_denied(self):
        keys = self.somebody(["cloudformation:*", "s3:*", "sts:*", "lambda:*", "cloudwatch:*", "ssm:*", "iam:*"])
        said = self.nothing_changes("deploy", "STAGE=dev", "ONLY=layer", *self.zips, keys=keys)
        self.assertIn(
            f"permission denied: arn:aws:iam::{ACCOUNT}:user/somebody may not dynamodb:CreateTable on {TABLE}", said
        )
        self.assertNotIn("lambda:PublishLayerVersion", said)

    def somebody(self, actions):
        """Keys of a user who may do just that."""
        iam = self.client("iam")
        iam.create_user(UserName="somebody")
        allowed = policy({"Effect": "Allow", "Action": actions, "Resource": "*"})
        iam.put_user_policy(UserName="somebody", PolicyName="p", PolicyDocument=allowed)
        key = iam.create_access_key(UserName="somebody")["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]
