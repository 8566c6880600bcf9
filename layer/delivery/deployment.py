"""Creates, updates and deletes the stacks of a stage, each after those it depends on, and in reverse.

A layer's ARN changes with its content, and what another stack imports may not change. So the stack of the content table, which
imports both layers, is given their present ARNs to hold while the layers' stack is updated, and imports again afterwards.
"""

from botocore.exceptions import ClientError, WaiterError

from delivery import Refusal
from delivery.account import FromFile
from delivery.checks.removal import kept
from delivery.layers import version
from delivery.preflight import before_deploy, before_destroy
from delivery.stacks import ARTIFACT_STACK, CONTENT_STACK, LAYER_STACK, Stage, describe, refuse_unknown

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
BUILDS = {"X86": "SharedProxyLayerX86ExtensionBuild", "Arm": "SharedProxyLayerArmExtensionBuild"}
IMPORTS_AGAIN = {"HeldX86Layer": "", "HeldArmLayer": ""}


def deploy(account, stage_name, zips, wanted):
    """Brings all stacks of a stage to what the templates say, with ``zips`` by architecture and ``wanted`` parameters."""
    refuse_unknown(wanted)
    stage = Stage(account, stage_name)
    given = {**wanted, "X86Key": zips["x86_64"].key, "ArmKey": zips["arm64"].key, "Version": version(), **IMPORTS_AGAIN}
    _refuse(before_deploy(stage, given))
    holds = stage.layers_change(given)
    for stack in stage.stacks:
        if stack.template.stack == LAYER_STACK:
            _upload(account, stage, zips.values())
            if holds:
                _hold_layers(account, stage, given)
        _bring(account, stack, given)


def destroy(account, stage_name):
    """Deletes all stacks of a stage; what must outlast them stays, and is named."""
    stage = Stage(account, stage_name)
    _refuse(before_destroy(stage))
    for stack in reversed(stage.stacks):
        if stack.present is None:
            account.say(f"{stack.name}: does not exist")
            continue
        if stack.template.stack == ARTIFACT_STACK:
            _empty(account, _bucket(stage))
        _delete(account, stack)


def _refuse(problems):
    found = list(problems)
    if found:
        raise Refusal("\n".join(found))


def _bring(account, stack, given):
    """Creates a stack, or updates it."""
    call = {
        "StackName": stack.name,
        "TemplateBody": FromFile(stack.template.path, "file://"),
        "Parameters": _parameters(stack, given),
        "Capabilities": CAPABILITIES,
    }
    if describe(account, stack.name) is None:
        # What was created of a stack that fails goes again, its exports too: the next attempt starts from nothing.
        created = account.change("cloudformation", "create_stack", **call, OnFailure="DELETE")
        _settle(account, stack, "stack_create_complete", created and created["StackId"])
    elif _update(account, call):
        _settle(account, stack, "stack_update_complete", stack.name)


def _update(account, call):
    """Whether there was anything to update: CloudFormation calls it an error if not."""
    try:
        account.change("cloudformation", "update_stack", **call)
        return True
    except ClientError as error:
        if "No updates are to be performed" not in error.response["Error"]["Message"]:
            raise
        account.say(f"{call['StackName']}: nothing to update")
        return False


def _parameters(stack, given):
    """All of them: what is given, else what was given before, which CloudFormation would forget, else the default."""
    defaults = {name: parameter.get("Default") for name, parameter in stack.template.parameters.items()}
    values = {**defaults, **stack.template.of_stage(stack.stage), **stack.parameters, **given, "Stage": stack.stage}
    return [{"ParameterKey": name, "ParameterValue": values[name]} for name in stack.template.parameters]


def _hold_layers(account, stage, given):
    stack = stage.stack(CONTENT_STACK)
    if stack.present is None:
        return
    present = stage.stack(LAYER_STACK).exports
    held = {f"Held{name}Layer": present[f"{export}-{stage.name}"] for name, export in BUILDS.items()}
    _bring(account, stack, {**given, **held})


def _settle(account, stack, waiter, identity):
    """Waits. What fails to be created is known by its id alone, because by then its name is gone."""
    try:
        account.wait("cloudformation", waiter, StackName=identity)
    except WaiterError as error:
        raise Refusal(
            f"{stack.name} failed, and CloudFormation rolled it back:\n{_reasons(account, identity)}"
        ) from error
    if not account.dry_run:
        account.say(f"{stack.name}: {waiter.split('_')[1]}d")


def _reasons(account, name):
    events = account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=name)
    failed = [event for event in events if event.get("ResourceStatus", "").endswith("_FAILED")]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'unknown')}" for event in failed
    )


def _upload(account, stage, zips):
    bucket = _bucket(stage)
    for layer_zip in zips:
        if account.find("s3", "head_object", {"404", "NoSuchBucket"}, Bucket=bucket, Key=layer_zip.key) is None:
            account.change("s3", "put_object", Bucket=bucket, Key=layer_zip.key, Body=FromFile(layer_zip.path, ""))


def _bucket(stage):
    """By its name, which is known before the bucket is there."""
    identity = stage.account.read("sts", "get_caller_identity")
    return f"lrap-{stage.name}-{identity['Account']}-{stage.account.region}"


def _empty(account, bucket):
    """CloudFormation deletes no bucket that holds anything. One that somebody has deleted holds nothing."""
    if account.find("s3", "head_bucket", {"404", "NoSuchBucket"}, Bucket=bucket) is None:
        return
    for found in list(account.pages("s3", "list_objects_v2", "Contents", Bucket=bucket)):
        account.change("s3", "delete_object", Bucket=bucket, Key=found["Key"])


def _delete(account, stack):
    staying = kept(stack.evaluated({}))
    account.change("cloudformation", "delete_stack", StackName=stack.name)
    _settle(account, stack, "stack_delete_complete", stack.name)
    if staying:
        account.say(f"{stack.name}: kept {', '.join(staying)}: stage {stack.stage} is not for development")
