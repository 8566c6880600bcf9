"""What CloudWatch says when an alarm changes its state: to topics, and to functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions.html
"""

import datetime

from ministack.core.responses import get_account_id, get_region

# As topics are told. Others are told by their codes.
PLACES = {
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "eu-north-1": "EU (Stockholm)",
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "sa-east-1": "South America (Sao Paulo)",
    "ca-central-1": "Canada (Central)",
}


def place(region):
    return PLACES.get(region, region)


def at(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def message(alarm, before, state, reason, now):
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription") or None,
        "AWSAccountId": get_account_id(),
        "AlarmConfigurationUpdatedTimestamp": at(alarm["AlarmConfigurationUpdatedTimestamp"]),
        "NewStateValue": state,
        "NewStateReason": reason,
        "StateChangeTime": at(now),
        "Region": place(get_region()),
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": before,
        "OKActions": alarm.get("OKActions") or [],
        "AlarmActions": alarm.get("AlarmActions") or [],
        "InsufficientDataActions": alarm.get("InsufficientDataActions") or [],
        "Trigger": trigger(alarm),
    }


def trigger(alarm):
    common = {
        "EvaluationPeriods": alarm.get("EvaluationPeriods", 1),
        "ComparisonOperator": alarm["ComparisonOperator"],
        "Threshold": alarm["Threshold"],
        "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": "",
    }
    if alarm.get("DatapointsToAlarm"):
        common["DatapointsToAlarm"] = alarm["DatapointsToAlarm"]
    if "Metrics" in alarm:
        return {**common, "Metrics": [query(one) for one in alarm["Metrics"]]}
    statistic = alarm.get("ExtendedStatistic")
    kind = {"StatisticType": "ExtendedStatistic", "ExtendedStatistic": statistic} if statistic else {
        "StatisticType": "Statistic",
        "Statistic": alarm.get("Statistic", "Average").upper(),
    }
    return {
        "MetricName": alarm["MetricName"],
        "Namespace": alarm["Namespace"],
        **kind,
        "Unit": alarm.get("Unit"),
        "Dimensions": dimensions(alarm.get("Dimensions") or []),
        "Period": alarm.get("Period", 60),
        **common,
    }


def query(given):
    if "MetricStat" not in given:
        return {"ReturnData": True, **given}
    stat, metric = given["MetricStat"], given["MetricStat"]["Metric"]
    named = {"Dimensions": dimensions(metric.get("Dimensions") or []), "MetricName": metric["MetricName"], "Namespace": metric["Namespace"]}
    return {"ReturnData": True, **given, "MetricStat": {"Metric": named, "Period": stat["Period"], "Stat": stat["Stat"]}}


def dimensions(given):
    """By names that begin with small letters, unlike everything else in it."""
    return [{"value": dimension["Value"], "name": dimension["Name"]} for dimension in given]


def event(alarm, before, state, reason, now, account, region):
    """What a function is invoked with."""
    return {
        "source": "aws.cloudwatch",
        "alarmArn": alarm["AlarmArn"],
        "accountId": account,
        "time": at(now),
        "region": region,
        "alarmData": {
            "alarmName": alarm["AlarmName"],
            "state": {"value": state, "reason": reason, "timestamp": at(now)},
            "previousState": {"value": before},
            "configuration": {"description": alarm.get("AlarmDescription", ""), "metrics": alarm.get("Metrics", [])},
        },
    }
