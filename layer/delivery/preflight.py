"""What would fail half-way, found before anything is changed: each problem is one line that says what to do about it.

The kinds are those that CloudFormation's own messages are least helpful with: an export in use, a resource that exists already, a
dependency that is missing, permission that is denied; and a stack that cannot be touched in the state it is in.
"""

from delivery.simulation import CREATE, DELETE, denied

# How to ask whether a named resource exists: its property, and the service, operation, argument and error that say it does not.
NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "describe_table", "TableName", {"ResourceNotFoundException"}),
    "AWS::S3::Bucket": ("BucketName", "s3", "head_bucket", "Bucket", {"404", "NoSuchBucket"}),
    "AWS::SSM::Parameter": ("Name", "ssm", "get_parameter", "Name", {"ParameterNotFound"}),
}
# Of stacks that never came to be, or are half gone.
NEVER_UPDATED = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
LAYER_EXPORTS = ("SharedProxyLayerX86LongContent", "SharedProxyLayerArmLongContent")


def before_deploy(stage, given):
    """What prevents deploying a stage's stacks."""
    yield from _untouchable(stage)
    yield from _missing(stage, given)
    yield from _existing(stage, given)
    if stage.layers_change(given):
        exports = [f"{name}-{stage.name}" for name in LAYER_EXPORTS]
        parameter = f"/long-content/{stage.name}/layer/…"
        yield from _in_use(stage, exports, f"it cannot change: let them read the parameter {parameter} instead")
    yield from denied(stage, given, CREATE)


def before_destroy(stage):
    """What prevents deleting them."""
    yield from _untouchable(stage, deleting=True)
    exports = [name for stack in stage.stacks for name in stack.exports]
    yield from _in_use(stage, exports, "delete those stacks first, or take the import out of them")
    yield from denied(stage, {}, DELETE)


def _untouchable(stage, deleting=False):
    for stack in stage.stacks:
        status = stack.status or ""
        if status == "REVIEW_IN_PROGRESS":
            yield f"stack busy: {stack.name} is {status}: execute its change set, or delete the stack"
        elif status.endswith("_IN_PROGRESS"):
            yield f"stack busy: {stack.name} is {status}: wait until that is over"
        elif not deleting and status == "UPDATE_ROLLBACK_FAILED":
            yield f"stack broken: {stack.name} is {status}: `aws cloudformation continue-update-rollback` brings it back"
        elif not deleting and status in NEVER_UPDATED:
            yield f"stack broken: {stack.name} is {status}, and takes no update: `make destroy STAGE={stage.name}` removes it"


def _missing(stage, given):
    evaluations = [stack.evaluated(given) for stack in stage.stacks]
    available = set(stage.exports).union(*(evaluation.exports for evaluation in evaluations))
    for stack, evaluation in zip(stage.stacks, evaluations):
        for name in sorted(evaluation.imports - available):
            yield f"missing dependency: {stack.name} imports {name}, which no stack exports"


def _existing(stage, given):
    for stack in stage.stacks:
        evaluation = stack.evaluated({**given, **_here(stage.account)})
        for name in evaluation.exports:
            owner = stage.exports.get(name, (stack.name,))[0]
            if owner != stack.name:
                yield f"resource exists: {owner} exports {name} already, and {stack.name} cannot: take another STAGE"
        if stack.present is None:
            yield from _existing_resources(stage, stack, evaluation)


def _existing_resources(stage, stack, evaluation):
    for resource in evaluation.resources.values():
        if resource["Type"] not in NAMED:
            continue
        name_property, service, operation, argument, absent = NAMED[resource["Type"]]
        name = resource["Properties"][name_property]
        if stage.account.find(service, operation, absent, **{argument: name}) is not None:
            yield (
                f"resource exists: {resource['Type']} {name} exists, and does not belong to the stack {stack.name}: import it "
                "into one by a change set of type IMPORT, delete it, or take another STAGE"
            )


def _in_use(stage, exports, remedy):
    for name in exports:
        importers = stage.importers(name)
        if importers:
            yield f"export in use: {name} is imported by {', '.join(importers)}: {remedy}"


def _here(account):
    """What names in templates are made of."""
    return {"AWS::AccountId": account.read("sts", "get_caller_identity")["Account"], "AWS::Region": account.region}
