"""What a topic delivers to queues and functions, and where what it cannot deliver goes: the dead-letter queue of the subscription.

https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
"""

import json

from ministack.services import lambda_svc, sns, sqs

import events

deliver_to_queue = sns._deliver_to_sqs


def complete():
    sns._deliver_to_sqs = send
    sns._deliver_to_lambda = notify


def send(queue, envelope, raw, message, **options):
    destination = queue if sqs._queue_by_arn(queue) else dead_letters_of(options["topic_arn"], queue)
    if destination:
        deliver_to_queue(destination, envelope, raw, message, **options)


def notify(function, envelope, topic, subscription, _id, message, attributes):
    """A topic invokes a function asynchronously: whatever the function makes of it, the message is delivered."""
    found, config, _ = lambda_svc._get_func_record_for_ref(function)
    if found:
        record = {"EventVersion": "1.0", "EventSubscriptionArn": subscription, "EventSource": "aws:sns", "Sns": json.loads(envelope)}
        events.invoke(lambda_svc._execution_record_for_config(found, config), {"Records": [record]})
        return
    queue = dead_letters_of(topic, function)
    if queue:
        deliver_to_queue(queue, envelope, False, message, message_attributes=attributes, topic_arn=topic)


def dead_letters_of(topic, endpoint):
    """The ARN of the queue, if the subscription has one."""
    subscriptions = (sns._topic_by_arn_any_scope(topic) or {}).get("subscriptions", [])
    found = (one.get("attributes", {}).get("RedrivePolicy") for one in subscriptions if one.get("endpoint") == endpoint)
    return next((json.loads(policy).get("deadLetterTargetArn") for policy in found if policy), None)
