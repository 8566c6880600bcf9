"""The dashboard of a stage: offloads, the content table, agents, queues and functions."""

import json

LAYER_NAMESPACE, AGENTS_NAMESPACE = "LongContent", "AI-Agents"
FIVE_MINUTES, HOUR = 300, 3600


def dashboard(of):
    """The resource, whose body is JSON with the stage and the region left to ``Fn::Sub``."""
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
