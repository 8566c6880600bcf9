"""Alarms, all to the one topic. What has no data raises none: a function that is not deployed stays silent."""

FIVE_MINUTES, DAY = 300, 86_400
# Of the three receives of a message, each with the visibility timeout of 360 seconds.
OLDEST_MESSAGE = 3 * 360
AGENTS_NAMESPACE = "AI-Agents"


def alarms(of):
    """Every alarm by its logical name."""
    found = {}
    for function in of.functions:
        found[f"{function.logical}Errors"] = _errors(function)
        found[f"{function.logical}Throttles"] = _throttles(function)
    for queue in of.queues:
        found[f"{queue.logical}Depth"] = _depth(queue)
        found[f"{queue.logical}Age"] = _age(queue)
    for queue in of.dead_letters:
        found[f"{queue.logical}NotEmpty"] = _not_empty(queue)
    for topic in of.topics:
        found[f"{topic.logical}Undelivered"] = _undelivered(topic)
    return {f"{name}Alarm": alarm for name, alarm in {**found, "Budget": _budget()}.items()}


def _errors(function):
    dimension = _dimension("FunctionName", function)
    return _alarm(
        f"{function.name}-errors",
        "More than 5 % of the invocations failed, for ten minutes. Fewer than 20 invocations in five minutes do not count.",
        5,
        periods=2,
        Metrics=[
            _expression("IF(invocations >= 20, 100 * errors / invocations, 0)", "Failed invocations in percent"),
            _metric("errors", "AWS/Lambda", "Errors", dimension),
            _metric("invocations", "AWS/Lambda", "Invocations", dimension),
        ],
    )


def _throttles(function):
    said = "More than 10 invocations were throttled in five minutes: look at the concurrency of the account and the function."
    metric = _single("AWS/Lambda", "Throttles", _dimension("FunctionName", function))
    return _alarm(f"{function.name}-throttles", said, 10, **metric)


def _depth(queue):
    said = "More than 100 messages wait: the function that reads the queue is too slow, or fails."
    metric = _single("AWS/SQS", "ApproximateNumberOfMessagesVisible", _dimension("QueueName", queue), "Maximum")
    return _alarm(f"{queue.name}-depth", said, 100, **metric)


def _age(queue):
    said = "A message waits longer than three receives take."
    metric = _single("AWS/SQS", "ApproximateAgeOfOldestMessage", _dimension("QueueName", queue), "Maximum")
    return _alarm(f"{queue.name}-age", said, OLDEST_MESSAGE, **metric)


def _not_empty(queue):
    said = "There are dead letters: docs/operating.md says how to look at them and how to send them back."
    metric = _single("AWS/SQS", "ApproximateNumberOfMessagesVisible", _dimension("QueueName", queue), "Maximum")
    return _alarm(f"{queue.name}-not-empty", said, 0, **metric)


def _undelivered(topic):
    said = "SNS could not deliver a message to a subscriber: look at the dead letters of deliveries, and at the queue's policy."
    metric = _single("AWS/SNS", "NumberOfNotificationsFailed", _dimension("TopicName", topic))
    return _alarm(f"{topic.name}-undelivered", said, 0, **metric)


def _budget():
    cost = _metric("cost", AGENTS_NAMESPACE, "CostMicroUsd", [{"Name": "stage", "Value": {"Ref": "Stage"}}], DAY)
    percent = _expression({"Fn::Sub": "100 * cost / (1000000 * ${DailyCapUsd})"}, "Percent of the day's budget")
    said = "Agents have spent more than 80 % of the day's budget in a day: beyond 100 % calls fail as BudgetExceeded."
    return _alarm("agents-budget-${Stage}", said, 80, Metrics=[percent, cost])


def _alarm(name, description, threshold, periods=1, **metric):
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": name},
            "AlarmDescription": description,
            **metric,
            "EvaluationPeriods": periods,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Fn::ImportValue": {"Fn::Sub": "SharedTopicArnAlarms-${Stage}"}}],
        },
    }


def _dimension(name, of):
    return [{"Name": name, "Value": {"Fn::Sub": of.name}}]


def _single(namespace, name, dimensions, statistic="Sum"):
    return {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions, "Statistic": statistic, "Period": FIVE_MINUTES}


def _metric(identity, namespace, name, dimensions, period=FIVE_MINUTES):
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
    return {"Id": identity, "ReturnData": False, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def _expression(expression, label):
    return {"Id": "percent", "Expression": expression, "Label": label}
