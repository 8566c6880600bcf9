"""What a template says once its parameters are known: conditions decided, names put together.

CloudFormation does this in the account; the checks need it before. What only an account knows is a name in angle brackets:
``<ContentTable.Arn>`` for an attribute, ``<import Name>`` for what another stack exports. A parameter whose value CloudFormation reads
from the Systems Manager (``AWS::SSM::Parameter::Value<…>``) is written like a dynamic reference: ``{{resolve:ssm:name}}``.
"""

import itertools
import re

ACCOUNT = "123456789012"
REGION = "eu-central-1"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "<stack>",
    "AWS::StackId": "<stack id>",
}
# One where things may vanish, one where they may not.
STAGES = ("dev", "prod")

NO_VALUE = object()
# Parameters of this type name a parameter of the Systems Manager, whose value they get.
FROM_SSM = "AWS::SSM::Parameter::Value<"


class UnknownFunction(Exception):
    """A template uses an intrinsic function that the checks do not understand, so they must not say that all is well."""


class Evaluation:
    """A template under one set of parameters. What is not given is the default, else a placeholder."""

    def __init__(self, document, given):
        self.imports = set()
        self._document = document
        self._parameters = _resolved(document, {**_defaults(document), **of_stage(document, given.get("Stage")), **given})
        self.resources = self._present("Resources")
        self.outputs = self._present("Outputs")

    @property
    def exports(self):
        """Values by the names under which they are exported."""
        return {output["Export"]["Name"]: output["Value"] for output in self.outputs.values() if "Export" in output}

    def parameter(self, name):
        """The value of a parameter."""
        return self._parameters[name]

    def of_type(self, kind):
        """Resources of one type, by their logical names."""
        return {name: resource for name, resource in self.resources.items() if resource["Type"] == kind}

    def value_of(self, node):
        """What a part of the template comes to."""
        return self._value(node)

    def _present(self, section):
        entries = self._document.get(section, {}).items()
        return {name: self._value(entry) for name, entry in entries if self._holds(entry.get("Condition"))}

    def _holds(self, condition):
        return condition is None or self._value(self._document["Conditions"][condition])

    def _value(self, node):
        if isinstance(node, dict):
            return self._function(node) if _is_function(node) else self._members(node)
        if isinstance(node, list):
            return [value for value in map(self._value, node) if value is not NO_VALUE]
        return node

    def _members(self, node):
        members = {name: self._value(member) for name, member in node.items()}
        return {name: value for name, value in members.items() if value is not NO_VALUE}

    def _function(self, node):
        ((name, argument),) = node.items()
        function = FUNCTIONS.get(name)
        if function is None:
            raise UnknownFunction(f"{name} is not understood by the checks: teach layer/delivery/evaluation.py")
        return function(self, argument)

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        return {**PSEUDO, **self._parameters}.get(name, f"<{name}>")

    def _attribute(self, path):
        return f"<{path if isinstance(path, str) else '.'.join(path)}>"

    def _sub(self, argument):
        text, local = (argument, {}) if isinstance(argument, str) else argument
        local = self._members(local)

        def replace(match):
            name = match.group(1)
            value = local[name] if name in local else self._attribute(name) if "." in name else self._ref(name)
            return str(value)

        return re.sub(r"\$\{([^!}][^}]*)\}", replace, text).replace("${!", "${")

    def _import(self, name):
        name = self._value(name)
        self.imports.add(name)
        return f"<import {name}>"

    def _if(self, argument):
        condition, then, otherwise = argument
        return self._value(then if self._holds(condition) else otherwise)

    def _find_in_map(self, argument):
        value = self._document["Mappings"]
        for key in argument:
            value = value[self._value(key)]
        return value

    def _join(self, argument):
        separator, parts = argument
        return separator.join(map(str, self._value(parts)))

    def _select(self, argument):
        index, values = argument
        return self._value(values)[int(index)]

    def _split(self, argument):
        separator, text = self._value(argument)
        return text.split(separator)

    def _equals(self, argument):
        left, right = self._value(argument)
        return str(left) == str(right)


FUNCTIONS = {
    "Ref": Evaluation._ref,
    "Condition": Evaluation._holds,
    "Fn::GetAtt": Evaluation._attribute,
    "Fn::Sub": Evaluation._sub,
    "Fn::ImportValue": Evaluation._import,
    "Fn::If": Evaluation._if,
    "Fn::FindInMap": Evaluation._find_in_map,
    "Fn::Join": Evaluation._join,
    "Fn::Select": Evaluation._select,
    "Fn::Split": Evaluation._split,
    "Fn::Equals": Evaluation._equals,
    "Fn::Not": lambda self, argument: not self._value(argument)[0],
    "Fn::And": lambda self, argument: all(self._value(argument)),
    "Fn::Or": lambda self, argument: any(self._value(argument)),
}


def variants(parameters, stages=STAGES):
    """Every set of parameters that makes a difference: stages, allowed values, and optional ones both left out and given."""
    choices = {name: declared["AllowedValues"] for name, declared in parameters.items() if "AllowedValues" in declared}
    optional = {name: f"<{name}>" for name, declared in parameters.items() if declared.get("Default") == ""}
    for stage, given, *chosen in itertools.product(stages, ({}, optional), *choices.values()):
        yield {"Stage": stage, **given, **dict(zip(choices, chosen))}


def of_stage(document, stage):
    """Parameters whose value depends on the stage alone, as the template's ``Metadata`` says: ``Name: /path/{stage}``."""
    forms = document.get("Metadata", {}).get("StageParameters", {})
    return {name: form.format(stage=stage) for name, form in forms.items()} if stage else {}


def _resolved(document, values):
    declared = document.get("Parameters", {})
    kinds = {name: str(parameter.get("Type", "")) for name, parameter in declared.items()}
    return {
        name: "{{resolve:ssm:%s}}" % value if kinds.get(name, "").startswith(FROM_SSM) else value
        for name, value in values.items()
    }


def _is_function(node):
    # A resource's `Condition` is a member beside others, a condition's `Condition` is the only one.
    return len(node) == 1 and all(name in ("Ref", "Condition") or name.startswith("Fn::") for name in node)


def _defaults(document):
    declared = document.get("Parameters", {}).items()
    return {name: parameter.get("Default", f"<{name}>") for name, parameter in declared}
