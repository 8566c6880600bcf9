"""Alarms, on one metric or on an expression of several, evaluated period by period on the clock, their actions published as CloudWatch does.

Queues are measured once a minute of that clock, as SQS does.
"""

import contextlib
import json
import threading
import time

from ministack.core.responses import get_account_id, get_region, new_uuid, set_request_account_id, set_request_region
from ministack.services import cloudwatch, sns, sqs
from ministack.services.cloudformation import provisioners

import alarm_messages
import clock
import metric_math
from clients import own, parameters

# What only an alarm on one metric has.
OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")
COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
MINUTE = 60
TICK_SECONDS = 1

record_of_one_metric = provisioners._cw_metric_alarm_record


def complete():
    provisioners._cw_metric_alarm_record = record
    cloudwatch._evaluate_alarm = evaluate
    cloudwatch._dispatch_alarm_actions = act
    threading.Thread(target=run, daemon=True, name="alarms").start()


def record(name, properties):
    """What ministack keeps of an alarm."""
    if not properties.get("Metrics"):
        return record_of_one_metric(name, properties)
    given = {key: value for key, value in properties.items() if key != "Metrics"}
    alarm = record_of_one_metric(name, {**given, "MetricName": name, "Namespace": name})
    for key in OF_ONE_METRIC:
        alarm.pop(key, None)
    alarm["Metrics"] = metrics(properties)
    return alarm


def metrics(properties):
    given = parameters(own("cloudwatch"), "PutMetricAlarm", {"Metrics": properties["Metrics"]})["Metrics"]
    returned = [query["Id"] for query in given if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise ValueError(f"AWS::CloudWatch::Alarm: Metrics: exactly one metric or expression must return data, not {', '.join(returned) or 'none'}")
    known = {query["Id"]: 1.0 for query in given}
    for expression in [query["Expression"] for query in given if "Expression" in query]:
        # Refuses here what could not be evaluated later.
        metric_math.value(metric_math.parse(expression), known)
    return given


def run():
    minute = None
    while True:
        clock.wait(TICK_SECONDS)
        if int(time.time()) // MINUTE == minute:
            continue
        minute = int(time.time()) // MINUTE
        with contextlib.suppress(Exception):
            for account, region in {key[:2] for store in (sqs._queues, cloudwatch._alarms) for key in list(store._data)}:
                set_request_account_id(account)
                set_request_region(region)
                measure_queues()
                cloudwatch._evaluate_all_alarms()


def measure_queues():
    now = time.time()
    for url, queue in list(sqs._queues.items()):
        dimensions = {"QueueName": url.rpartition("/")[2]}
        for name, value in queue_metrics(queue, now).items():
            cloudwatch._store_datum("AWS/SQS", name, dimensions, now, "None", value, None, None, None)


def queue_metrics(queue, now):
    messages = list(queue["messages"])
    visible = [message for message in messages if message.get("visible_at", 0) <= now]
    hidden = [message for message in messages if message.get("visible_at", 0) > now]
    flying = [message for message in hidden if message.get("receive_count")]
    return {
        "ApproximateNumberOfMessagesVisible": len(visible),
        "ApproximateNumberOfMessagesNotVisible": len(flying),
        "ApproximateNumberOfMessagesDelayed": len(hidden) - len(flying),
        "ApproximateAgeOfOldestMessage": max((now - message["sent_at"] for message in visible + flying), default=0),
    }


def evaluate(alarm):
    state, reason = judged(alarm, values(alarm, time.time()))
    before = alarm["StateValue"]
    if state == before:
        return
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    act(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def values(alarm, now):
    """One for each of the last periods, None without data. The period under way counts as soon as it has data."""
    count, period = alarm.get("EvaluationPeriods", 1), period_of(alarm)
    current = int(now // period)
    series = [value_in(alarm, number * period, period) for number in range(current - count, current + 1)]
    return series[:-1] if series[-1] is None else series[1:]


def period_of(alarm):
    stats = [query["MetricStat"]["Period"] for query in alarm.get("Metrics", []) if "MetricStat" in query]
    return max(stats, default=alarm.get("Period", MINUTE))


def value_in(alarm, start, period):
    if "Metrics" not in alarm:
        statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
        return statistic_of(alarm["Namespace"], alarm["MetricName"], alarm.get("Dimensions") or [], statistic, start, period)
    known = {}
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat, metric = query["MetricStat"], query["MetricStat"]["Metric"]
            dimensions = metric.get("Dimensions") or []
            known[query["Id"]] = statistic_of(metric["Namespace"], metric["MetricName"], dimensions, stat["Stat"], start, period)
    return with_expressions(alarm["Metrics"], known)


def with_expressions(queries, known):
    """The value of the one that is returned. Expressions may be made of others, in whatever order they are written."""
    left = {query["Id"]: metric_math.parse(query["Expression"]) for query in queries if "Expression" in query}
    while left:
        ready = [name for name, tree in left.items() if metric_math.names(tree) <= known.keys()]
        if not ready:
            raise metric_math.Invalid("Expression: the expressions of this alarm refer to each other in a circle")
        known.update((name, metric_math.value(left.pop(name), known)) for name in ready)
    return next(known[query["Id"]] for query in queries if query.get("ReturnData", True))


def statistic_of(namespace, name, dimensions, statistic, start, period):
    key = (namespace, name, cloudwatch._dims_key({dimension["Name"]: dimension["Value"] for dimension in dimensions}))
    points = [point for point in cloudwatch._metrics.get(key) or [] if start <= point["Timestamp"] < start + period]
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None


def judged(alarm, series):
    """The state and its reason, by so many of so many periods, and by what is said of missing data."""
    treatment, threshold = alarm.get("TreatMissingData", "missing"), alarm["Threshold"]
    breaches = COMPARISONS[alarm["ComparisonOperator"]]
    there = [value for value in series if value is not None]
    missing = len(series) - len(there)
    if not there and treatment in ("missing", "ignore"):
        if treatment == "ignore":
            return alarm["StateValue"], alarm["StateReason"]
        return "INSUFFICIENT_DATA", f"Insufficient Data: {missing} datapoints were unknown."
    breaching = sum(breaches(value, threshold) for value in there) + (missing if treatment == "breaching" else 0)
    wanted = alarm.get("DatapointsToAlarm") or alarm.get("EvaluationPeriods", 1)
    state = "ALARM" if breaching >= wanted else "OK"
    crossed = f"{breaching} out of the last {len(series)} datapoints {there or ''} was {alarm['ComparisonOperator']} ({threshold})"
    return state, f"Threshold Crossed: {crossed}"


def act(alarm, before, state, reason):
    """Publishes to topics, and invokes functions."""
    field = {"ALARM": "AlarmActions", "OK": "OKActions", "INSUFFICIENT_DATA": "InsufficientDataActions"}[state]
    if not alarm.get("ActionsEnabled", True):
        return
    for action in alarm.get(field) or []:
        if ":sns:" in action:
            message = json.dumps(alarm_messages.message(alarm, before, state, reason, time.time()))
            subject = f'{state}: "{alarm["AlarmName"]}" in {alarm_messages.place(get_region())}'
            sns._fanout(action, new_uuid(), message, subject[:100])
        elif ":lambda:" in action:
            event = alarm_messages.event(alarm, before, state, reason, time.time(), get_account_id(), get_region())
            own("lambda").invoke(FunctionName=action, InvocationType="Event", Payload=json.dumps(event))
