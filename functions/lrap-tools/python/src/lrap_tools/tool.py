"""A tool, and the handler that serves tools."""

import inspect
import json
import logging
import re
from typing import get_type_hints

from lrap_tools import docstring, schema

_NAME = re.compile(r"[a-z][a-z0-9_]{1,63}")
# A handle is a reference without its prefix. The state machine puts the text in its place; who calls the function otherwise must, too.
_HANDLE = re.compile(r"\d+:dynamodb:[A-Za-z0-9._:-]{40,150}")

log = logging.getLogger("lrap_tools")


class ToolError(Exception):
    """What a tool raises to tell the model what is wrong. Any other exception is logged, and the model gets its type only."""


class Tool:
    """A function with the name, the description and the schema under which a model calls it."""

    def __init__(self, function):
        self.function = function
        self.name = function.__name__
        if not _NAME.fullmatch(self.name):
            raise TypeError(f"{self.name}: a tool's name is in snake_case")
        parameters = inspect.signature(function).parameters
        self.description, described = docstring.parsed(function.__doc__, parameters)
        if not self.description:
            raise TypeError(f"{self.name}: the docstring must say what the tool does, because a model chooses by it")
        self.input_schema = self._schema(parameters, described)

    def __call__(self, *arguments, **named):
        return self.function(*arguments, **named)

    def _schema(self, parameters, described):
        hints = get_type_hints(self.function, include_extras=True)
        missing = [name for name in parameters if name not in hints]
        if missing:
            raise TypeError(f"{self.name}: the parameter {missing[0]} has no type hint")
        properties = {name: schema.of(hints[name]) | self._description(name, described) for name in parameters}
        required = [name for name, parameter in parameters.items() if parameter.default is parameter.empty]
        return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}

    @staticmethod
    def _description(name, described):
        return {"description": described[name]} if name in described else {}

    def row(self):
        """What a registry of tools wants, except for the function's ARN."""
        return {
            "tool_name": self.name,
            "description": self.description,
            "input_schema": self.input_schema,
            "output_schema": {"type": "string"},
            "language": "python",
        }

    def run(self, given):
        """The content of the result: the text that the function returns, or the JSON of what else it returns."""
        given = {name: value for name, value in given.items() if value is not None}
        mistakes = self._mistakes(given)
        if mistakes:
            raise ToolError("; ".join(mistakes))
        result = self.function(**given)
        return result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)

    def _mistakes(self, given):
        properties = self.input_schema["properties"]
        mistakes = [f"`{name}` is missing" for name in self.input_schema["required"] if name not in given]
        for name, value in given.items():
            if name not in properties:
                mistakes.append(f"`{name}` is not a parameter of this tool")
            elif properties[name].get("format") == "content" and isinstance(value, str) and _HANDLE.fullmatch(value.strip()):
                mistakes.append(f"`{name}` is a handle, and its text was not put in its place: call the tool by the state machine of an agent")
            else:
                mistakes += schema.mistakes(properties[name], value, name)
        return mistakes


def tool(function):
    """Makes a tool of a function with type hints and a docstring."""
    return Tool(function)


def serve(*tools):
    """The handler of a Lambda function that has these tools."""
    named = {tool.name: tool for tool in tools}

    def handler(event, context=None):
        if isinstance(event, dict) and event.get("warmup") is True:
            return event
        event = event if isinstance(event, dict) else {}
        result = {"type": "tool_result", "name": str(event.get("name", "")), "tool_use_id": str(event.get("id", ""))}
        try:
            return result | {"content": _answer(named, event)}
        except ToolError as error:
            return result | {"content": str(error), "is_error": True}
        except Exception as error:
            log.exception("the tool %s failed", result["name"])
            return result | {"content": f"the tool failed: {type(error).__name__}", "is_error": True}

    return handler


def _answer(named, event):
    for field in ("id", "name"):
        if not isinstance(event.get(field), str):
            raise ToolError(f"the call has no `{field}`")
    if event["name"] not in named:
        raise ToolError(f"there is no tool `{event['name'][:64]}`; the tools are {', '.join(named)}")
    given = event.get("input") or {}
    if not isinstance(given, dict):
        raise ToolError("the call's `input` is not an object")
    return named[event["name"]].run(given)
