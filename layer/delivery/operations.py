"""The stack of operations: alarms, the dashboard and the warm-up of everything that the other templates make.

``make operations`` writes ``functions/stacks/operations.yaml`` from them, and a test compares: a function, queue or topic that is added
has its alarms. Names follow from the stage, so this stack imports nothing but the topic of alarms: where a function is not deployed, its
metrics have no data, and its alarms stay silent.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from delivery.templates import Template

PATH = Path(__file__).resolve().parents[2] / "functions" / "stacks" / "operations.yaml"
HEADER = "# Written by `make operations` from the other templates: change layer/delivery/operations.py instead.\n"
LAYER_NAMESPACE, AGENTS_NAMESPACE = "LongContent", "AI-Agents"
FIVE_MINUTES, HOUR, DAY = 300, 3600, 86_400
RUST = "provided.al2023"
# Of the three receives of a message, each with the visibility timeout of 360 seconds.
OLDEST_MESSAGE = 3 * 360


@dataclass(frozen=True)
class Named:
    """What has metrics: ``name`` as ``Fn::Sub`` takes it, such as ``tool-shared-${Stage}``."""

    name: str
    log: str = ""
    layered: bool = False
    warm: bool = False

    @property
    def logical(self):
        """The name in words that CloudFormation takes for a logical name."""
        return "".join(word.capitalize() for word in re.findall(r"[a-z0-9]+", self.name.replace("${Stage}", "")))


@dataclass(frozen=True)
class Watched:
    """Everything that the stacks of a stage have and that has metrics."""

    functions: list
    queues: list
    dead_letters: list
    topics: list


def watched(templates):
    """What to watch, of the templates that ``make deploy`` makes stacks of, nested ones too."""
    nested = {name for template in templates if template.stack for name in template.nested}
    deployed = (template for template in templates if template.stack or template.name in nested)
    ours = sorted(deployed, key=lambda template: template.name)
    queues = [Named(_sub(queue["QueueName"])) for _, queue in _of_type(ours, "AWS::SQS::Queue")]
    topics = [Named(_sub(topic["TopicName"])) for _, topic in _of_type(ours, "AWS::SNS::Topic")]
    return Watched(
        functions=[_function(template, one) for template, one in _of_type(ours, "AWS::Serverless::Function")],
        queues=[queue for queue in queues if "dead-letters" not in queue.name],
        dead_letters=[queue for queue in queues if "dead-letters" in queue.name],
        # A stage may have any number of agents, each with topics of its own.
        topics=[topic for topic in topics if "${AgentName}" not in topic.name],
    )


def _of_type(templates, kind):
    for template in templates:
        for resource in template.document["Resources"].values():
            if resource["Type"] == kind:
                yield template, resource["Properties"]


def _function(template, properties):
    log = template.document["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]["LogGroupName"]
    variables = properties["Environment"]["Variables"]
    return Named(
        _sub(properties["FunctionName"]),
        log=_sub(log),
        layered=variables.get("LRAP_OFFLOAD") != "never",
        warm=properties["Runtime"] == RUST,
    )


def _sub(value):
    return value["Fn::Sub"] if isinstance(value, dict) else value


def document(templates):
    """The template as a document."""
    of = watched(templates)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Alarms, the dashboard and the warm-up of a stage's functions, queues and topics.",
        "Metadata": {"StackName": "operations"},
        "Parameters": PARAMETERS,
        "Conditions": {
            "HasBoundary": {"Fn::Not": [{"Fn::Equals": [{"Ref": "PermissionsBoundary"}, ""]}]},
            "IsKeptWarm": {"Fn::Not": [{"Fn::Equals": [{"Ref": "WarmUpExpression"}, ""]}]},
        },
        "Resources": {**_alarms(of), "Dashboard": _dashboard(of), **_warm_up(of)},
    }


PARAMETERS = {
    "Stage": {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9]{2,20}$",
        "Description": "Part of every name, so that stages live side by side in one account.",
    },
    "DailyCapUsd": {
        "Type": "String",
        "AllowedPattern": r"^[0-9]+(\.[0-9]{1,6})?$",
        "Default": "10.00",
        "Description": "What all calls of models of a day may cost together, as the stack shared-llm has it.",
    },
    "WarmUpExpression": {
        "Type": "String",
        "Default": "",
        "Description": "When to invoke the functions in Rust so that a sandbox stays warm, such as rate(5 minutes); never without.",
    },
    "PermissionsBoundary": {
        "Type": "String",
        "Default": "",
        "Description": "ARN of a managed policy that limits the roles of this stack; some accounts require one.",
    },
}


# --- alarms


def _alarms(of):
    alarms = {}
    for function in of.functions:
        alarms[f"{function.logical}Errors"] = _errors(function)
        alarms[f"{function.logical}Throttles"] = _throttles(function)
    for queue in of.queues:
        alarms[f"{queue.logical}Depth"] = _depth(queue)
        alarms[f"{queue.logical}Age"] = _age(queue)
    for queue in of.dead_letters:
        alarms[f"{queue.logical}NotEmpty"] = _not_empty(queue)
    for topic in of.topics:
        alarms[f"{topic.logical}Undelivered"] = _undelivered(topic)
    return {f"{name}Alarm": alarm for name, alarm in {**alarms, "Budget": _budget()}.items()}


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
    said = "A message waits for longer than three receives take."
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


# --- the dashboard


def _dashboard(of):
    widgets = ",\n".join(map(json.dumps, _placed(_widgets(of))))
    body = f'{{"widgets": [\n{widgets}\n]}}\n'
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {"DashboardName": {"Fn::Sub": "lrap-${Stage}"}, "DashboardBody": {"Fn::Sub": body}},
    }


def _widgets(of):
    layered = [function for function in of.functions if function.layered]
    content = ["TableName", "AgentContext-${Stage}"]
    yield _graph("Responses with offloaded contents", _by_function(layered, "OffloadedBytes"), "SampleCount")
    yield _graph("Bytes offloaded", _by_function(layered, "OffloadedBytes"))
    yield _bytes_saved(layered)
    yield _graph("Content table: errors", [*_store_errors(layered), *_table_errors(content)])
    yield _graph("Content table: time of an invocation, p99", _by_function(layered, "StoreTime"), "p99")
    yield _graph("Agents: tokens", [_search("InputTokens"), _search("OutputTokens")])
    yield _graph("Agents: cost in USD", [_search("CostMicroUsd", "%s / 1000000"), *_cost_of_stage()], period=HOUR)
    yield _graph("Executions", [_search_executions(name) for name in ("Succeeded", "Failed", "TimedOut", "Aborted")])
    yield _graph("Queues: messages", _by_queue(of.queues, "ApproximateNumberOfMessagesVisible"), "Maximum")
    yield _graph("Queues: age of the oldest message in seconds", _by_queue(of.queues, "ApproximateAgeOfOldestMessage"), "Maximum")
    yield _graph("Dead letters", _by_queue(of.dead_letters, "ApproximateNumberOfMessagesVisible"), "Maximum")
    yield _graph("Functions: errors", _of_lambda(of.functions, "Errors"))
    yield _graph("Functions: throttles", _of_lambda(of.functions, "Throttles"))
    yield _graph("Functions: duration, p99", _of_lambda(of.functions, "Duration"), "p99")


def _placed(widgets):
    """Three widgets to a row."""
    for number, widget in enumerate(widgets):
        widget.update(x=8 * (number % 3), y=6 * (number // 3), width=8, height=6)
        yield widget


def _graph(title, metrics, statistic="Sum", period=FIVE_MINUTES):
    shown = {"title": title, "view": "timeSeries", "region": "${AWS::Region}", "stat": statistic, "period": period}
    return {"type": "metric", "properties": {**shown, "metrics": metrics}}


def _by_function(functions, metric):
    return [[LAYER_NAMESPACE, metric, "FunctionName", function.name] for function in functions]


def _store_errors(functions):
    names = ("Failures", "Refusals", "Fallbacks", "KeptReferences")
    return [metric for name in names for metric in _by_function(functions, name)]


def _table_errors(table):
    yield ["AWS/DynamoDB", "ReadThrottleEvents", *table]
    yield ["AWS/DynamoDB", "WriteThrottleEvents", *table]
    for operation in ("BatchGetItem", "BatchWriteItem", "PutItem"):
        yield ["AWS/DynamoDB", "SystemErrors", *table, "Operation", operation]


def _bytes_saved(functions):
    sources = " | ".join(f"SOURCE '{function.log}'" for function in functions)
    saved = "stats sum(response_bytes_before - response_bytes_after) as saved by bin(1h)"
    query = f"{sources} | filter ispresent(OffloadedBytes) | {saved}"
    return {
        "type": "log",
        "properties": {"title": "Bytes saved on responses", "region": "${AWS::Region}", "view": "timeSeries", "query": query},
    }


def _search(metric, around="%s"):
    """By agent, of this stage: the stage is a word of the state machine's name."""
    found = f"SEARCH('{{{AGENTS_NAMESPACE},agent,model,provider,state_machine}} MetricName=\"{metric}\" state_machine=${{Stage}}', 'Sum')"
    return [{"expression": around % found, "label": f"{metric} ${{!LABEL}}"}]


