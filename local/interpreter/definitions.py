"""Definitions are checked before moto parses them, so that a mistake is refused when a state machine is made, and named.

moto's parser says where its grammar failed, and does not look at transitions: an unknown next state would fail the first execution that gets there.
Codes and form of the messages are the service's.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_ValidateStateMachineDefinition.html
"""

import json

from moto.stepfunctions.parser.api import InvalidDefinition
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

TYPES = ("Task", "Parallel", "Map", "Pass", "Wait", "Choice", "Succeed", "Fail")
# Those that go on by themselves, and so need `Next` or `End`.
GOING_ON = ("Task", "Parallel", "Map", "Pass", "Wait")
LONGEST_NAME = 80

parse = StepFunctionsParserBackend._validate_definition
update_machine = StepFunctionsParserBackend.update_state_machine


def check():
    StepFunctionsParserBackend._validate_definition = staticmethod(validate)
    StepFunctionsParserBackend.update_state_machine = update


def update(backend, arn, definition=None, *given, **options):
    if definition is not None:
        validate(definition)
    return update_machine(backend, arn, definition, *given, **options)


def validate(definition):
    found = list(mistakes(definition))
    if found:
        listed = ", ".join(f"'{mistake}'" for mistake in found)
        raise InvalidDefinition(message=f"Invalid State Machine Definition: {listed}")
    parse(definition)


def mistakes(definition):
    """Each with the service's code and the place of it."""
    try:
        document = json.loads(definition)
    except ValueError as error:
        yield f"INVALID_JSON_DESCRIPTION: {error}"
        return
    if not isinstance(document, dict):
        yield "SCHEMA_VALIDATION_FAILED: The definition is no object"
        return
    names = {}
    yield from of_machine(document, "", names)
    for name, places in names.items():
        if len(places) > 1:
            yield f"DUPLICATE_STATE_NAME: {name} at {' and '.join(places)}"


def of_machine(machine, place, names):
    """``names`` gets where each state's name is: it is unique in all of the definition."""
    yield from of_language(machine, place)
    states = machine.get("States")
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: There are no States at {place}/States"
        return
    yield from of_target(machine, "StartAt", states, place)
    reached = {machine.get("StartAt")}
    for name, state in states.items():
        here = f"{place}/States/{name}"
        names.setdefault(name, []).append(here)
        if len(name) > LONGEST_NAME:
            yield f"SCHEMA_VALIDATION_FAILED: The name of a state has more than {LONGEST_NAME} characters at {here}"
        if not isinstance(state, dict):
            yield f"SCHEMA_VALIDATION_FAILED: The state is no object at {here}"
            continue
        reached |= {target for transition, _ in transitions(state, here) for target in transition.values()}
        yield from of_state(state, states, here, names)
    # One that leads nowhere may be meant for it.
    for name in states if reached <= states.keys() else ():
        if name not in reached:
            yield f"SCHEMA_VALIDATION_FAILED: No state leads to it at {place}/States/{name}"


def of_state(state, states, place, names):
    kind = state.get("Type")
    if kind not in TYPES:
        yield f"SCHEMA_VALIDATION_FAILED: Type is {kind}, and none of {', '.join(TYPES)} at {place}/Type"
    yield from of_language(state, place)
    if kind in GOING_ON and ("Next" in state) == (state.get("End") is True):
        yield f"SCHEMA_VALIDATION_FAILED: A state of type {kind} has either Next or End: true at {place}"
    if kind == "Task" and "Resource" not in state:
        yield f"SCHEMA_VALIDATION_FAILED: A state of type Task has a Resource at {place}"
    if kind == "Choice" and not state.get("Choices"):
        yield f"SCHEMA_VALIDATION_FAILED: A state of type Choice has Choices at {place}"
    for transition, where in transitions(state, place):
        for member in transition:
            yield from of_target(transition, member, states, where)
    for machine, where in within(state, place):
        yield from of_machine(machine, where, names)


def transitions(state, place):
    """What names next states: parts of the state that have ``Next`` or ``Default`` alone, and where each is."""
    yield {member: state[member] for member in ("Next", "Default") if member in state}, place
    for member in ("Choices", "Catch"):
        for index, part in enumerate(state.get(member) or []):
            yield ({"Next": part["Next"]} if "Next" in part else {}), f"{place}/{member}[{index}]"


def within(state, place):
    """State machines in a state."""
    for index, branch in enumerate(state.get("Branches") or []):
        yield branch, f"{place}/Branches[{index}]"
    for member in ("Iterator", "ItemProcessor"):
        if member in state:
            yield state[member], f"{place}/{member}"


def of_target(holder, member, states, place):
    target = holder.get(member)
    if target is None:
        yield f"SCHEMA_VALIDATION_FAILED: {member} is missing at {place}/{member}"
    elif target not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing '{member}' target: {target} at {place}/{member}"


def of_language(holder, place):
    language = holder.get("QueryLanguage", "JSONPath")
    if language == "JSONata":
        yield f"UNSUPPORTED_QUERY_LANGUAGE: JSONata cannot be run on this machine, JSONPath can, at {place}/QueryLanguage"
    elif language != "JSONPath":
        yield f"SCHEMA_VALIDATION_FAILED: QueryLanguage is {language}, and neither JSONPath nor JSONata at {place}/QueryLanguage"
