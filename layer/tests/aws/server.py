"""moto's server on a free port, with what its CloudFormation leaves out and these stacks live by.

Run by an interpreter that has moto. Prints its address, and ends when standard input does, so that it never outlives a test.

Left out by moto, and put in here: that ``AWS::NoValue`` is no element of a list; that a resource stays which moto cannot
update; policies of deletion that depend on conditions; that a bucket which is gone is no obstacle to deleting its stack; the ARN
and the updates of layer versions that stacks make; a parameter's ``Value`` and tags; exports that follow an update and a condition; change sets
(``changesets.py``); ``ListImports``; CloudFormation's refusal to change or delete what another stack imports; and IAM's simulation.
Put in with less than AWS does: custom resources, whose functions are not run.
"""

import contextlib
import json
import sys

from moto.awslambda.models import LayerVersion, lambda_backends
from moto.cloudformation import parsing
from moto.cloudformation.custom_model import CustomModel
from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.models import CloudFormationBackend
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.responses import IamResponse
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeBucket
from moto.server import ThreadedMotoServer
from moto.ssm.models import Parameter

from delivery.evaluation import Evaluation
from tests.aws import changesets
from tests.aws.resources import MODELS

PROPERTIES = ("LayerName", "Content", "Description", "CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo")

clean_json = parsing.clean_json
delete_resources = parsing.ResourceMap.delete
delete_bucket = FakeBucket.delete_from_cloudformation_json
parse_and_update_resource = parsing.parse_and_update_resource
all_exports = parsing.OutputMap.exports.fget
make_parameter = Parameter.create_from_cloudformation_json.__func__
changes = {name: getattr(CloudFormationBackend, name) for name in ("update_stack", "delete_stack")}


def make_layer_version(cls, resource_name, cloudformation_json, account_id, region_name, **_):
    given = cloudformation_json["Properties"]
    spec = {name: given[name] for name in PROPERTIES if name in given}
    return lambda_backends[account_id][region_name].publish_layer_version(spec)


def replace_layer_version(cls, original_resource, new_resource_name, cloudformation_json, account_id, region_name):
    return make_layer_version(cls, new_resource_name, cloudformation_json, account_id, region_name)


def delete_layer_version(cls, resource_name, cloudformation_json, account_id, region_name):
    layer, _, version = resource_name.rpartition(":")
    lambda_backends[account_id][region_name].delete_layer_version(layer, version)


def importers(backend, name):
    stacks = backend.stacks.values()
    return [stack.name for stack in stacks if name in Evaluation(stack.template_dict, stack.parameters).imports]


def refuse_in_use(backend, names, what):
    for name in names:
        users = importers(backend, name)
        if users:
            raise ValidationError(message=f"Export {name} cannot be {what} as it is in use by {', '.join(users)}")


def update_stack(backend, name, **given):
    before = {export.name: export.value for export in backend.get_stack(name).exports}
    stack = changes["update_stack"](backend, name, **given)
    after = {export.name: export for export in stack.exports}
    refuse_in_use(
        backend, [name for name in before if name not in after or after[name].value != before[name]], "updated"
    )
    backend.exports.update(after)
    return stack


def delete_stack(backend, name_or_stack_id):
    stacks = [stack for stack in backend.stacks.values() if name_or_stack_id in (stack.name, stack.stack_id)]
    refuse_in_use(backend, [export.name for stack in stacks for export in stack.exports], "deleted")
    changes["delete_stack"](backend, name_or_stack_id)


def list_imports(response):
    name = response._get_param("ExportName")
    found = importers(response.cloudformation_backend, name)
    if not found:
        raise ValidationError(message=f"Export '{name}' is not imported by any stack.")
    return ActionResult({"Imports": found})


def simulate_principal_policy(response):
    """By the policies of a role and the inline policies of a user; any other caller may do everything."""
    (resource,) = response._get_param("ResourceArns")
    policies = policies_of(response.backend, response._get_param("PolicySourceArn"))
    return ActionResult(
        {
            "EvaluationResults": [
                {
                    "EvalActionName": action,
                    "EvalDecision": "allowed" if is_allowed(policies, action, resource) else "implicitDeny",
                }
                for action in response._get_param("ActionNames")
            ]
        }
    )


