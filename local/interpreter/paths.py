"""What a JSONPath finds: a definite one the value itself, as the service has it. moto makes a list of what stands behind an index.

A path is learned once: moto would take longer for that than for everything else that a state does.
"""

import functools
import re

from moto.stepfunctions.parser.asl.utils import json_path

from spelling import replace_everywhere

# A wildcard, a filter, a descent, a slice or several indexes may find any number of values.
INDEFINITE = re.compile(r"\*|\?|\.\.|\[[^\]]*[:,]")

extract_any = json_path.extract_json


def extract_json(path, data):
    if INDEFINITE.search(path):
        return extract_any(path, data)
    matches = json_path.parse(path).find(data)
    if not matches:
        raise json_path.NoSuchJsonPathError(json_path=path, data=data)
    return matches[0].value


def correct():
    json_path.parse = functools.cache(json_path.parse)
    replace_everywhere("extract_json", extract_json)
