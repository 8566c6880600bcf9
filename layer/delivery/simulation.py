"""Asks IAM whether the caller may do what deploying takes, for each kind of resource by an example of it.

A caller that may not ask, or is root, learns from AWS itself what is denied, half-way.
"""

from botocore.exceptions import ClientError

from delivery import Refusal

# What creating and deleting a resource of each type needs, and what its ARN looks like.
ACTIONS = {
    "AWS::CloudFormation::Stack": (
        ("cloudformation:CreateStack", "cloudformation:UpdateStack"),
        ("cloudformation:DeleteStack",),
        "arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/00000000-0000-0000-0000-000000000000",
    ),
    "AWS::CloudWatch::Alarm": (
        ("cloudwatch:PutMetricAlarm",),
        ("cloudwatch:DeleteAlarms",),
        "arn:{partition}:cloudwatch:{region}:{account}:alarm:{stack}-{logical}-000000000000",
    ),
    "AWS::DynamoDB::Table": (
        ("dynamodb:CreateTable", "dynamodb:UpdateTimeToLive", "dynamodb:UpdateContinuousBackups"),
        ("dynamodb:DeleteTable",),
        "arn:{partition}:dynamodb:{region}:{account}:table/{TableName}",
    ),
    "AWS::IAM::ManagedPolicy": (
        ("iam:CreatePolicy",),
        ("iam:DeletePolicy",),
        "arn:{partition}:iam::{account}:policy/{stack}-{logical}-000000000000",
    ),
    "AWS::Lambda::LayerVersion": (
        ("lambda:PublishLayerVersion",),
        ("lambda:DeleteLayerVersion",),
        "arn:{partition}:lambda:{region}:{account}:layer:{LayerName}",
    ),
    "AWS::S3::Bucket": (
        ("s3:CreateBucket", "s3:PutBucketPolicy", "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration"),
        ("s3:DeleteBucket", "s3:DeleteBucketPolicy"),
        "arn:{partition}:s3:::{BucketName}",
    ),
    # Asked about with its bucket.
    "AWS::S3::BucketPolicy": ((), (), ""),
    "AWS::SSM::Parameter": (
        ("ssm:PutParameter",),
        ("ssm:DeleteParameter",),
        "arn:{partition}:ssm:{region}:{account}:parameter{Name}",
    ),
}
CREATE, DELETE = 0, 1


def denied(stage, given, direction):
    """One line for each action that is denied; what depends on circumstances that cannot be foreseen is not."""
    identity = stage.account.read("sts", "get_caller_identity")
    try:
        principal = _principal(stage.account, identity["Arn"])
        if principal is None:
            return
        for actions, resource in _needs(stage, given, direction, identity):
            results = stage.account.pages(
                "iam",
                "simulate_principal_policy",
                "EvaluationResults",
                PolicySourceArn=principal,
                ActionNames=list(actions),
                ResourceArns=[resource],
            )
            for result in results:
                if result["EvalDecision"] != "allowed" and not result.get("MissingContextValues"):
                    yield f"permission denied: {principal} may not {result['EvalActionName']} on {resource}"
    except (ClientError, Refusal) as problem:
        stage.account.say(f"Permissions are not checked beforehand: {problem}")


def _needs(stage, given, direction, identity):
    """Actions and an example of what they are done to, once for each type of resource in each stack."""
    facts = {"partition": identity["Arn"].split(":")[1], "region": stage.account.region, "account": identity["Account"]}
    facts_of_names = {"AWS::AccountId": facts["account"], "AWS::Region": facts["region"]}
    for stack in stage.stacks:
        resources = stack.evaluated({**given, **facts_of_names}).resources
        examples = {resource["Type"]: (logical, resource["Properties"]) for logical, resource in resources.items()}
        examples["AWS::CloudFormation::Stack"] = ("Stack", {})
        for kind, (logical, properties) in examples.items():
            actions, resource = ACTIONS[kind][direction], ACTIONS[kind][2]
            if actions:
                yield actions, resource.format(**facts, **properties, stack=stack.name, logical=logical)


def _principal(account, arn):
    """Who we are to IAM: of an assumed role's session, the role. ``None`` is root, who may do everything."""
    if ":assumed-role/" in arn:
        return account.read("iam", "get_role", RoleName=arn.split("/")[1])["Role"]["Arn"]
    return None if arn.endswith(":root") else arn