def _cost_of_stage():
    yield [AGENTS_NAMESPACE, "CostMicroUsd", "stage", "${Stage}", {"id": "cost", "visible": False}]
    yield [{"expression": "cost / 1000000", "label": "stage ${Stage}"}]


def _search_executions(outcome):
    metric = f"Executions{outcome}"
    found = f"SEARCH('{{AWS/States,StateMachineArn}} MetricName=\"{metric}\" StateMachineArn=${{Stage}}', 'Sum')"
    return [{"expression": found, "label": f"{outcome} ${{!LABEL}}"}]


def _by_queue(queues, metric):
    return [["AWS/SQS", metric, "QueueName", queue.name] for queue in queues]


def _of_lambda(functions, metric):
    return [["AWS/Lambda", metric, "FunctionName", function.name] for function in functions]


# --- the warm-up


def _warm_up(of):
    warm = [function for function in of.functions if function.warm]
    return {"WarmUpRole": _warm_up_role(warm), **{f"{function.logical}WarmUp": _schedule(function) for function in warm}}


def _schedule(function):
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Condition": "IsKeptWarm",
        "Properties": {
            "Name": {"Fn::Sub": f"warm-up-{function.name}"},
            "ScheduleExpression": {"Ref": "WarmUpExpression"},
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": {"Fn::Sub": _arn(function)},
                "RoleArn": {"Fn::GetAtt": ["WarmUpRole", "Arn"]},
                "Input": '{"warmup":true}',
                "RetryPolicy": {"MaximumRetryAttempts": 0},
            },
        },
    }


