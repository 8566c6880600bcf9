"""Asks IAM whether the caller may do what deploying takes, for each kind of resource by an example of it.

A caller that may not ask, or is root, learns from AWS itself what is denied, half-way.
"""

from botocore.exceptions import ClientError

from delivery import Refusal

# What a resource is called that no property names: CloudFormation puts the stack's name in front.
UNNAMED = "{stack}-{logical}-000000000000"
# What creating and deleting a resource of each type needs, what its ARN looks like, and the property that names it.
ACTIONS = {
    "AWS::ApiGatewayV2::Api": (("apigateway:POST",), ("apigateway:DELETE",), "arn:{partition}:apigateway:{region}::/apis", None),
    "AWS::CloudFormation::Stack": (
        ("cloudformation:CreateStack", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"),
        ("cloudformation:DeleteStack",),
        "arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/00000000-0000-0000-0000-000000000000",
        None,
    ),
    "AWS::CloudWatch::Alarm": (
        ("cloudwatch:PutMetricAlarm",),
        ("cloudwatch:DeleteAlarms",),
        "arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}",
        "AlarmName",
    ),
    "AWS::CloudWatch::Dashboard": (
        ("cloudwatch:PutDashboard",),
        ("cloudwatch:DeleteDashboards",),
        "arn:{partition}:cloudwatch::{account}:dashboard/{name}",
        "DashboardName",
    ),
    "AWS::DynamoDB::Table": (
        ("dynamodb:CreateTable", "dynamodb:UpdateTimeToLive", "dynamodb:UpdateContinuousBackups"),
        ("dynamodb:DeleteTable",),
        "arn:{partition}:dynamodb:{region}:{account}:table/{name}",
        "TableName",
    ),
    "AWS::IAM::ManagedPolicy": (
        ("iam:CreatePolicy",),
        ("iam:DeletePolicy",),
        "arn:{partition}:iam::{account}:policy/{name}",
        "ManagedPolicyName",
    ),
    "AWS::IAM::Role": (
        ("iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PassRole"),
        ("iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"),
        "arn:{partition}:iam::{account}:role/{name}",
        "RoleName",
    ),
    "AWS::Lambda::EventSourceMapping": (
        ("lambda:CreateEventSourceMapping",),
        ("lambda:DeleteEventSourceMapping",),
        "arn:{partition}:lambda:{region}:{account}:event-source-mapping:00000000-0000-0000-0000-000000000000",
        None,
    ),
    "AWS::Lambda::Function": (
        ("lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"),
        ("lambda:DeleteFunction",),
        "arn:{partition}:lambda:{region}:{account}:function:{name}",
        "FunctionName",
    ),
    "AWS::Lambda::LayerVersion": (
        ("lambda:PublishLayerVersion",),
        ("lambda:DeleteLayerVersion",),
        "arn:{partition}:lambda:{region}:{account}:layer:{name}",
        "LayerName",
    ),
    "AWS::Logs::LogGroup": (
        ("logs:CreateLogGroup", "logs:PutRetentionPolicy"),
        ("logs:DeleteLogGroup",),
        "arn:{partition}:logs:{region}:{account}:log-group:{name}",
        "LogGroupName",
    ),
    "AWS::Logs::MetricFilter": (
        ("logs:PutMetricFilter",),
        ("logs:DeleteMetricFilter",),
        "arn:{partition}:logs:{region}:{account}:log-group:{name}",
        "LogGroupName",
    ),
    "AWS::S3::Bucket": (
        ("s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"),
        ("s3:DeleteBucket", "s3:DeleteBucketPolicy"),
        "arn:{partition}:s3:::{name}",
        "BucketName",
    ),
    "AWS::Scheduler::Schedule": (
        ("scheduler:CreateSchedule", "scheduler:UpdateSchedule"),
        ("scheduler:DeleteSchedule",),
        "arn:{partition}:scheduler:{region}:{account}:schedule/default/{name}",
        "Name",
    ),
    "AWS::SecretsManager::Secret": (
        ("secretsmanager:CreateSecret",),
        ("secretsmanager:DeleteSecret",),
        "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}",
        "Name",
    ),
    "AWS::SNS::Topic": (
        ("sns:CreateTopic", "sns:SetTopicAttributes", "sns:Subscribe"),
        ("sns:DeleteTopic",),
        "arn:{partition}:sns:{region}:{account}:{name}",
        "TopicName",
    ),
    "AWS::SQS::Queue": (
        ("sqs:CreateQueue", "sqs:SetQueueAttributes"),
        ("sqs:DeleteQueue",),
        "arn:{partition}:sqs:{region}:{account}:{name}",
        "QueueName",
    ),
    "AWS::SSM::Parameter": (
        ("ssm:PutParameter",),
        ("ssm:DeleteParameter",),
        "arn:{partition}:ssm:{region}:{account}:parameter{name}",
        "Name",
    ),
    "AWS::StepFunctions::StateMachine": (
        ("states:CreateStateMachine", "states:UpdateStateMachine"),
        ("states:DeleteStateMachine",),
        "arn:{partition}:states:{region}:{account}:stateMachine:{name}",
        "StateMachineName",
    ),
}
# Asked about with what they belong to: a bucket, a topic, a queue, a function, an API.
WITH_ANOTHER = {
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::Stage",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
}
# Made by a function of ours, with that function's permissions.
CUSTOM = "Custom::"
CREATE, DELETE = 0, 1


def is_known(kind):
    """Whether it is known what a resource of a type takes."""
    return kind in ACTIONS or kind in WITH_ANOTHER or kind.startswith(CUSTOM)


def denied(stage, given, direction):
    """One line for each action that is denied; what depends on circumstances that cannot be foreseen is not."""
    try:
        principal = _principal(stage.account, stage.identity["Arn"])
        if principal is None:
            return
        found = False
        for actions, resource in sorted(set(_needs(stage, given, direction))):
            for action in refused(stage.account, principal, actions, resource):
                found = True
                yield f"permission denied: {principal} may not {action} on {resource}"
        if found:
            yield "permission denied: have that allowed by a policy, or act as somebody who may"
    except (ClientError, Refusal) as problem:
        stage.account.say(f"Permissions are not checked beforehand: {problem}")


def refused(account, principal, actions, resource):
    """Those of the actions that IAM says a user or a role may not do."""
    results = account.pages(
        "iam",
        "simulate_principal_policy",
        "EvaluationResults",
        PolicySourceArn=principal,
        ActionNames=list(actions),
        ResourceArns=[resource],
    )
    for result in results:
        if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
            yield result["EvalActionName"]


def _needs(stage, given, direction):
    """Actions and an example of what they are done to, once for each type of resource in each stack."""
    facts = {"partition": stage.identity["Arn"].split(":")[1], "region": stage.account.region, "account": stage.identity["Account"]}
    for stack in stage.stacks:
        whole = [evaluation.resources for evaluation in stack.wholly_evaluated(given, stage.facts)]
        resources = [pair for evaluation in whole for pair in evaluation.items()]
        examples = {resource["Type"]: (logical, resource.get("Properties", {})) for logical, resource in resources}
        examples["AWS::CloudFormation::Stack"] = ("Stack", {})
        for kind, (logical, properties) in examples.items():
            if kind in ACTIONS:
                actions, resource = ACTIONS[kind][direction], ACTIONS[kind][2]
                name = _known(properties.get(ACTIONS[kind][3])) or UNNAMED.format(stack=stack.name, logical=logical)
                yield actions, resource.format(**facts, stack=stack.name, name=name)


def _known(name):
    """A name, unless it comes to be with another resource of the stack."""
    return name if "<" not in str(name) else None


def _principal(account, arn):
    """Who we are to IAM: of an assumed role's session, the role. ``None`` is root, who may do everything."""
    if ":assumed-role/" in arn:
        return account.read("iam", "get_role", RoleName=arn.split("/")[1])["Role"]["Arn"]
    return None if arn.endswith(":root") else arn
