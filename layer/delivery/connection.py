"""Which AWS: that of the credentials, or the one on this machine, which the stage ``local`` is for."""

import os
import platform
from urllib.parse import urlsplit

import boto3

from delivery import Refusal
from delivery.account import Account

LOCAL = "local"
# Where `make up` starts AWS on this machine.
LOCAL_ENDPOINT = "http://127.0.0.1:4566"
LOCAL_REGION = "us-east-1"
# It takes any keys; the SDK sends nothing without some.
LOCAL_KEY = "test"
ENDPOINT = "AWS_ENDPOINT_URL"
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def connected(stage, region, dry_run):
    """The account in which a stage is. An endpoint that the environment names is used for every stage."""
    endpoint = os.environ.get(ENDPOINT) or (LOCAL_ENDPOINT if stage == LOCAL else None)
    if stage == LOCAL and not is_here(endpoint):
        raise Refusal(f"the stage {LOCAL} is on this machine, but {ENDPOINT} is {endpoint}: use another STAGE, or unset the variable")
    session = boto3.Session(**_keys(stage), region_name=region or os.environ.get("AWS_REGION"))
    if session.region_name is None and stage == LOCAL:
        session = boto3.Session(**_keys(stage), region_name=LOCAL_REGION)
    if session.region_name is None:
        raise Refusal("no region: give REGION=…, or set AWS_REGION")
    return Account(session, dry_run, endpoint=endpoint)


def is_here(endpoint):
    """Whether an endpoint is on this machine."""
    return urlsplit(endpoint).hostname in LOOPBACK


def processor():
    """This machine's, as Lambda spells it."""
    return {"aarch64": "arm64"}.get(platform.machine(), platform.machine())


def parameters_of(stage):
    """What the stage of this machine is given: functions run on its processor."""
    return {"Architecture": processor()} if stage == LOCAL else {}


def _keys(stage):
    """The stage of this machine gets made-up keys, and no one's real ones."""
    return {"aws_access_key_id": LOCAL_KEY, "aws_secret_access_key": LOCAL_KEY} if stage == LOCAL else {}
