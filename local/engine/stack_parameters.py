"""Parameters of stacks that name a parameter of Systems Manager: what a template allows is the name, and not the value that is found by it."""

import re

from ministack.services.cloudformation import changesets, engine, handlers

BY_NAME = "AWS::SSM::Parameter::Value<"
CONSTRAINTS = ("AllowedPattern", "AllowedValues", "MinLength", "MaxLength")

resolve_with_constraints = engine._resolve_parameters


def complete():
    for module in (engine, handlers, changesets):
        module._resolve_parameters = resolve


def resolve(template, provided, previous=None):
    given = template.get("Parameters") or {}
    named = {name: definition for name, definition in given.items() if definition.get("Type", "").startswith(BY_NAME)}
    free = {**given, **{name: without_constraints(definition) for name, definition in named.items()}}
    resolved = resolve_with_constraints({**template, "Parameters": free}, provided, previous)
    for name, definition in named.items():
        check(name, definition, resolved[name].get("SsmName"))
    return resolved


def without_constraints(definition):
    return {key: value for key, value in definition.items() if key not in CONSTRAINTS}


def check(name, definition, key):
    """``key`` is None for one that keeps the value of an earlier deployment."""
    if key is None:
        return
    if definition.get("AllowedValues") and key not in map(str, definition["AllowedValues"]):
        raise ValueError(f"Parameter '{name}' must be one of AllowedValues")
    if not re.fullmatch(str(definition.get("AllowedPattern", ".*")), key):
        raise ValueError(f"Parameter '{name}' must match pattern {definition['AllowedPattern']}")
