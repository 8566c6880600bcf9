"""Change sets as CloudFormation makes them, in place of moto's, which see neither parameters nor reasons.

Also here: that a parameter whose value is read from the Systems Manager is described by its name and read anew with every update.
"""

import json

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend, Stack
from moto.cloudformation.parsing import ResourceMap
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult
from moto.ssm.models import ssm_backends

from delivery.evaluation import Evaluation

FROM_SSM = "AWS::SSM::Parameter::Value<"
EMPTY = "The submitted information didn't contain changes. Submit different information to create a change set."
# Of properties that cannot change: the resource is made anew.
REPLACING = {
    "AWS::Lambda::LayerVersion": {"Content", "LayerName", "Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"},
    "AWS::DynamoDB::Table": {"TableName"},
    "AWS::Lambda::Function": {"FunctionName"},
    "AWS::SSM::Parameter": {"Name"},
}
load_parameters = ResourceMap.load_parameters
build_resource_diff = ResourceMap.build_resource_diff
kept = {}


def create(response):
    """Makes a change set of an update, and keeps what it would do."""
    backend, stack_name = response.cloudformation_backend, response._get_param("StackName")
    stack = backend.get_stack(stack_name)
    given = response._get_param("Parameters", [])
    body = response._get_param("TemplateBody") or response._get_stack_from_s3_url(response._get_param("TemplateURL"))
    parameters = backend._resolve_update_parameters(stack, given)
    identity = f"arn:aws:cloudformation:{backend.region_name}:{backend.account_id}:changeSet/{response._get_param('ChangeSetName')}/1"
    kept[stack_name, response._get_param("ChangeSetName")] = {
        "update": {"name": stack_name, "template": body, "role_arn": None, "parameters": given, "tags": None},
        "described": described(stack, identity, list(changes(stack, Stack.parse_template(body), parameters))),
    }
    return ActionResult({"Id": identity, "StackId": stack.stack_id})


def described(stack, identity, found):
    status = {"Status": "CREATE_COMPLETE", "ExecutionStatus": "AVAILABLE"} if found else {"Status": "FAILED", "StatusReason": EMPTY}
    names = {"ChangeSetId": identity, "StackName": stack.name, "StackId": stack.stack_id}
    return {**names, "Parameters": {}, "Tags": {}, "Changes": found, **status}


def changes(stack, template, parameters):
    """What differs between a stack and what it is to be, resource by resource."""
    before = evaluated(stack, stack.template_dict, stack.parameters, resolved_before)
    after = evaluated(stack, template, parameters, resolved_now)
    for name in {**before, **after}:
        if name not in before or name not in after:
            yield change("Add" if name in after else "Remove", name, {**before, **after}[name])
            continue
        written = [one["Resources"].get(name, {}) for one in (stack.template_dict, template)]
        details = list(reasons(before[name], after[name], *written, moved(stack, template, parameters)))
        if details:
            replacing = REPLACING.get(after[name]["Type"], set())
            yield change("Modify", name, after[name], details, str(any(detail["Target"]["Name"] in replacing for detail in details)))


def change(action, name, resource, details=(), replacement="False"):
    rest = {"Replacement": replacement, "Details": list(details)} if action == "Modify" else {}
    return {"Action": action, "LogicalResourceId": name, "ResourceType": resource["Type"], **rest}


def reasons(before, after, written_before, written_after, parameters):
    """A detail for each property that comes to something else, by the template's text or by a parameter."""
    old, new = before.get("Properties", {}), after.get("Properties", {})
    for name in {**old, **new}:
        if old.get(name) == new.get(name):
            continue
        detail = {"Target": {"Attribute": "Properties", "Name": name}, "Evaluation": "Static"}
        texts = [written.get("Properties", {}).get(name) for written in (written_before, written_after)]
        if texts[0] != texts[1]:
            yield {**detail, "ChangeSource": "DirectModification"}
        for parameter, names in parameters.items():
            if any(mentions(texts[1], one) for one in names):
                yield {**detail, "ChangeSource": "ParameterReference", "CausingEntity": parameter}


