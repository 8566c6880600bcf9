"""Creates, updates and deletes the stacks of a stage, each after those it depends on, and in reverse.

A layer's ARN changes with its content, and what another stack imports may not change. So the stack of the content table, which
imports both layers, is given their present ARNs to hold while the layers' stack is updated, and imports again afterwards.
"""

from dataclasses import dataclass

from botocore.exceptions import WaiterError

from delivery import Refusal, seeding
from delivery.account import FromFile
from delivery.artifacts import nested_named
from delivery.changes import added, described, discard, execute, propose
from delivery.checks.removal import kept
from delivery.layers import LayerZip, version
from delivery.packaging import generated
from delivery.preflight import before_deploy, before_destroy, warnings
from delivery.stacks import CONTENT_STACK, LAYER_STACK, describe

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
BUCKET = "AWS::S3::Bucket"
BUILDS = {"X86": "SharedProxyLayerX86ExtensionBuild", "Arm": "SharedProxyLayerArmExtensionBuild"}
IMPORTS_AGAIN = {"HeldX86Layer": "", "HeldArmLayer": ""}


@dataclass
class Wanted:
    """What a stage is to be: parameters by name, and what must be uploaded for the layers' stack."""

    parameters: dict
    layers: list


def wanted(stage, parameters, zips):
    """``zips`` are paths by architecture, which are looked into only if the layers are meant."""
    if not stage.has(LAYER_STACK):
        return Wanted({**parameters, **IMPORTS_AGAIN}, [])
    found = {architecture: LayerZip.read(path, architecture, stage.name) for architecture, path in zips.items()}
    keys = {"X86Key": found["x86_64"].key, "ArmKey": found["arm64"].key, "Version": version()}
    return Wanted({**parameters, **keys, **IMPORTS_AGAIN}, list(found.values()))


def deploy(account, stage, wanted_stage):
    """Brings the stacks of a stage to what the templates say."""
    given = wanted_stage.parameters
    packages = {stack.name: _packaged(stage, stack, given) for stack in stage.stacks}
    _refuse(before_deploy(stage, given))
    for line in warnings(stage, given):
        account.say(line)
    holds = stage.layers_change(given)
    for stack in stage.stacks:
        if stack.called == LAYER_STACK:
            _upload(account, stage, wanted_stage.layers)
            if holds:
                _hold_layers(account, stage, given)
        _upload(account, stage, packages[stack.name].artifacts)
        _bring(account, stage, stack, given)
        if stack.called == seeding.STACK:
            seeding.seed(account, stage)
    for stack in stage.stacks:
        for line in _outputs(account, stack):
            account.report(line)


def _outputs(account, stack):
    """What a stack tells people: other stacks import the rest."""
    present = describe(account, stack.name) or {}
    for output in present.get("Outputs", []):
        if not output.get("ExportName"):
            yield f"{stack.name}: {output['OutputKey']} is {output['OutputValue']}"


def diff(account, stage, wanted_stage):
    """Says what deploying would change. Returns whether it would change anything."""
    given = wanted_stage.parameters
    changed = [stack.name for stack in stage.stacks if _differs(account, stage, stack, given)]
    if stage.layers_change(given):
        account.say("A new version of the layer reaches the stacks of functions by their parameter, once it is published.")
    account.say(f"{len(changed)} of {len(stage.stacks)} stacks would change{': ' if changed else ''}{', '.join(changed)}")
    return bool(changed)


def destroy(account, stage):
    """Deletes the stacks of a stage; what must outlast them stays, and is named."""
    _refuse(before_destroy(stage))
    for stack in reversed(stage.stacks):
        if stack.present is None:
            account.say(f"{stack.name}: does not exist")
            continue
        for bucket in _deleted_buckets(account, stack):
            _empty(account, bucket)
        _delete(account, stack)


def _refuse(problems):
    found = list(problems)
    if found:
        raise Refusal("\n".join(found))


