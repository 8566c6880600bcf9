"""Resources that moto's services know and its CloudFormation does not: made and deleted by those services."""

import contextlib
import json

from moto.apigatewayv2.models import apigatewayv2_backends
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.core.common_models import CloudFormationModel
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.stepfunctions.models import stepfunctions_backends


def make_secret(backend, name, properties):
    made = backend.create_secret(
        name, None, None, properties.get("Description"), None, None, None, [], force_overwrite=False
    )
    return json.loads(made)["ARN"]


def delete_secret(backend, arn):
    backend.delete_secret(arn, recovery_window_in_days=None, force_delete_without_recovery=True)


def make_activity(backend, name, properties):
    return backend.create_activity(name).arn


def delete_activity(backend, arn):
    backend.delete_activity(arn)


def make_api(backend, name, properties):
    """By its own name, or by that of the document that describes it."""
    title = properties["Body"]["info"]["title"] if "Body" in properties else properties["Name"]
    return backend.create_api(None, None, None, None, None, title, "HTTP", None, {}, None).api_id


def delete_api(backend, api):
    backend.delete_api(api)


def make_url(backend, name, properties):
    backend.create_function_url_config(properties["TargetFunctionArn"], properties)
    return properties["TargetFunctionArn"]


def delete_url(backend, function):
    # A function that is deleted first takes its URL with it.
    with contextlib.suppress(UnknownFunctionException):
        backend.delete_function_url_config(function)


def make_subscription(backend, name, properties):
    arn = backend.subscribe(properties["TopicArn"], properties["Endpoint"], properties["Protocol"]).arn
    backend.set_subscription_attributes(arn, "RawMessageDelivery", str(properties.get("RawMessageDelivery", False)).lower())
    return arn


def delete_subscription(backend, arn):
    backend.unsubscribe(arn)


def model(kind, name_property, backends, make, delete):
    """What CloudFormation makes resources of one type by."""

    def create(cls, resource_name, cloudformation_json, account_id, region_name, **_):
        made = cls()
        backend = backends[account_id][region_name]
        made.physical_resource_id = make(backend, resource_name, cloudformation_json["Properties"])
        return made

    def remove(cls, resource_name, cloudformation_json, account_id, region_name):
        delete(backends[account_id][region_name], resource_name)

    def attribute(self, name):
        # The address that AWS would give: moto's APIs and functions have none here.
        service = {"ApiEndpoint": "execute-api", "FunctionUrl": "lambda-url"}[name]
        return f"https://{self.physical_resource_id.rpartition(':')[2]}.{service}.amazonaws.com"

    members = {
        "has_cfn_attr": classmethod(lambda cls, name: name in ("ApiEndpoint", "FunctionUrl")),
        "get_cfn_attribute": attribute,
        "physical_resource_id": "",
        "cloudformation_name_type": staticmethod(lambda: name_property),
        "cloudformation_type": staticmethod(lambda: kind),
        "create_from_cloudformation_json": classmethod(create),
        "delete_from_cloudformation_json": classmethod(remove),
    }
    return type(kind.replace("::", ""), (CloudFormationModel,), members)


# moto finds models among the subclasses that there are: they only have to be kept.
MODELS = (
    model("AWS::SecretsManager::Secret", "Name", secretsmanager_backends, make_secret, delete_secret),
    model("AWS::SNS::Subscription", "SubscriptionName", sns_backends, make_subscription, delete_subscription),
    model("AWS::StepFunctions::Activity", "Name", stepfunctions_backends, make_activity, delete_activity),
    model("AWS::ApiGatewayV2::Api", "Name", apigatewayv2_backends, make_api, delete_api),
    model("AWS::Lambda::Url", "TargetFunctionArn", lambda_backends, make_url, delete_url),
)
