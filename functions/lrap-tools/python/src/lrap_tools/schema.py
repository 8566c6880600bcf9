"""Type hints as JSON Schema, and the check of a model's input against it."""

import types
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin


@dataclass(frozen=True)
class Range:
    """``Annotated[int, Range(1, 50)]``: the least and the greatest number, or ``None`` for no limit."""

    least: float | None = None
    greatest: float | None = None


@dataclass(frozen=True)
class Format:
    """``format`` of a schema."""

    name: str


# A text that may be long. The model gives it as it is or by its handle, and the function always gets the text: the state machine and
# the layer put it in the handle's place.
Content = Annotated[str, Format("content")]

_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", dict: "object", list: "array", Any: None}


def of(hint):
    """The schema of a type hint. A hint that has none is a ``TypeError``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of(arguments[0]) | _limits(arguments[1:])
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        kinds = [kind for kind in arguments if kind is not type(None)]
        return of(kinds[0]) if len(kinds) == 1 else {"anyOf": [of(kind) for kind in kinds]}
    if origin is list:
        return {"type": "array", "items": of(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": of(arguments[1])}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]} if _PLAIN[hint] else {}
    raise TypeError(f"{hint!r} has no JSON Schema here: take str, int, float, bool, list, dict, Literal, Content or Annotated[…, Range(…)]")


def _limits(notes):
    limits = {}
    for note in notes:
        match note:
            case Range(least, greatest):
                limits |= {name: limit for name, limit in (("minimum", least), ("maximum", greatest)) if limit is not None}
            case Format(name):
                limits["format"] = name
            case str():
                limits["description"] = note
    return limits


def mistakes(schema, value, name):
    """What is wrong with a value, in words for the model. The value is not quoted: it may be long."""
    if "anyOf" in schema:
        return [] if any(not mistakes(kind, value, name) for kind in schema["anyOf"]) else [f"`{name}` is of none of the types that it may have"]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"`{name}` is not one of {', '.join(map(str, schema['enum']))}"]
    wanted = schema.get("type")
    if wanted and not _IS[wanted](value):
        return [f"`{name}` is not {_WORDS[wanted]}"]
    if wanted in ("integer", "number") and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        return [f"`{name}` is not from {schema.get('minimum', 'any')} to {schema.get('maximum', 'any')}"]
    if wanted == "array":
        return [mistake for index, entry in enumerate(value) for mistake in mistakes(schema.get("items", {}), entry, f"{name}[{index}]")]
    return []


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_IS = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: _is_number(value) and value == int(value),
    "number": _is_number,
    "boolean": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
_WORDS = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "a list",
}
