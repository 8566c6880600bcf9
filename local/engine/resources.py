"""What CloudFormation makes on this machine: tables and state machines by lambda-local, functions that can run here, all else by ministack,
which refuses a type that nothing makes by its name.
"""

from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners, stacks

import alarms
import functions
import http_apis
import packages
import state_machines
import tables

runs_on_worker_thread = stacks._runs_on_worker_thread
handlers = provisioners._RESOURCE_HANDLERS
create_function = handlers["AWS::Lambda::Function"]["create"]
update_function = handlers["AWS::Lambda::Function"]["update"]

OWN = {
    "AWS::DynamoDB::Table": {
        "create": tables.create,
        "update": tables.update,
        "update_with_logical_id": True,
        "delete": tables.delete,
    },
    "AWS::ApiGatewayV2::Api": {
        "create": http_apis.create,
        "update": http_apis.update,
        "update_with_logical_id": True,
        "delete": http_apis.delete,
    },
    "AWS::StepFunctions::StateMachine": {
        "create": state_machines.create,
        "update": state_machines.update,
        "update_with_logical_id": True,
        "delete": state_machines.delete,
    },
    "AWS::StepFunctions::Activity": {
        "create": state_machines.create_activity,
        "update": state_machines.update_activity,
        "delete": state_machines.delete_activity,
    },
}

# Whose handlers elsewhere call the endpoint.
CALLING = {"AWS::Lambda::EventSourceMapping", "AWS::CloudWatch::Alarm"}


def complete():
    alarms.complete()
    handlers.update(OWN)
    handlers["AWS::ApiGatewayV2::Authorizer"].update(create=http_apis.create_authorizer, update=http_apis.update_authorizer)
    handlers["AWS::Lambda::Function"].update(create=make_function, update=change_function)
    provisioners._REPLACING_PROPERTIES["AWS::StepFunctions::Activity"] = ("Name",)
    stacks._runs_on_worker_thread = waits_for_this_endpoint


def waits_for_this_endpoint(resource_type):
    """What calls the endpoint must not hold up the server that is behind it."""
    return resource_type in OWN or resource_type in CALLING or runs_on_worker_thread(resource_type)


def make_function(logical_id, properties, stack_name):
    check_function(properties)
    name, attributes = create_function(logical_id, properties, stack_name)
    function = lambda_svc._functions[name]
    if not function["code_zip"]:
        del lambda_svc._functions[name]
        code = properties["Code"]
        raise ValueError(f"Code: cannot get s3://{code.get('S3Bucket')}/{code.get('S3Key')}, or it is empty")
    set_what_is_left_out(function, properties)
    return name, attributes


def change_function(name, old, new, stack_name, logical_id=None):
    check_function(new)
    made = update_function(name, old, new, stack_name, logical_id)
    set_what_is_left_out(lambda_svc._functions[made[0]], new)
    return made


def set_what_is_left_out(function, properties):
    """By ministack's handler of the type."""
    reserved = properties.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved is None else int(reserved)
    function["config"].pop("DeadLetterConfig", None)
    if properties.get("DeadLetterConfig"):
        function["config"]["DeadLetterConfig"] = properties["DeadLetterConfig"]


def check_function(properties):
    try:
        functions.check(properties)
    except packages.Unusable as error:
        raise ValueError(str(error)) from error
