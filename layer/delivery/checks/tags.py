"""What every resource says of itself in a bill or an inventory: of which project it is, and of which stage."""

from delivery.checks.parameters import STACKS

# What costs money or grants rights. SAM writes the tags of an HTTP API into its OpenAPI document.
TAGGED = (
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Lambda::Function",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
)
PROJECT = "lrap"


def check(template):
    """Resources of our own stacks without these tags."""
    if template.path.parent.name != STACKS:
        return
    found = set()
    for given, evaluation in template.evaluations:
        expected = {"Project": PROJECT, "Stage": given["Stage"]}
        for name, resource in evaluation.resources.items():
            if resource["Type"] in TAGGED and not expected.items() <= _tags(resource).items():
                found.add(f"{template.name}: {name} does not have the tags Project and Stage")
    yield from sorted(found)


def _tags(resource):
    """By key: some types take a list of pairs, others an object."""
    tags = resource.get("Properties", {}).get("Tags", {})
    return tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
