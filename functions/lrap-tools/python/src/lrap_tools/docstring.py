"""What a docstring says of a function and of its parameters."""

import inspect
import re

_PARAMETER = re.compile(r"(\w+)\s*(?:\([^)]*\))?:\s+(.*)")
_HEADINGS = ("Args:", "Arguments:", "Parameters:")


def parsed(text, names):
    """The description, and the parameters' by name: the lines ``name: description``, which may go on in lines that are indented further."""
    described, prose, name, indent = {}, [], None, 0
    for line in inspect.cleandoc(text or "").splitlines():
        found = _PARAMETER.fullmatch(line.strip())
        depth = len(line) - len(line.lstrip())
        if found and found[1] in names:
            name, indent = found[1], depth
            described[name] = found[2]
        elif name and line.strip() and depth > indent:
            described[name] += f" {line.strip()}"
        elif line.strip() not in _HEADINGS:
            name = None
            prose.append(line.strip())
    return " ".join(" ".join(prose).split()), described
