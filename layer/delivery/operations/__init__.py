"""The stack of operations: alarms, the dashboard and the warm-up of everything that the other templates make.

``make operations`` writes ``functions/stacks/operations.yaml`` from them, and a test compares: a function, queue or topic that is added
has its alarms. Names follow from the stage, so this stack imports nothing but the topic of alarms: where a function is not deployed, its
metrics have no data, and its alarms stay silent.
"""

from pathlib import Path

import yaml

from delivery.operations.alarms import alarms
from delivery.operations.dashboard import dashboard
from delivery.operations.warm_up import warm_up
from delivery.operations.watched import watched
from delivery.templates import Template

PATH = Path(__file__).resolve().parents[3] / "functions" / "stacks" / "operations.yaml"
HEADER = "# Written by `make operations` from the other templates: change layer/delivery/operations instead.\n"


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
        "Resources": {**alarms(of), "Dashboard": dashboard(of), **warm_up(of)},
    }


PARAMETERS = {
    "Stage": {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9]{2,20}$",
        "Description": "Part of the name of every resource, so one account can hold several stages.",
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
