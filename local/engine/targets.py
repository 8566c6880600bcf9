"""What a schedule does when it is due: calls of this endpoint's public API, with the retries and the dead-letter queue of the schedule."""

import datetime
import json
import threading
import uuid

import boto3
from botocore import xform_name
from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region, set_request_account_id, set_request_region

import clock
import expressions
import keeping
from clients import own, parameters

KIND = "schedule"

DEFAULT_RETRIES = 185
DEFAULT_AGE_SECONDS = 86400
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 300
UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"


def check(target):
    """Raises :class:`expressions.Invalid` for what cannot be called."""
    arn = target.get("Arn", "")
    if arn.startswith(UNIVERSAL):
        check_universal(arn, target.get("Input"))
    elif service_of(arn) not in CALLS:
        raise expressions.Invalid(f"Target.Arn: {arn} is none of {', '.join(sorted(CALLS))}, nor of {UNIVERSAL}…")


def check_universal(arn, given):
    service, _, operation = arn[len(UNIVERSAL) :].partition(":")
    if service not in boto3.Session().get_available_services():
        raise expressions.Invalid(f"Target.Arn: {arn} names no service")
    if xform_name(operation) not in own(service).meta.method_to_api_mapping:
        raise expressions.Invalid(f"Target.Arn: {service} has no {operation}")
    try:
        json.loads(given or "{}")
    except ValueError as error:
        raise expressions.Invalid(f"Target.Input: is not JSON: {error}") from error


def service_of(arn):
    parts = arn.split(":")
    return parts[2] if len(parts) > 5 else ""


def send(schedule, due, account, region):
    """In the background, so that one that is tried again holds up no other."""
    given = {"schedule": schedule, "due": due, "account": account, "region": region}
    arguments = (keeping.kept.begin(KIND, given), given)
    threading.Thread(target=again, args=arguments, daemon=True, name=f"schedule {schedule['Name']}").start()


def again(identity, given):
    """Also what had not been delivered when this machine was started anew."""
    deliver(**given)
    keeping.kept.done(identity)


def deliver(schedule, due, account, region):
    set_request_account_id(account)
    set_request_region(region)
    target = schedule["Target"]
    policy = target.get("RetryPolicy") or {}
    retries = policy.get("MaximumRetryAttempts", DEFAULT_RETRIES)
    end = due + policy.get("MaximumEventAgeInSeconds", DEFAULT_AGE_SECONDS)
    payload, pause = payload_of(schedule, due), FIRST_PAUSE_SECONDS
    for attempt in range(retries + 1):
        try:
            return call(target, payload)
        except (ClientError, BotoCoreError) as error:
            failure = error
        resume = clock.now() + pause
        if attempt == retries or resume > end:
            break
        while clock.now() < resume:
            clock.wait(pause)
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    exhausted = "MaximumRetryAttempts" if attempt == retries else "MaximumEventAgeInSeconds"
    return bury(schedule, payload, failure, attempt, exhausted)


def payload_of(schedule, due):
    """The schedule's input with its context attributes, or what the service sends without one."""
    time = datetime.datetime.fromtimestamp(due, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity, given = str(uuid.uuid4()), schedule["Target"].get("Input")
    if given is None:
        return json.dumps(
            {
                "version": "0",
                "id": identity,
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": get_account_id(),
                "time": time,
                "region": get_region(),
                "resources": [schedule["Arn"]],
                "detail": "{}",
            }
        )
    attributes = {"schedule-arn": schedule["Arn"], "scheduled-time": time, "execution-id": identity, "attempt-number": "1"}
    for name, value in attributes.items():
        given = given.replace(f"<aws.scheduler.{name}>", value)
    return given


def call(target, payload):
    arn = target["Arn"]
    if not arn.startswith(UNIVERSAL):
        CALLS[service_of(arn)](target, payload)
        return
    service, _, operation = arn[len(UNIVERSAL) :].partition(":")
    client = own(service)
    method = xform_name(operation)
    given = parameters(client, client.meta.method_to_api_mapping[method], json.loads(payload))
    getattr(client, method)(**given)


def invoke(target, payload):
    own("lambda").invoke(FunctionName=target["Arn"], InvocationType="Event", Payload=payload)


def send_message(target, payload):
    group = (target.get("SqsParameters") or {}).get("MessageGroupId")
    client = own("sqs")
    client.send_message(QueueUrl=queue_url(client, target["Arn"]), MessageBody=payload, **({"MessageGroupId": group} if group else {}))


def queue_url(client, arn):
    _, _, _, _, account, name = arn.split(":", 5)
    return client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]


def publish(target, payload):
    own("sns").publish(TopicArn=target["Arn"], Message=payload)


def start_execution(target, payload):
    own("stepfunctions").start_execution(stateMachineArn=target["Arn"], input=payload)


def put_event(target, payload):
    given = target.get("EventBridgeParameters") or {}
    entry = {"EventBusName": target["Arn"], "Source": given.get("Source"), "DetailType": given.get("DetailType"), "Detail": payload}
    own("events").put_events(Entries=[entry])


CALLS = {"lambda": invoke, "sqs": send_message, "sns": publish, "states": start_execution, "events": put_event}


def bury(schedule, payload, failure, retries, exhausted):
    """Sends what could not be delivered to the dead-letter queue, if there is one."""
    target = schedule["Target"]
    queue = (target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    code = failure.response["Error"]["Code"] if isinstance(failure, ClientError) else type(failure).__name__
    attributes = {
        "ERROR_CODE": code,
        "ERROR_MESSAGE": str(failure),
        "EXHAUSTED_RETRY_CONDITION": exhausted,
        "RETRY_ATTEMPTS": str(retries),
        "SCHEDULE_ARN": schedule["Arn"],
        "TARGET_ARN": target["Arn"],
    }
    client = own("sqs")
    client.send_message(
        QueueUrl=queue_url(client, queue),
        MessageBody=payload,
        MessageAttributes={name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()},
    )
