"""JSON text as the service writes it, in inputs, outputs and the history: no white space, and letters as they are.

moto writes spaces after commas and escapes for everything beyond ASCII, so that a state seems larger than it is.
"""

import json
import sys

from moto.stepfunctions.parser.asl.utils.encoding import _DateTimeEncoder


def to_json_str(value, separators=None):
    return json.dumps(value, cls=_DateTimeEncoder, ensure_ascii=False, separators=(",", ":"))


def replace_everywhere(name, function):
    """Where moto's modules have imported their own function of this name."""
    for module in list(sys.modules.values()):
        if module.__name__.startswith("moto.stepfunctions") and hasattr(module, name):
            setattr(module, name, function)


def correct():
    replace_everywhere("to_json_str", to_json_str)
