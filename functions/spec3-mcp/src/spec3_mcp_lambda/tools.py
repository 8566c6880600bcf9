"""The tools: what a model does to a text too long to repeat word by word. Each takes the text whole, some give it whole."""

from dataclasses import dataclass
from typing import Callable

JSON_TYPES = {str: "string", int: "integer"}


class InvalidArguments(Exception):
    """Arguments that are not those of the tool; the message names the first."""


class ToolFailure(Exception):
    """The arguments are right, and yet the tool cannot do it with this text."""


@dataclass(frozen=True)
class Argument:
    """One argument of a tool: ``kind`` is ``str`` or ``int``."""

    kind: type
    meaning: str

    def accepts(self, value):
        return type(value) is self.kind

    def schema(self):
        return {"type": JSON_TYPES[self.kind], "description": self.meaning}


@dataclass(frozen=True)
class Tool:
    """A function on texts, with what a client is told of it."""

    name: str
    purpose: str
    arguments: dict
    run: Callable

    def description(self):
        """As ``tools/list`` gives it."""
        schema = {
            "type": "object",
            "properties": {name: argument.schema() for name, argument in self.arguments.items()},
            "required": list(self.arguments),
            "additionalProperties": False,
        }
        return {"name": self.name, "description": self.purpose, "inputSchema": schema}

    def call(self, given):
        """The text that the tool answers with. Fails as ``InvalidArguments`` or ``ToolFailure``."""
        if not isinstance(given, dict):
            raise InvalidArguments("arguments must be an object")
        for name, argument in self.arguments.items():
            if not argument.accepts(given.get(name)):
                raise InvalidArguments(f"arguments.{name} must be of type {JSON_TYPES[argument.kind]}")
        unknown = sorted(given.keys() - self.arguments.keys())
        if unknown:
            raise InvalidArguments(f"arguments.{unknown[0]} is not known to {self.name}")
        return self.run(**given)


def search(text, query):
    if not query:
        raise ToolFailure("query is empty, and would be found everywhere")
    found = [f"{number}: {line}" for number, line in enumerate(text.split("\n"), 1) if query in line]
    return "\n".join(found)


def excerpt(text, first, last):
    lines = text.split("\n")
    if not 1 <= first <= last <= len(lines):
        raise ToolFailure(f"there are no lines {first} to {last}: the text has lines 1 to {len(lines)}")
    return "\n".join(lines[first - 1 : last])


def replace(text, old, new):
    if not old or old not in text:
        raise ToolFailure("old does not occur in the text")
    return text.replace(old, new)


TEXT = Argument(str, "The whole text.")

TOOLS = {
    tool.name: tool
    for tool in (
        Tool(
            "search_text",
            "Finds every line that contains a query, letter by letter, and gives it with its number.",
            {"text": TEXT, "query": Argument(str, "What the lines must contain.")},
            search,
        ),
        Tool(
            "excerpt_text",
            "Gives some lines of a text as they stand there.",
            {
                "text": TEXT,
                "first": Argument(int, "Number of the first line, from 1."),
                "last": Argument(int, "Number of the last line, which is given too."),
            },
            excerpt,
        ),
        Tool(
            "replace_text",
            "Gives the whole text with every occurrence of one passage replaced by another.",
            {
                "text": TEXT,
                "old": Argument(str, "The passage, exactly as the document has it."),
                "new": Argument(str, "The text that replaces it; may be empty."),
            },
            replace,
        ),
    )
}
