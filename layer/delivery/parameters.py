"""Parameters that are given by hand: each must be known to a template, and be what it says there."""

import re

from delivery import Refusal
from delivery.evaluation import FROM_SSM

# Made by the delivery itself.
OURS = {"Stage", "X86Key", "ArmKey", "Version", "HeldX86Layer", "HeldArmLayer"}


def words(text):
    """What is written as ``Name=Value`` with spaces between. A value has spaces only inside parentheses, as ``rate(5 minutes)`` has."""
    return re.findall(r"(?:\([^()]*\)|\S)+", text)


def refuse_unknown(stage, given):
    """A parameter that no template has would be ignored, and one of another type would fail half-way."""
    declared = {}
    for stack in stage.stacks:
        declared.update({name: one for name, one in stack.template.parameters.items() if name not in OURS})
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        raise Refusal(f"no stack has a parameter {', '.join(unknown)}; there are {', '.join(sorted(declared))}")
    refuse_wrong([f"PARAMETERS: {problem}" for name, value in given.items() for problem in problems(name, declared[name], value)])
    for stack in stage.stacks:
        found = [problem for name, value in stack.own.items() for problem in problems(name, stack.template.parameters[name], value)]
        refuse_wrong([f"{stack.name}: {problem}" for problem in found])


def refuse_wrong(lines):
    if lines:
        raise Refusal("\n".join(lines))


def problems(name, declared, value):
    """What CloudFormation would say of a value, which it says only when it is at the stack."""
    if declared["Type"] == "Number":
        yield from _number(name, declared, value)
    if declared["Type"].startswith(FROM_SSM) and not value.startswith("/"):
        yield f"{name} is {value}, but must be the name of a parameter of Systems Manager, such as {declared.get('Default', '/name')}"
    allowed = [str(one) for one in declared.get("AllowedValues", [value])]
    if value not in allowed:
        yield f"{name} is {value}, which is not one of {', '.join(allowed)}"
    if not re.fullmatch(declared.get("AllowedPattern", "(?s).*"), value):
        yield f"{name} is {value}, which does not match {declared['AllowedPattern']}"
    if not int(declared.get("MinLength", 0)) <= len(value) <= int(declared.get("MaxLength", 4096)):
        yield f"{name} has {len(value)} characters: {declared.get('MinLength', 0)} to {declared.get('MaxLength', 4096)} are allowed"


def _number(name, declared, value):
    try:
        number = float(value)
    except ValueError:
        yield f"{name} is {value}, which is not a number"
        return
    if number < float(declared.get("MinValue", number)):
        yield f"{name} is {value}, less than {declared['MinValue']}"
    if number > float(declared.get("MaxValue", number)):
        yield f"{name} is {value}, more than {declared['MaxValue']}"
