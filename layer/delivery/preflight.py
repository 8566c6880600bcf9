"""What would fail half-way, found before anything is changed: each problem is one line that says what to do about it.

The kinds are those that CloudFormation's own messages are least helpful with: an export in use, a resource that exists already, a
dependency that is missing, permission that is denied; and a stack that cannot be touched in the state it is in.
"""

from delivery.checks.functions import has_layer
from delivery.layers import ARCHITECTURES, layer_name, name_of_layer
from delivery.settings import mistakes
from delivery.simulation import CREATE, DELETE, denied
from delivery.stacks import FUNCTION, LAYER_STACK

# How to ask whether a named resource exists: its property, and the service, operation, argument and error that say it does not.
NAMED = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "describe_table", "TableName", {"ResourceNotFoundException"}),
    "AWS::IAM::Role": ("RoleName", "iam", "get_role", "RoleName", {"NoSuchEntity"}),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "get_function_configuration", "FunctionName", {"ResourceNotFoundException"}),
    "AWS::S3::Bucket": ("BucketName", "s3", "head_bucket", "Bucket", {"404", "NoSuchBucket"}),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager", "describe_secret", "SecretId", {"ResourceNotFoundException"}),
    "AWS::SQS::Queue": ("QueueName", "sqs", "get_queue_url", "QueueName", {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}),
    "AWS::SSM::Parameter": ("Name", "ssm", "get_parameter", "Name", {"ParameterNotFound"}),
}
# Of stacks that never came to be, or are half gone.
NEVER_UPDATED = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"}
LAYER_EXPORTS = ("SharedProxyLayerX86LongContent", "SharedProxyLayerArmLongContent")


def before_deploy(stage, given):
    """What prevents deploying a stage's stacks."""
    yield from _untouchable(stage)
    yield from _missing(stage, given)
    yield from _unsettled(stage, given)
    yield from _existing(stage, given)
    yield from _mistaken(stage, given)
    if stage.layers_change(given):
        exports = [f"{name}-{stage.name}" for name in LAYER_EXPORTS]
        parameter = f"/long-content/{stage.name}/layer/…"
        yield from _in_use(stage, exports, f"its value cannot change, so let these stacks read the parameter {parameter} instead")
    yield from denied(stage, given, CREATE)


def warnings(stage, given):
    """What is deployed as it was asked for, although few would want it."""
    for stack in stage.stacks:
        values = stack.values(given)
        for name, off in stack.template.off_without.items():
            if values.get(name) == "":
                yield f"warning: {stack.name}: {name} is empty: {off}"
        if values.get("Open") == "true":
            yield f"warning: {stack.name}: with Open=true everyone can use its API, without credentials"


def before_destroy(stage):
    """What prevents deleting them."""
    yield from _untouchable(stage, deleting=True)
    exports = [name for stack in stage.stacks for name in stack.exports]
    yield from _in_use(stage, exports, "delete those stacks first, or take the import out of them")
    yield from _attached(stage)
    yield from denied(stage, {}, DELETE)


def _untouchable(stage, deleting=False):
    for stack in stage.stacks:
        status = stack.status or ""
        if status == "REVIEW_IN_PROGRESS":
            yield f"stack busy: {stack.name} is {status}: execute its change set, or delete the stack"
        elif status.endswith("_IN_PROGRESS"):
            yield f"stack busy: {stack.name} is {status}: wait until it has ended"
        elif not deleting and status == "UPDATE_ROLLBACK_FAILED":
            yield f"stack broken: {stack.name} is {status}: `aws cloudformation continue-update-rollback` repairs it"
        elif not deleting and status in NEVER_UPDATED:
            yield f"stack broken: {stack.name} is {status}, and takes no update: `make destroy STAGE={stage.name}` removes it"


def _mistaken(stage, given):
    """Settings with which the extension would end, and the function with it."""
    for stack in stage.stacks:
        functions = [each.of_type(FUNCTION).items() for each in stack.wholly_evaluated(given)]
        for name, function in (pair for each in functions for pair in each):
            variables = function["Properties"].get("Environment", {}).get("Variables", {})
            for mistake in mistakes(variables, stage.account.region) if has_layer(function["Properties"]) else ():
                yield f"wrong setting: {stack.name}: {name} would not start: {mistake}"


def _attached(stage):
    """Functions of others that have the layer of the stage, which is about to go with its table."""
    if not stage.has(LAYER_STACK):
        return
    ours = set(stage.functions())
    layers = {layer_name(architecture, stage.name) for architecture in ARCHITECTURES}
    for function in stage.account.pages("lambda", "list_functions", "Functions"):
        attached = [layer["Arn"] for layer in function.get("Layers", []) if name_of_layer(layer["Arn"]) in layers]
        if attached and function["FunctionName"] not in ours:
            yield (
                f"layer in use: the function {function['FunctionName']} has {attached[0]}: "
                f"`make detach FUNCTION={function['FunctionName']}` removes it"
            )


def _missing(stage, given):
    evaluations = [stack.wholly_evaluated(given) for stack in stage.stacks]
    available = set(stage.exports).union(*(evaluation.exports for whole in evaluations for evaluation in whole))
    for stack, whole in zip(stage.stacks, evaluations):
        for name in sorted(set().union(*(evaluation.imports for evaluation in whole)) - available):
            yield f"missing dependency: {stack.name} imports {name}, which no stack exports{_remedy(stage, name, given)}"


def _remedy(stage, name, given):
    """Which stack exports a name, if one of ours does that is not meant."""
    givers = [stack.called for stack in stage.every if stack not in stage.stacks and name in stack.evaluated(given).exports]
    return f": add {', '.join(givers)} to ONLY=" if givers else ""


def _unsettled(stage, given):
    """Parameters that have no value: no default, and nobody gave one."""
    for stack in stage.stacks:
        values = stack.values(given)
        for name in stack.template.parameters:
            if name not in values:
                yield f"missing dependency: {stack.name} needs a value for {name}: PARAMETERS=\"{name}=…\""


def _existing(stage, given):
    for stack in stage.stacks:
        whole = stack.wholly_evaluated(given, stage.facts)
        for name in (name for evaluation in whole for name in evaluation.exports):
            owner = stage.exports.get(name, (stack.name,))[0]
            if owner != stack.name:
                yield f"resource exists: {owner} exports {name} already, so {stack.name} cannot export it: use another STAGE"
        for evaluation in whole if stack.present is None else ():
            yield from _existing_resources(stage, stack, evaluation)


def _existing_resources(stage, stack, evaluation):
    for resource in evaluation.resources.values():
        if resource["Type"] not in NAMED:
            continue
        name_property, service, operation, argument, absent = NAMED[resource["Type"]]
        name = resource.get("Properties", {}).get(name_property)
        # Without a name it gets one that nothing else has; what is in angle brackets comes to be with the stack.
        if name is None or "<" in name:
            continue
        if stage.account.find(service, operation, absent, **{argument: name}) is not None:
            yield (
                f"resource exists: {resource['Type']} {name} exists, and does not belong to the stack {stack.name}: import it "
                "into the stack with a change set of type IMPORT, delete it, or use another STAGE"
            )


def _in_use(stage, exports, remedy):
    for name in exports:
        importers = stage.importers(name)
        if importers:
            yield f"export in use: {name} is imported by {', '.join(importers)}: {remedy}"

