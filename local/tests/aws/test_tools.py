"""What tools call beside the obvious: Terraform's AWS provider for a function, a queue and a mapping, and a template as CDK synthesises it."""

import datetime
import json

from botocore.exceptions import ClientError

from tests.aws import ARCHITECTURE, OnAws, packed

ACCOUNT = "123456789012"
SOURCE = "def handler(event, context):\n    return event\n"


class Tools(OnAws):
    def test_terraforms_calls_for_a_function_a_queue_and_a_mapping(self):
        functions, queues = self.client("lambda"), self.client("sqs")
        arn = self.function("terraformed", SOURCE, Tags={"by": "terraform"})
        self.assertEqual(functions.get_function(FunctionName=arn)["Tags"], {"by": "terraform"})
        self.assertEqual(functions.list_versions_by_function(FunctionName=arn)["Versions"][0]["Version"], "$LATEST")
        self.assertFalse(functions.get_function_code_signing_config(FunctionName=arn).get("CodeSigningConfigArn"))
        self.assertEqual(functions.list_tags(Resource=arn)["Tags"], {"by": "terraform"})
        self.assertNotIn("ReservedConcurrentExecutions", functions.get_function_concurrency(FunctionName=arn))
        for absent in (functions.get_policy, functions.get_function_url_config, functions.get_function_event_invoke_config):
            with self.assertRaisesRegex(ClientError, "ResourceNotFoundException"):
                absent(FunctionName=arn)
        queue = queues.create_queue(QueueName="terraformed", tags={"by": "terraform"})["QueueUrl"]
        self.assertEqual(queues.list_queue_tags(QueueUrl=queue)["Tags"], {"by": "terraform"})
        attributes = queues.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
        mapping = functions.create_event_source_mapping(FunctionName=arn, EventSourceArn=attributes["QueueArn"])["UUID"]
        found = self.eventually(
            lambda: functions.get_event_source_mapping(UUID=mapping)["State"] == "Enabled", "the mapping"
        )
        self.assertTrue(found)
        functions.update_function_configuration(FunctionName=arn, MemorySize=256)
        functions.get_waiter("function_updated_v2").wait(FunctionName=arn)
        self.assertEqual(json.load(functions.invoke(FunctionName=arn, Payload="{}")["Payload"]), {})
        functions.delete_event_source_mapping(UUID=mapping)
        functions.delete_function(FunctionName=arn)
        with self.assertRaisesRegex(ClientError, "ResourceNotFoundException"):
            functions.invoke(FunctionName=arn)

    def test_every_invocation_leaves_its_log_and_is_counted(self):
        functions, logs = self.client("lambda"), self.client("logs")
        self.function("logging", 'def handler(event, context):\n    print("written")\n    return event["a"]\n')
        functions.invoke(FunctionName="logging", Payload='{"a": 1}')
        functions.invoke(FunctionName="logging", Payload="{}")
        functions.invoke(FunctionName="logging", Payload='{"a": 1}', InvocationType="Event")

        def lines():
            try:
                found = logs.filter_log_events(logGroupName="/aws/lambda/logging", filterPattern="written")["events"]
            except logs.exceptions.ResourceNotFoundException:
                return False
            return [event["message"] for event in found] == ["written"] * 3

        self.eventually(lines, "three lines")
        self.assertEqual([self.counted(name) for name in ("Invocations", "Errors", "Throttles")], [3, 1, 0])

    def counted(self, name):
        now = datetime.datetime.fromisoformat(self.machine.clock({})["now"])
        found = self.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=name,
            Dimensions=[{"Name": "FunctionName", "Value": "logging"}],
            StartTime=now - datetime.timedelta(minutes=10),
            EndTime=now + datetime.timedelta(minutes=10),
            Period=3600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    def test_a_template_as_cdk_synthesises_it(self):
        bucket, region = f"cdk-hnb659fds-assets-{ACCOUNT}-eu-central-1", {"LocationConstraint": "eu-central-1"}
        self.client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=region)
        self.client("s3").put_object(Bucket=bucket, Key="a.zip", Body=packed({"index.py": SOURCE}))
        self.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="27", Type="String")
        template = {
            "Resources": {
                "Role1ABCC5F0": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {
                        "AssumeRolePolicyDocument": {
                            "Version": "2012-10-17",
                            "Statement": [
                                {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
                            ],
                        },
                        "ManagedPolicyArns": [
                            {
                                "Fn::Join": [
                                    "",
                                    ["arn:", {"Ref": "AWS::Partition"}, ":iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"],
                                ]
                            }
                        ],
                    },
                },
                "Function76856677": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {
                        "Architectures": [ARCHITECTURE],
                        "Code": {"S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "a.zip"},
                        "Handler": "index.handler",
                        "Role": {"Fn::GetAtt": ["Role1ABCC5F0", "Arn"]},
                        "Runtime": "python3.13",
                    },
                    "DependsOn": ["Role1ABCC5F0"],
                    "Metadata": {"aws:cdk:path": "Stack/Function/Resource"},
                },
                "CDKMetadata": {
                    "Type": "AWS::CDK::Metadata",
                    "Properties": {"Analytics": "v2:deflate64:H4sIAAAA"},
                    "Condition": "CDKMetadataAvailable",
                },
            },
            "Conditions": {"CDKMetadataAvailable": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-central-1"]}},
            "Parameters": {
                "BootstrapVersion": {
                    "Type": "AWS::SSM::Parameter::Value<String>",
                    "Default": "/cdk-bootstrap/hnb659fds/version",
                }
            },
            "Rules": {
                "CheckBootstrapVersion": {
                    "Assertions": [
                        {"Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2"], {"Ref": "BootstrapVersion"}]}]}, "AssertDescription": "old"}
                    ]
                }
            },
            "Outputs": {"Name": {"Value": {"Ref": "Function76856677"}}},
        }
        formation = self.client("cloudformation")
        changes = {"StackName": "cdk", "ChangeSetName": "deploy", "ChangeSetType": "CREATE"}
        formation.create_change_set(TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_NAMED_IAM"], **changes)
        formation.get_waiter("change_set_create_complete").wait(StackName="cdk", ChangeSetName="deploy", WaiterConfig={"Delay": 1})
        formation.execute_change_set(StackName="cdk", ChangeSetName="deploy")
        formation.get_waiter("stack_create_complete").wait(StackName="cdk", WaiterConfig={"Delay": 1})
        (output,) = formation.describe_stacks(StackName="cdk")["Stacks"][0]["Outputs"]
        answer = self.client("lambda").invoke(FunctionName=output["OutputValue"], Payload='{"a": 1}')
        self.assertEqual(json.load(answer["Payload"]), {"a": 1})

    def test_what_this_machine_cannot_run_is_refused_with_its_reason(self):
        other = "arm64" if ARCHITECTURE == "x86_64" else "x86_64"
        refused = [
            ("has no emulator registered", {"Architectures": [other]}),
            ("java21 cannot be run", {"Runtime": "java21"}),
            ("container images cannot be run", {"PackageType": "Image", "Code": {"ImageUri": "an-image"}}),
        ]
        given = {"Handler": "h", "Role": f"arn:aws:iam::{ACCOUNT}:role/r", "Runtime": "python3.13", "Architectures": [ARCHITECTURE]}
        code = {"ZipFile": packed({"h.py": ""})}
        for reason, options in refused:
            with self.subTest(reason), self.assertRaisesRegex(ClientError, reason):
                self.client("lambda").create_function(FunctionName="refused", **{**given, "Code": code, **options})


