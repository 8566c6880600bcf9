"""What lambda-local's page shows of the services here, of all accounts and regions at once, as it is kept: looking receives no message and changes nothing.

``answer(part)`` is one of ``queues``, ``topics``, ``schedules``, ``routes`` and ``functions`` as a list. ``answer("messages", queue=ARN)`` are the messages of a queue.
"""

from ministack.services import apigateway, lambda_svc, scheduler, sns, sqs

import clock
import expressions
import schedules
from queues import target_of

LONGEST_BODY = 64 << 10
MOST_MESSAGES = 100


class Unknown(Exception):
    """There is no such part, or nothing of that name in it."""


def answer(part, **named):
    if part not in PARTS:
        raise Unknown(f"the page has no part {part}")
    return PARTS[part](**named)


def kept(services_dict):
    """Region and value of each that a service keeps."""
    return [(region, key, value) for (_, region, key), value in list(services_dict._data.items())]


def queues():
    return [queue_of(region, url, queue) for region, url, queue in kept(sqs._queues)]


def queue_of(region, url, queue):
    now = clock.now()
    messages = list(queue["messages"])
    waiting = [message for message in messages if message["visible_at"] > now]
    in_flight = [message for message in waiting if message["receive_count"] > 0]
    return {
        "region": region,
        "name": url.rpartition("/")[2],
        "url": url,
        "arn": queue["attributes"]["QueueArn"],
        "visible": len(messages) - len(waiting),
        "in_flight": len(in_flight),
        "delayed": len(waiting) - len(in_flight),
        "oldest": min((message["sent_at"] for message in messages), default=None),
        "dead_letters": target_of(queue),
        "mappings": [function_of(mapping) for _, _, mapping in kept(lambda_svc._esms) if mapping.get("EventSourceArn") == queue["attributes"]["QueueArn"]],
    }


def function_of(mapping):
    return mapping.get("FunctionArn", "").rpartition(":")[2]


def messages(queue):
    found = [kept_queue for _, _, kept_queue in kept(sqs._queues) if kept_queue["attributes"]["QueueArn"] == queue]
    if not found:
        raise Unknown(f"there is no queue {queue}")
    return [message_of(message) for message in list(found[0]["messages"])[:MOST_MESSAGES]]


def message_of(message):
    is_visible = message["visible_at"] <= clock.now()
    return {
        "id": message["id"],
        "body": message["body"][:LONGEST_BODY],
        "bytes": len(message["body"].encode()),
        "sent": message["sent_at"],
        "receives": message["receive_count"],
        "state": "visible" if is_visible else "in flight" if message["receive_count"] else "delayed",
        "visible_at": message["visible_at"],
        "attributes": {name: value.get("StringValue", "") for name, value in (message.get("message_attributes") or {}).items()},
        "group": message.get("group_id"),
    }


def topics():
    return [
        {"region": region, "name": arn.rpartition(":")[2], "arn": arn, "subscriptions": [subscription_of(subscription) for subscription in topic["subscriptions"]]}
        for region, arn, topic in kept(sns._topics)
    ]


def subscription_of(subscription):
    attributes = subscription.get("attributes", {})
    return {
        "protocol": subscription["protocol"],
        "endpoint": subscription["endpoint"],
        "filter": attributes.get("FilterPolicy"),
        "dead_letters": attributes.get("RedrivePolicy"),
    }


def schedules_of_page():
    return [schedule_of(region, key, schedule) for region, key, schedule in kept(scheduler._schedules)]


def schedule_of(region, key, schedule):
    group, _, name = key.rpartition("/")
    return {
        "region": region,
        "name": name,
        "group": group,
        "expression": schedule["ScheduleExpression"],
        "zone": schedule.get("ScheduleExpressionTimezone") or "UTC",
        "state": schedule["State"],
        "target": schedule["Target"]["Arn"],
        "next": next_run(schedule),
    }


def next_run(schedule):
    """By the clock that tests set; without the spread of a flexible window."""
    if schedule["State"] != "ENABLED":
        return None
    try:
        return schedules.following(schedule, clock.now())[0]
    except expressions.Invalid:
        return None


def routes():
    return [route for region, api, kept_routes in kept(apigateway._routes) for route in routes_of(region, api, kept_routes)] + urls()


def routes_of(region, api, kept_routes):
    scope = next(account for account, kept_region, key in list(apigateway._apis._data) if (kept_region, key) == (region, api))
    described = apigateway._apis._data[scope, region, api]
    integrations = apigateway._integrations._data.get((scope, region, api), {})
    stages = sorted(apigateway._stages._data.get((scope, region, api), {})) or [""]
    return [
        {
            "region": region,
            "api": described["name"],
            "route": route["routeKey"],
            "authorization": route.get("authorizationType", "NONE"),
            "target": integrations.get(route.get("target", "").rpartition("/")[2], {}).get("integrationUri", ""),
            "urls": [address(described["apiEndpoint"], stage) for stage in stages],
        }
        for route in list(kept_routes.values())
    ]


def address(endpoint, stage):
    return endpoint if stage in ("", "$default") else f"{endpoint}/{stage}"


def urls():
    return [
        {"region": region, "api": "function URL", "route": "ANY /{proxy+}", "authorization": url.get("AuthType", "NONE"), "target": name, "urls": [local(url["FunctionUrl"], region)]}
        for region, name, url in kept(lambda_svc._function_urls)
    ]


def local(url, region):
    """AWS's name of a function URL, which this machine answers under localhost."""
    identity = url.removeprefix("https://").partition(".")[0]
    return f"http://{identity}.lambda-url.{region}.localhost:{apigateway._PORT}/"


def functions():
    return [
        {"region": region, "name": name, "runtime": record["config"].get("Runtime"), "memory": record["config"].get("MemorySize"), "timeout": record["config"].get("Timeout"), "arn": record["config"]["FunctionArn"]}
        for region, name, record in kept(lambda_svc._functions)
    ]


PARTS = {"queues": queues, "messages": messages, "topics": topics, "schedules": schedules_of_page, "routes": routes, "functions": functions}