def _warm_up_role(functions):
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "scheduler.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    invoke = {
        "Sid": "WarmUp",
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": [{"Fn::Sub": _arn(function)} for function in functions],
    }
    return {
        "Type": "AWS::IAM::Role",
        "Condition": "IsKeptWarm",
        "Properties": {
            "AssumeRolePolicyDocument": _policy(trusted),
            "PermissionsBoundary": {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]},
            "Policies": [{"PolicyName": "invoke", "PolicyDocument": _policy(invoke)}],
            "Tags": [{"Key": "Project", "Value": "lrap"}, {"Key": "Stage", "Value": {"Ref": "Stage"}}],
        },
    }


def _arn(function):
    return "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:" + function.name


def _policy(statement):
    return {"Version": "2012-10-17", "Statement": [statement]}


# --- the file


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice, and texts of several lines as they are read."""

    def ignore_aliases(self, data):
        return True


def _text(dumper, text):
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def written(templates):
    """The template as text."""
    others = [template for template in templates if template.name != PATH.stem]
    return HEADER + yaml.dump(document(others), Dumper=_Dumper, sort_keys=False, default_flow_style=None, width=150)


def write(paths):
    PATH.write_text(written([Template.read(path) for path in paths]))
    print(f"operations: {PATH.name} from {len(paths)} templates")
