"""Clients of this endpoint's public API, for what is lambda-local's: they use the same API as every caller."""

import functools
import threading

import boto3
from botocore.config import Config
from ministack.core.responses import get_account_id, get_region

from settings import settings

making = threading.Lock()


def own(service):
    """A client of the account and the region that the current request is for."""
    # Sessions of boto3 are not for several threads at once; the clients they make are.
    with making:
        return client(service, get_region(), get_account_id())


@functools.cache
def client(service, region, account):
    return boto3.client(
        service,
        region_name=region,
        endpoint_url=settings["public"],
        aws_access_key_id=account,
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, proxies={}, ignore_configured_endpoint_urls=True),
    )


def parameters(operation_client, operation, properties):
    """Those properties of a template that the operation takes, in the types that it takes: a template's numbers and truths may be text."""
    model = operation_client.meta.service_model.operation_model(operation)
    return shaped(properties, model.input_shape)


def shaped(value, shape):
    if shape.type_name == "structure":
        members = {name: member for name, member in shape.members.items() if name in value}
        return {name: shaped(value[name], member) for name, member in members.items()}
    if shape.type_name == "list":
        return [shaped(element, shape.member) for element in value]
    if shape.type_name == "boolean":
        return str(value).lower() == "true"
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("double", "float"):
        return float(value)
    return str(value) if shape.type_name == "string" else value
