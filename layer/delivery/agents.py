"""Agents: each is a separate stack, and a file of the folder of agents says what it is.

A file is named after its agent and holds the parameters of its stack, in the form that CloudFormation's own tools know as a
template configuration file: ``{"Parameters": {"Model": "claude-sonnet-5-5"}}``.
"""

import json
from pathlib import Path

from delivery import Refusal
from delivery.templates import REPOSITORY

FOLDER = REPOSITORY / "functions" / "agents"
NAME = "AgentName"


def read(folder, template):
    """Parameters of each agent's stack."""
    folder = Path(folder or FOLDER)
    if not folder.is_dir():
        raise Refusal(f"missing dependency: there is no folder of agents {folder}: name another with AGENTS=")
    return [_agent(path, template) for path in sorted(folder.glob("*.json"))]


def _agent(path, template):
    try:
        given = json.loads(path.read_text())["Parameters"]
        parameters = {name: _text(value) for name, value in given.items()}
    except (ValueError, KeyError, AttributeError, TypeError) as problem:
        raise Refusal(f'{path}: an agent is {{"Parameters": {{"Name": "value", …}}}}: {problem!r}') from problem
    unknown = sorted(parameters.keys() - (template.parameters.keys() - {"Stage"}))
    if unknown:
        raise Refusal(f"{path}: no agent has a parameter {', '.join(unknown)}; there are {', '.join(sorted(template.parameters))}")
    if parameters.setdefault(NAME, path.stem) != path.stem:
        raise Refusal(f"{path}: {NAME} is {parameters[NAME]}, but the name of the file is that of another agent")
    return parameters


def _text(value):
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"{value!r} is neither text nor number")


def deployed(template, stage, described):
    """Parameters of the agents' stacks that the account has in a stage, also of those without a file."""
    for stack in described.values():
        given = {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in stack.get("Parameters", [])}
        if NAME in given and stack["StackName"] == template.stack_name(stage, given):
            yield given
