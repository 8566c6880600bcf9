"""Alarms, dashboard and warm-up: of everything that the stacks make, on metrics that exist, and to the one topic."""

import json
import re
import unittest

from delivery import operations
from delivery.templates import Template
from tests.aws import REPOSITORY
from tests.test_stacks import evaluated

TEMPLATES = [
    Template.read(path)
    for folder in ("functions/stacks", "layer/stacks")
    for path in sorted((REPOSITORY / folder).glob("*.yaml"))
    if path != operations.PATH
]
EXTENSION = (REPOSITORY / "extension/src/metrics.rs").read_text()
MACHINE = json.loads((REPOSITORY / "functions/statemachines/agent.asl.json").read_text())
# As AWS documents them; everything else is read from the code that emits it.
OF_AWS = {
    "AWS/Lambda": {"Invocations", "Errors", "Throttles", "Duration"},
    "AWS/SQS": {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"},
    "AWS/SNS": {"NumberOfNotificationsFailed"},
    "AWS/DynamoDB": {"ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors"},
    "AWS/States": {"ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"},
}


def of_extension():
    """Metrics of the extension: those whose lines its source makes."""
    counted = re.findall(r'Metric::(?:bytes|count)\("(\w+)"', EXTENSION)
    return {*counted, re.search(r'STORE_TIME: &str = "(\w+)"', EXTENSION)[1]}


def of_agents():
    """Metrics of the state machine, each with the sets of dimensions that it has."""
    parameters = MACHINE["States"]["Update Metrics"]["Parameters"]
    found = {}
    for metric in parameters["MetricData"]:
        names = frozenset(dimension["Name"] for dimension in metric["Dimensions"])
        found.setdefault(metric["MetricName"], set()).add(names)
    return parameters["Namespace"], found


def known(namespace, metric):
    if namespace == "LongContent":
        return metric in of_extension()
    if namespace == of_agents()[0]:
        return metric in of_agents()[1]
    return metric in OF_AWS[namespace]


def resources(kind, **given):
    found = evaluated("operations", Stage="dev", **given).of_type(kind)
    return {name: resource["Properties"] for name, resource in found.items()}


def alarms():
    return {alarm["AlarmName"]: alarm for alarm in resources("AWS::CloudWatch::Alarm").values()}


def metrics_of(alarm):
    """Namespace, name and dimensions of what an alarm looks at."""
    several = [one["MetricStat"]["Metric"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    for metric in several or [alarm]:
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def names(kind, name_property):
    """What the stacks that are deployed call their resources of a type."""
    nested = {name for template in TEMPLATES for name in template.nested}
    for template in TEMPLATES:
        if template.stack or template.name in nested:
            found = evaluated(template.name, Stage="dev").of_type(kind).values()
            yield from (resource["Properties"][name_property] for resource in found)


class Written(unittest.TestCase):
    def test_the_template_is_up_to_date(self):
        self.assertEqual(operations.PATH.read_text(), operations.written(TEMPLATES), "make operations")

    def test_a_function_that_is_added_has_its_alarms(self):
        tools = next(template for template in TEMPLATES if template.name == "tools")
        others = [template for template in TEMPLATES if template is not tools]
        added = {**tools.document["Resources"]["ToolFunction"]}
        added["Properties"] = {**added["Properties"], "FunctionName": {"Fn::Sub": "added-${Stage}"}}
        changed = Template(tools.path, {**tools.document, "Resources": {**tools.document["Resources"], "Added": added}})
        made = operations.document([*others, changed])["Resources"]
        self.assertLessEqual({"AddedErrorsAlarm", "AddedThrottlesAlarm", "AddedWarmUp"}, made.keys())


class Alarms(unittest.TestCase):
    def test_every_function_has_one_for_errors_and_one_for_throttles(self):
        functions = set(names("AWS::Lambda::Function", "FunctionName"))
        self.assertGreaterEqual(len(functions), 6)
        for function in functions:
            errors = alarms()[f"{function}-errors"]
            self.assertEqual((errors["Threshold"], errors["EvaluationPeriods"]), (5, 2))
            self.assertEqual(errors["Metrics"][0]["Expression"], "IF(invocations >= 20, 100 * errors / invocations, 0)")
            throttles = alarms()[f"{function}-throttles"]
            self.assertEqual((throttles["MetricName"], throttles["Threshold"]), ("Throttles", 10))

    def test_every_queue_has_one_and_every_dead_letter_counts(self):
        queues = set(names("AWS::SQS::Queue", "QueueName"))
        dead = {queue for queue in queues if "dead-letters" in queue}
        self.assertEqual((len(queues - dead), len(dead)), (3, 6))
        for queue in queues - dead:
            self.assertEqual(alarms()[f"{queue}-depth"]["Threshold"], 100)
            self.assertEqual(alarms()[f"{queue}-age"]["MetricName"], "ApproximateAgeOfOldestMessage")
        for queue in dead:
            self.assertEqual(alarms()[f"{queue}-not-empty"]["Threshold"], 0)

    def test_every_topic_has_one_for_what_sns_cannot_deliver(self):
        topics = {topic for topic in names("AWS::SNS::Topic", "TopicName") if "approvals" not in topic}
        self.assertEqual(len(topics), 5)
        for topic in topics:
            self.assertEqual(alarms()[f"{topic}-undelivered"]["MetricName"], "NumberOfNotificationsFailed")

    def test_the_budgets_is_at_four_fifths_of_a_day(self):
        budget = alarms()["agents-budget-dev"]
        percent, cost = budget["Metrics"]
        self.assertEqual((percent["Expression"], budget["Threshold"]), ("100 * cost / (1000000 * 10.00)", 80))
        self.assertEqual(cost["MetricStat"]["Period"], 86_400)
        self.assertIn(frozenset({"stage"}), of_agents()[1]["CostMicroUsd"])

    def test_each_looks_at_a_metric_that_exists_and_at_a_resource_of_the_stage(self):
        for name, alarm in alarms().items():
            for namespace, metric, dimensions in metrics_of(alarm):
                self.assertTrue(known(namespace, metric), f"{name}: {namespace} {metric}")
                self.assertTrue(all("dev" in re.split("[-_]", value) for value in dimensions.values()), name)

    def test_all_go_to_the_one_topic_and_take_silence_for_good_news(self):
        for name, alarm in alarms().items():
            self.assertEqual(alarm["AlarmActions"], ["<import SharedTopicArnAlarms-dev>"], name)
            self.assertEqual(alarm["TreatMissingData"], "notBreaching", name)


class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        (dashboard,) = resources("AWS::CloudWatch::Dashboard").values()
        cls.name = dashboard["DashboardName"]
        cls.widgets = json.loads(dashboard["DashboardBody"])["widgets"]

    def metrics(self):
        for widget in self.widgets:
            for metric in widget["properties"].get("metrics", []):
                yield widget["properties"]["title"], [part for part in metric if isinstance(part, str)]

    def expressions(self):
        for widget in self.widgets:
            for metric in widget["properties"].get("metrics", []):
                yield from (part["expression"] for part in metric if isinstance(part, dict) and "expression" in part)

    def test_there_is_one_for_each_stage(self):
        self.assertEqual(self.name, "lrap-dev")

    def test_shows_offloads_bytes_saved_store_errors_agents_queues_and_errors(self):
        titles = " / ".join(widget["properties"]["title"] for widget in self.widgets)
        for word in ("offloaded", "Bytes saved", "table: errors", "tokens", "cost", "Queues", "Dead letters", "Functions: errors"):
            self.assertIn(word, titles)

    def test_every_metric_exists(self):
        for title, (namespace, metric, *_) in filter(lambda found: found[1], self.metrics()):
            self.assertTrue(known(namespace, metric), f"{title}: {namespace} {metric}")

    def test_every_search_is_for_a_metric_with_the_dimensions_it_has(self):
        namespace, of_machine = of_agents()
        searches = [found for found in self.expressions() if "SEARCH" in found]
        self.assertGreaterEqual(len(searches), 7)
        for search in searches:
            schema, metric = re.search(r"{(\S+?)} MetricName=\"(\w+)\" \w+=dev'", search).groups()
            searched, *dimensions = schema.split(",")
            self.assertTrue(known(searched, metric), search)
            if searched == namespace:
                self.assertIn(frozenset(dimensions), of_machine[metric])

    def test_bytes_saved_are_of_members_that_the_extension_writes(self):
        (query,) = [widget["properties"]["query"] for widget in self.widgets if widget["type"] == "log"]
        for member in ("response_bytes_before", "response_bytes_after"):
            self.assertIn(member, query)
            self.assertIn(member, EXTENSION)
        logs = set(names("AWS::Logs::LogGroup", "LogGroupName"))
        asked = set(re.findall(r"SOURCE '([^']+)'", query))
        self.assertTrue(asked and asked <= logs, asked - logs)

    def test_no_widget_covers_another(self):
        cells = [
            (widget["x"] + x, widget["y"] + y)
            for widget in self.widgets
            for x in range(widget["width"])
            for y in range(widget["height"])
        ]
        self.assertEqual(len(cells), len(set(cells)))
        self.assertLessEqual(max(x for x, _ in cells), 23)


class WarmUp(unittest.TestCase):
    def test_is_off_unless_it_is_asked_for(self):
        self.assertEqual(resources("AWS::Scheduler::Schedule"), {})
        self.assertEqual(resources("AWS::IAM::Role"), {})

    def test_invokes_every_function_in_rust_with_what_it_answers_at_once(self):
        schedules = resources("AWS::Scheduler::Schedule", WarmUpExpression="rate(5 minutes)").values()
        service = (REPOSITORY / "functions/shared/src/service.rs").read_text()
        self.assertIn("warmup: bool", service)
        self.assertEqual({json.loads(schedule["Target"]["Input"])["warmup"] for schedule in schedules}, {True})
        (role,) = resources("AWS::IAM::Role", WarmUpExpression="rate(5 minutes)").values()
        (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
        self.assertEqual([schedule["Target"]["Arn"] for schedule in schedules], statement["Resource"])
        self.assertGreaterEqual(len(statement["Resource"]), 5)


if __name__ == "__main__":
    unittest.main()