def policies_of(backend, arn):
    name = arn.rpartition("/")[2]
    if ":role/" in arn:
        role = backend.get_role(name)
        # What a stack has written inline is not JSON text, as what a person has written is.
        inline = [json.dumps(policy) if isinstance(policy, dict) else policy for policy in role.policies.values()]
        return [IAMPolicy(policy) for policy in (*inline, *role.managed_policies.values())]
    known = any(user.name == name for user in backend.list_users("/", None, None))
    return [IAMPolicy(policy) for policy in backend.users[name].policies.values()] if known else None


def is_allowed(policies, action, resource):
    if policies is None:
        return True
    return PermissionResult.PERMITTED in [policy.is_action_permitted(action, resource) for policy in policies]


def without_no_value(node, resources):
    cleaned = clean_json(node, resources)
    return [value for value in cleaned if value is not None] if isinstance(node, list) else cleaned


def exports_that_hold(outputs):
    exported = [output for output in (outputs._output_json_map or {}).values() if output.get("Export")]
    conditions = outputs._resource_map.lazy_condition_map
    holds = ["Condition" not in output or conditions[output["Condition"]] for output in exported]
    return [export for export, is_there in zip(all_exports(outputs), holds) if is_there]


def update_resource(logical_id, resource_json, resources_map, **where):
    changed = parse_and_update_resource(logical_id, resource_json, resources_map, **where)
    return resources_map[logical_id] if changed is None else changed


def keep(resources):
    """Takes what must outlast its stack out of what moto is about to delete: it does not evaluate policies of deletion."""
    for name, resource in list(resources._resource_json_map.items()):
        if str(parsing.clean_json(resource.get("DeletionPolicy"), resources)).startswith("Retain"):
            del resources._resource_json_map[name]
    delete_resources(resources)


def delete_bucket_if_there(cls, *resource):
    with contextlib.suppress(MissingBucket):
        delete_bucket(*resource)


def make_tagged_parameter(cls, resource_name, cloudformation_json, account_id, region_name, **where):
    """A parameter's tags are an object in templates, of which moto knows only lists."""
    tags = cloudformation_json["Properties"].get("Tags", {})
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    made = {**cloudformation_json, "Properties": {**cloudformation_json["Properties"], "Tags": listed}}
    return make_parameter(cls, resource_name, made, account_id, region_name, **where)


def parameter_attribute(parameter, name):
    return {"Value": parameter.value}[name]


def make_custom_resource(cls, resource_name, cloudformation_json, account_id, region_name, **where):
    made = CustomModel(region_name, "", where["LogicalId"], resource_name)
    made.set_data({})
    return made


def complete_moto():
    assert MODELS, "moto knows them by their being there"
    parsing.clean_json = without_no_value
    parsing.parse_and_update_resource = update_resource
    parsing.OutputMap.exports = property(exports_that_hold)
    LayerVersion.create_from_cloudformation_json = classmethod(make_layer_version)
    LayerVersion.update_from_cloudformation_json = classmethod(replace_layer_version)
    LayerVersion.delete_from_cloudformation_json = classmethod(delete_layer_version)
    LayerVersion.physical_resource_id = property(lambda layer: layer.arn)
    CustomModel.create_from_cloudformation_json = classmethod(make_custom_resource)
    Parameter.get_cfn_attribute = parameter_attribute
    Parameter.create_from_cloudformation_json = classmethod(make_tagged_parameter)
    FakeBucket.delete_from_cloudformation_json = classmethod(delete_bucket_if_there)
    parsing.ResourceMap.delete = keep
    changesets.complete(update_stack)
    CloudFormationBackend.update_stack = update_stack
    CloudFormationBackend.delete_stack = delete_stack
    CloudFormationResponse.list_imports = list_imports
    IamResponse.simulate_principal_policy = simulate_principal_policy


def serve():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    complete_moto()
    serve()
