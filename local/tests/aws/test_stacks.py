"""Stacks: what CloudFormation makes is there, by the API of the service that it is of."""

import datetime
import json

from botocore.exceptions import ClientError, WaiterError

from tests.aws import ARCHITECTURE, OnAws

SOURCE = """
import os

def handler(event, context):
    names = ("QUEUE_URL", "NUMBER", "TRUTH", "AWS_REGION")
    return {"event": event, "arn": context.invoked_function_arn, **{name: os.environ[name] for name in names}}
"""

TEMPLATE = {
    "Parameters": {"Memory": {"Type": "Number", "Default": 128}},
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "Queue": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeout": 60}},
        "Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [
                    {"AttributeName": "id", "AttributeType": "S"},
                    {"AttributeName": "kind", "AttributeType": "S"},
                ],
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": "kinds",
                        "KeySchema": [{"AttributeName": "kind", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ],
                "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": "true"},
            },
        },
        "Function": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Architectures": [ARCHITECTURE],
                "Handler": "index.handler",
                "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "MemorySize": {"Ref": "Memory"},
                "Code": {"ZipFile": SOURCE},
                "Environment": {"Variables": {"QUEUE_URL": {"Ref": "Queue"}, "NUMBER": 131072, "TRUTH": True}},
            },
        },
        "Approvals": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "approvals"}},
        "StateMachine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "Definition": {"StartAt": "Call", "States": {"Call": {"Type": "Task", "Resource": "${F}", "End": True}}},
                "DefinitionSubstitutions": {"F": {"Fn::GetAtt": ["Function", "Arn"]}},
            },
        },
    },
    "Outputs": {
        "Function": {"Value": {"Ref": "Function"}},
        "Table": {"Value": {"Ref": "Table"}},
        "TableArn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}},
        "Queue": {"Value": {"Ref": "Queue"}},
        "StateMachine": {"Value": {"Ref": "StateMachine"}},
        "Approvals": {"Value": {"Ref": "Approvals"}},
    },
}