def mentions(node, name):
    text = json.dumps(node)
    return f'"{name}"' in text or f"${{{name}}}" in text


def evaluated(stack, template, parameters, resolve):
    """Resources with what their parameters come to, those that are looked up too."""
    declared = template.get("Parameters", {})
    looked_up = {name: resolve(stack, name, parameters) for name, slot in declared.items() if slot["Type"].startswith(FROM_SSM)}
    return Evaluation(template, {**parameters, **looked_up}).resources


def resolved_before(stack, name, _):
    return stack.resource_map.resolved_parameters[name]


def resolved_now(stack, name, parameters):
    return ssm_backends[stack.account_id][stack.region_name].get_parameter(parameters[name]).value


def moved(stack, template, parameters):
    """Parameters that come to something else than before, each with its name and those of the conditions that look at it."""
    declared = template.get("Parameters", {}).items()
    looked_up = {name for name, slot in declared if slot["Type"].startswith(FROM_SSM)}
    found = [name for name in parameters if name not in looked_up and stack.parameters.get(name) != parameters[name]]
    found += [name for name in looked_up if resolved_now(stack, name, parameters) != stack.resource_map.resolved_parameters.get(name)]
    conditions = template.get("Conditions", {}).items()
    found.sort()
    return {one: [one, *(name for name, condition in conditions if mentions(condition, one))] for one in found}


def describe(response):
    return ActionResult(found(response)["described"])


def delete(response):
    kept.pop((response._get_param("StackName"), response._get_param("ChangeSetName")), None)
    return EmptyResult()


def execute_by(update_stack):
    def execute(response):
        update_stack(response.cloudformation_backend, **found(response)["update"])
        return delete(response)

    return execute


def found(response):
    name = response._get_param("ChangeSetName")
    if (response._get_param("StackName"), name) not in kept:
        raise ValidationError(message=f"ChangeSet [{name}] does not exist")
    return kept[response._get_param("StackName"), name]


def diff_with_looked_up(resources, template, parameters=None):
    """Also what refers to a parameter whose value in the Systems Manager is another by now."""
    found = build_resource_diff(resources, template, parameters)
    declared, backend = template.get("Parameters", {}).items(), ssm_backends[resources._account_id][resources._region_name]
    for name in (name for name, slot in declared if slot["Type"].startswith(FROM_SSM)):
        if backend.get_parameter((parameters or {})[name]).value != resources.resolved_parameters.get(name):
            named = [resource for resource, written in template["Resources"].items() if mentions(written, name)]
            found["Modify"] += [one for one in named if one not in found["Modify"] and one not in found["Add"]]
    return found


def load_given_parameters(resources):
    """Only what is given is looked up: moto looks up every default too, whether it is there or not."""
    declared = resources._template.get("Parameters", {}).items()
    defaults = {name: slot.pop("Default") for name, slot in declared if slot["Type"].startswith(FROM_SSM) and "Default" in slot}
    resources.input_parameters = {**defaults, **resources.input_parameters}
    load_parameters(resources)


def named_parameters(stack):
    """As they were given: moto describes what was looked up in place of its name."""
    resolved = stack.resource_map.resolved_parameters
    slots = stack.template_dict.get("Parameters", {})
    values = {name: stack.parameters.get(name, value) if slots[name]["Type"].startswith(FROM_SSM) else value for name, value in resolved.items()}
    texts = {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}
    return [{"ParameterKey": name, "ParameterValue": text} for name, text in texts.items()]


def complete(update_stack):
    ResourceMap.load_parameters = load_given_parameters
    ResourceMap.build_resource_diff = diff_with_looked_up
    Stack.parameter_list = property(named_parameters)
    CloudFormationResponse.create_change_set = create
    CloudFormationResponse.describe_change_set = describe
    CloudFormationResponse.delete_change_set = delete
    CloudFormationResponse.execute_change_set = execute_by(update_stack)
    assert CloudFormationBackend.create_change_set, "moto still has the change sets that these replace"
