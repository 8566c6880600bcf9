"""Where tasks go: to lambda-local's functions and tables, and to moto for every other service.

moto makes a client of boto3 for every single task, which takes longer than most tasks do; here one is kept for each service.
Retries stay off: what is tried again is for the state machine to say.
"""

import functools
import threading

import boto3
from botocore.config import Config

from spelling import replace_everywhere

endpoints = {}
making = threading.Lock()


def direct(given):
    """Takes the place of moto's own."""
    endpoints.update(given)
    replace_everywhere("boto_client_for", client_for)


def direct_others(endpoint):
    endpoints[None] = endpoint


def client_for(region, service, state_credentials=None):
    # Sessions of boto3 are not for several threads at once; the clients they make are.
    with making:
        return client(region, service)


@functools.cache
def client(region, service):
    return boto3.client(
        service,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        endpoint_url=endpoints.get(service, endpoints[None]),
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            connect_timeout=10,
            read_timeout=15 * 60,
            max_pool_connections=64,
        ),
    )