class Stacks(OnAws):
    def create(self, name, template, **options):
        formation = self.client("cloudformation")
        formation.create_stack(
            StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_IAM"], **options
        )
        formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
        (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}

    def delete(self, name):
        formation = self.client("cloudformation")
        formation.delete_stack(StackName=name)
        formation.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def status(self, name):
        (stack,) = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        return stack["StackStatus"]

    def reason(self, name):
        events = self.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return "\n".join(event.get("ResourceStatusReason", "") for event in events)

    def test_a_function_a_queue_a_table_and_a_state_machine_are_made_used_changed_and_deleted(self):
        made = self.create("whole", TEMPLATE)
        answer = json.load(
            self.client("lambda").invoke(FunctionName=made["Function"], Payload='{"a": 1}')["Payload"]
        )
        self.assertEqual(answer["event"], {"a": 1})
        self.assertEqual((answer["AWS_REGION"], answer["NUMBER"], answer["TRUTH"]), ("eu-central-1", "131072", "true"))
        self.assertEqual(answer["QUEUE_URL"], made["Queue"])
        self.assertEqual(answer["arn"], f"arn:aws:lambda:eu-central-1:123456789012:function:{made['Function']}")
        self.client("sqs").send_message(QueueUrl=made["Queue"], MessageBody="text")
        (message,) = self.client("sqs").receive_message(QueueUrl=made["Queue"])["Messages"]
        self.assertEqual(message["Body"], "text")
        self.assert_table(made)
        self.assert_state_machine(made)
        self.assert_change(made)
        self.delete("whole")
        self.assert_gone(made)

    def assert_table(self, made):
        dynamodb = self.client("dynamodb")
        self.assertEqual(made["TableArn"], f"arn:aws:dynamodb:eu-central-1:123456789012:table/{made['Table']}")
        dynamodb.put_item(TableName=made["Table"], Item={"id": {"S": "1"}, "kind": {"S": "k"}})
        found = dynamodb.query(
            TableName=made["Table"],
            IndexName="kinds",
            KeyConditionExpression="kind = :k",
            ExpressionAttributeValues={":k": {"S": "k"}},
        )
        self.assertEqual(found["Count"], 1)
        lives = dynamodb.describe_time_to_live(TableName=made["Table"])["TimeToLiveDescription"]
        self.assertEqual((lives["TimeToLiveStatus"], lives["AttributeName"]), ("ENABLED", "expires_at"))
        end = int(datetime.datetime.fromisoformat(self.machine.clock({})["now"]).timestamp()) + 3600
        dynamodb.put_item(TableName=made["Table"], Item={"id": {"S": "2"}, "expires_at": {"N": str(end)}})
        self.advance(3000)
        self.assertEqual(dynamodb.scan(TableName=made["Table"])["Count"], 2)
        self.advance(3000)
        self.assertEqual(dynamodb.scan(TableName=made["Table"])["Count"], 1, "one has expired")

    def assert_state_machine(self, made):
        states = self.client("stepfunctions")
        started = states.start_execution(stateMachineArn=made["StateMachine"], input='{"b": 2}')["executionArn"]

        def ended():
            execution = states.describe_execution(executionArn=started)
            return execution if execution["status"] != "RUNNING" else None

        execution = self.eventually(ended, "the end of the execution")
        self.assertEqual(execution["status"], "SUCCEEDED", execution)
        self.assertEqual(json.loads(execution["output"])["event"], {"b": 2})
        activities = [activity["activityArn"] for activity in states.list_activities()["activities"]]
        self.assertEqual(activities, [made["Approvals"]])

    def assert_change(self, made):
        formation = self.client("cloudformation")
        with self.assertRaisesRegex(ClientError, "No updates are to be performed"):
            formation.update_stack(
                StackName="whole", TemplateBody=json.dumps(TEMPLATE), Capabilities=["CAPABILITY_IAM"]
            )
        formation.update_stack(
            StackName="whole",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": "Memory", "ParameterValue": "256"}],
        )
        formation.get_waiter("stack_update_complete").wait(StackName="whole", WaiterConfig={"Delay": 1})
        self.client("lambda").invoke(FunctionName=made["Function"], Payload="{}")
        self.eventually(lambda: any("Memory Size: 256 MB" in line for line in self.machine.lines), "the new memory")

    def assert_gone(self, made):
        with self.assertRaisesRegex(ClientError, "ResourceNotFoundException"):
            self.client("lambda").invoke(FunctionName=made["Function"])
        self.assertNotIn(made["Table"], self.client("dynamodb").list_tables()["TableNames"])
        with self.assertRaisesRegex(ClientError, "StateMachineDoesNotExist"):
            self.client("stepfunctions").describe_state_machine(stateMachineArn=made["StateMachine"])

    def test_a_type_without_a_model_is_refused_by_its_name(self):
        unknown = {"Type": "AWS::CloudFormation::Publisher", "Properties": {}}
        with self.assertRaisesRegex(ClientError, "Unrecognized resource types: .AWS::CloudFormation::Publisher"):
            self.create("unknown", {"Resources": {"Unknown": unknown}})

    def test_a_property_that_nothing_does_is_named_and_what_was_made_goes_again(self):
        table = {"Type": "AWS::DynamoDB::Table", "Properties": {"ImportSourceSpecification": {}}, "DependsOn": "Queue"}
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "short-lived"}}
        with self.assertRaises(WaiterError):
            self.create("undone", {"Resources": {"Queue": queue, "Table": table}})
        self.assertIn("AWS::DynamoDB::Table: ImportSourceSpecification not supported", self.reason("undone"))
        self.assertEqual(self.status("undone"), "ROLLBACK_COMPLETE")
        with self.assertRaisesRegex(ClientError, "NonExistentQueue|QueueDoesNotExist"):
            self.client("sqs").get_queue_url(QueueName="short-lived")

    def test_a_placeholder_that_nothing_stands_for_is_named(self):
        machine = {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {"RoleArn": "arn:aws:iam::123456789012:role/r", "DefinitionString": '{"Comment": "${Missing}"}'},
        }
        with self.assertRaises(WaiterError):
            self.create("placeholder", {"Resources": {"Machine": machine}})
        self.assertIn("there is no value for Missing", self.reason("placeholder"))

    def test_code_that_is_not_there_is_no_function(self):
        properties = {**TEMPLATE["Resources"]["Function"]["Properties"], "Role": "arn:aws:iam::123456789012:role/r"}
        properties["Code"] = {"S3Bucket": "no-such-bucket", "S3Key": "code.zip"}
        properties.pop("Environment")
        template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
        template["Parameters"] = TEMPLATE["Parameters"]
        with self.assertRaises(WaiterError):
            self.create("codeless", template)
        self.assertIn("s3://no-such-bucket/code.zip", self.reason("codeless"))
