"""What ministack's SQS leaves out: which queues send their dead letters to a queue, by which operators find the way back.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html
"""

import json

from ministack.services import sqs


def complete():
    sqs._HANDLERS["ListDeadLetterSourceQueues"] = list_sources


def list_sources(data, url):
    """All in one page: there are never so many."""
    dead = sqs._queues[data.get("QueueUrl") or url]["attributes"]["QueueArn"]
    return {"queueUrls": [source for source, queue in sqs._queues.items() if target_of(queue) == dead]}


def target_of(queue):
    policy = queue["attributes"].get("RedrivePolicy")
    return json.loads(policy).get("deadLetterTargetArn") if policy else None