def _bring(account, stage, stack, given):
    """Creates a stack, or updates it if there is anything to update."""
    call = _call(account, stage, stack, given)
    if describe(account, stack.name) is None:
        # What was created of a stack that fails goes again, its exports too: the next attempt starts from nothing.
        created = account.change("cloudformation", "create_stack", **call, OnFailure="DELETE")
        _settle(account, stack, "stack_create_complete", created["StackId"] if created else stack.name)
        return
    name, changes = propose(account, call, bool(nested_named(stack.template)))
    if changes == []:
        account.say(f"{stack.name}: nothing to update")
        return
    for line in described(changes or []):
        account.say(line)
    execute(account, stack.name, name)
    _settle(account, stack, "stack_update_complete", stack.name)


def _differs(account, stage, stack, given):
    if stack.present is None:
        account.say("\n".join([f"{stack.name}: would be created", *added(stack.wholly_evaluated(given, stage.facts))]))
        return True
    name, changes = propose(account, _call(account, stage, stack, given), bool(nested_named(stack.template)))
    if not changes:
        account.say(f"{stack.name}: nothing to update")
        return False
    discard(account, stack.name, name)
    account.say("\n".join([f"{stack.name}: would be updated", *described(changes)]))
    return True


def _packaged(stage, stack, given):
    return stack.package(_own(stack, given), stage.bucket)


def _own(stack, given):
    """Those of the parameters that a stack's template has."""
    return {name: value for name, value in given.items() if name in stack.template.parameters}


def _call(account, stage, stack, given):
    """What CloudFormation is asked with, whether a stack is there or not."""
    package = _packaged(stage, stack, given)
    template = generated(stack.name, package.body)
    if package.is_long:
        _upload(account, stage, [template])
    return {
        "StackName": stack.name,
        **_template(stage, package, template),
        "Parameters": list(_parameters(stack, given)),
        "Capabilities": CAPABILITIES,
    }


def _parameters(stack, given):
    """All of them, because CloudFormation would forget those that are left out. What it does not show, it remembers."""
    own = _own(stack, given)
    for name, value in stack.values(own).items():
        is_hidden = stack.template.parameters[name].get("NoEcho") and name not in own and name in stack.parameters
        yield {"ParameterKey": name, **({"UsePreviousValue": True} if is_hidden else {"ParameterValue": str(value)})}


def _template(stage, package, artifact):
    """How CloudFormation gets a template: with the call, if it is short enough."""
    if package.is_long:
        return {"TemplateURL": stage.bucket.address(artifact.key)}
    return {"TemplateBody": FromFile(artifact.path, "file://")}


def _hold_layers(account, stage, given):
    stack = stage.stack(CONTENT_STACK)
    if stack.present is None:
        return
    present = stage.stack(LAYER_STACK).exports
    held = {f"Held{name}Layer": present[f"{export}-{stage.name}"] for name, export in BUILDS.items()}
    _bring(account, stage, stack, {**given, **held})


def _settle(account, stack, waiter, identity):
    """Waits. What fails to be created is known by its id alone, because by then its name is gone."""
    try:
        account.wait("cloudformation", waiter, StackName=identity)
    except WaiterError as error:
        raise Refusal(
            f"{stack.name} failed, and CloudFormation rolled it back:\n{_reasons(account, identity)}"
        ) from error
    account.report(f"{stack.name}: {waiter.split('_')[1]}d")


def _reasons(account, name):
    events = account.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=name)
    failed = [event for event in events if event.get("ResourceStatus", "").endswith("_FAILED")]
    return "\n".join(
        f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'unknown')}" for event in failed
    )


def _upload(account, stage, artifacts):
    for artifact in artifacts:
        if account.find("s3", "head_object", {"404", "NoSuchBucket"}, Bucket=stage.bucket.name, Key=artifact.key) is None:
            account.change("s3", "put_object", Bucket=stage.bucket.name, Key=artifact.key, Body=FromFile(artifact.path, ""))


def _deleted_buckets(account, stack):
    """Names of the buckets that are deleted with their stack."""
    staying = kept(stack.evaluated({}))
    for made in account.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack.name):
        if made["ResourceType"] == BUCKET and made["LogicalResourceId"] not in staying and made.get("PhysicalResourceId"):
            yield made["PhysicalResourceId"]


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
        account.report(f"{stack.name}: kept {', '.join(staying)}, because {stack.stage} is not a development stage")
