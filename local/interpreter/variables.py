"""References to variables (``$name``, ``$name.path``) in JSONPath: moto evaluates them as JSONata, for which it has no engine.

And where a choice compares with one (``NumericLessThanPath``), moto compares that variable with itself.
"""

import copy
import re

from moto.stepfunctions.parser.asl.component.common.query_language import QueryLanguageMode
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringVariableSample
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_func import (
    ComparisonFuncStringVariableSample,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.comparison_operator_type import (
    ComparisonOperatorType,
)
from moto.stepfunctions.parser.asl.component.state.choice.comparison.operator.factory import OperatorFactory

from paths import extract_json

REFERENCE = re.compile(r"\$(?P<name>[A-Za-z_]\w*)(?P<path>.*)", re.DOTALL)

eval_jsonata = StringVariableSample._eval_body


def eval_reference(sample, env):
    reference = REFERENCE.fullmatch(sample.expression)
    if reference is None or sample.query_language_mode != QueryLanguageMode.JSONPath:
        eval_jsonata(sample, env)
        return
    value = env.variable_store.get(reference["name"])
    path = reference["path"]
    # A copy, as moto takes of everything that a path finds: states edit what they are given.
    env.stack.append(copy.deepcopy(extract_json(f"${path}", value) if path else value))


def compare_with_reference(comparison, env):
    """By the operator of the same name without ``Path``, which takes the value itself."""
    comparison.string_variable_sample.eval(env=env)
    value = env.stack.pop()
    plain = ComparisonOperatorType[comparison.operator_type.name.removesuffix("Path")]
    OperatorFactory.get(plain).eval(env=env, value=value)


def resolve():
    ComparisonFuncStringVariableSample._eval_body = compare_with_reference
    StringVariableSample._eval_body = eval_reference
