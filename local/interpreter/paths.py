"""What a JSONPath finds, as the service has it: a definite one the value itself, any other a list. moto makes a list of what is
behind an index, and a value of what a wildcard finds once.

A path is learned once: moto would take longer for that than for everything else that a state does.
"""

import functools
import re

from moto.stepfunctions.parser.asl.utils import json_path

from spelling import replace_everywhere

# A wildcard, a filter, a descent, a slice or several indexes may find any number of values.
INDEFINITE = re.compile(r"\*|\?|\.\.|\[[^\]]*[:,]")


def extract_json(path, data):
    found = [match.value for match in json_path.parse(path).find(data)]
    if INDEFINITE.search(path):
        return found
    if not found:
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    return found[0]


def correct():
    json_path.parse = functools.cache(json_path.parse)
    replace_everywhere("extract_json", extract_json)
