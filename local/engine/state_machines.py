"""``AWS::StepFunctions::StateMachine`` and ``Activity``: made, changed and deleted by the API of lambda-local's interpreter."""

import re

from ministack.services.cloudformation.provisioners import _physical_name, _sfn_definition

from clients import own, parameters

PLACEHOLDER = re.compile(r"\$\{([A-Za-z0-9_:.-]+)\}")


def create(logical_id, properties, stack_name):
    client = own("stepfunctions")
    name = properties.get("StateMachineName") or _physical_name(stack_name, logical_id, max_len=80)
    given = {
        "name": name,
        "type": properties.get("StateMachineType", "STANDARD"),
        "tags": tags(properties),
        **changeable(properties),
    }
    arn = client.create_state_machine(**parameters(client, "CreateStateMachine", given))["stateMachineArn"]
    return arn, attributes(client, arn)


def update(arn, old, new, stack_name, logical_id=None):
    client = own("stepfunctions")
    given = {"stateMachineArn": arn, **changeable(new)}
    client.update_state_machine(**parameters(client, "UpdateStateMachine", given))
    change_tags(client, arn, old, new)
    return arn, attributes(client, arn)


def delete(arn, properties):
    own("stepfunctions").delete_state_machine(stateMachineArn=arn)


def changeable(properties):
    given = {"definition": definition(properties), "roleArn": properties["RoleArn"]}
    for name in ("LoggingConfiguration", "TracingConfiguration"):
        if name in properties:
            given[lower(name)] = in_api_form(properties[name])
    return given


def definition(properties):
    """The definition with every substitution made; a placeholder without a value is refused here and not when it runs."""
    text = _sfn_definition(properties)
    left = sorted(set(PLACEHOLDER.findall(text)))
    if left:
        raise ValueError(f"DefinitionSubstitutions: there is no value for {', '.join(left)}")
    return text


def in_api_form(value):
    """CloudFormation's names begin with capitals, the API's do not."""
    if isinstance(value, dict):
        return {lower(name): in_api_form(member) for name, member in value.items()}
    if isinstance(value, list):
        return [in_api_form(element) for element in value]
    return value


def lower(name):
    return name[:1].lower() + name[1:]


def tags(properties):
    return [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])]


def change_tags(client, arn, old, new):
    before, after = ({tag["key"]: tag["value"] for tag in tags(properties)} for properties in (old, new))
    removed = [key for key in before if key not in after]
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)
    if after and after != before:
        client.tag_resource(resourceArn=arn, tags=tags(new))


def attributes(client, arn):
    machine = client.describe_state_machine(stateMachineArn=arn)
    revision = {"StateMachineRevisionId": machine["revisionId"]} if machine.get("revisionId") else {}
    return {"Arn": arn, "Name": machine["name"], **revision}


def create_activity(logical_id, properties, stack_name):
    client = own("stepfunctions")
    arn = client.create_activity(name=properties["Name"], tags=tags(properties))["activityArn"]
    return arn, {"Arn": arn, "Name": properties["Name"]}


def update_activity(arn, old, new, stack_name):
    change_tags(own("stepfunctions"), arn, old, new)
    return arn, {"Arn": arn, "Name": new["Name"]}


def delete_activity(arn, properties):
    own("stepfunctions").delete_activity(activityArn=arn)
