"""Expressions of metrics, as alarms have them: ``100 * errors / invocations``, ``IF(n > 20, rate, 0)``, ``FILL(reads, 0) + FILL(writes, 0)``.

One value for one period; None where there is no data, which whatever is made of it is then too, except by ``FILL``.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

import ast
import operator

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else None,
    ast.Pow: operator.pow,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}


class Invalid(ValueError):
    """An expression that is none, or more than is understood here."""


def parse(expression):
    """Its tree. Python's syntax is that of the expressions, but for ``AND`` and ``OR``."""
    text = expression.replace("&&", " and ").replace("||", " or ").replace(" AND ", " and ").replace(" OR ", " or ")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise Invalid(f"Expression: {expression} cannot be read") from error


def names(tree):
    """The ids of the metrics and expressions that it is made of."""
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - called


def value(tree, known):
    """Its value by those of its names."""
    kind = type(tree)
    if kind not in NODES:
        raise Invalid(f"Expression: {ast.unparse(tree)} is not understood on this machine")
    return NODES[kind](tree, known)


def constant(tree, known):
    return tree.value


def name(tree, known):
    if tree.id not in known:
        raise Invalid(f"Expression: {tree.id} is not an Id of this alarm")
    return known[tree.id]


def binary(tree, known):
    return applied(type(tree.op), value(tree.left, known), value(tree.right, known))


def unary(tree, known):
    return applied(type(tree.op), value(tree.operand, known))


def comparison(tree, known):
    found = applied(type(tree.ops[0]), value(tree.left, known), value(tree.comparators[0], known))
    return None if found is None else float(found)


def both_or_either(tree, known):
    parts = [value(part, known) for part in tree.values]
    if None in parts:
        return None
    return float(all(parts) if isinstance(tree.op, ast.And) else any(parts))


def applied(kind, *operands):
    if kind not in OPERATORS:
        raise Invalid(f"Expression: {kind.__name__} is not understood on this machine")
    return None if None in operands else OPERATORS[kind](*operands)


def several(tree, known):
    return [value(element, known) for element in tree.elts]


def call(tree, known):
    function = FUNCTIONS.get(getattr(tree.func, "id", "").upper())
    if function is None:
        raise Invalid(f"Expression: {ast.unparse(tree.func)} is not understood on this machine")
    return function(*(value(argument, known) for argument in tree.args))


def fill(given, other):
    return other if given is None else given


def choose(condition, yes, no):
    return None if condition is None else (yes if condition else no)


def of_those_there(function):
    def apply(*given):
        flat = [one for several in given for one in (several if isinstance(several, list) else [several])]
        there = [one for one in flat if one is not None]
        return function(there) if there else None

    return apply


FUNCTIONS = {
    "FILL": fill,
    "IF": choose,
    "ABS": lambda given: None if given is None else abs(given),
    "SUM": of_those_there(sum),
    "MIN": of_those_there(min),
    "MAX": of_those_there(max),
    "AVG": of_those_there(lambda there: sum(there) / len(there)),
}

NODES = {
    ast.Constant: constant,
    ast.Name: name,
    ast.BinOp: binary,
    ast.UnaryOp: unary,
    ast.Compare: comparison,
    ast.BoolOp: both_or_either,
    ast.List: several,
    ast.Call: call,
}
