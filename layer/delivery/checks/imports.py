"""Who needs what of whom: exports and imports by name, and parameters of the Systems Manager read by name."""

import re
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from delivery.artifacts import nested_named
from delivery.evaluation import STAGES, Evaluation

# What other people's stacks import of this project, and therefore never changes its name.
PROMISED = (
    "SharedProxyLayerX86LongContent-{stage}",
    "SharedProxyLayerArmLongContent-{stage}",
    "SharedContentTableLongContent-{stage}",
    "SharedContentTableArnLongContent-{stage}",
    "SharedTableSharedLLMTable-{stage}",
    "SharedTableArnSharedLLMTable-{stage}",
    "SharedTableAgentRegistry-{stage}",
    "SharedTableArnAgentRegistry-{stage}",
    "SharedTableToolRegistry-{stage}",
    "SharedTableArnToolRegistry-{stage}",
    "SharedTableStreamArnToolRegistry-{stage}",
    "SharedClaudeLambdaArn-{stage}",
    "SharedOpenAILambdaArn-{stage}",
    "SharedGeminiLambdaArn-{stage}",
    "SharedBedrockLambdaArn-{stage}",
    "SharedDeepSeekLambdaArn-{stage}",
    "SharedXAILambdaArn-{stage}",
    "SharedLLMSecretArn-{stage}",
    "SharedLLMLayerArn-{stage}",
    "SharedLLMLogGroupName-{stage}",
)
NAME = re.compile(r"Shared[A-Z][A-Za-z0-9]*-(?P<stage>[a-z0-9]+)")
PARAMETER = re.compile(r"\{\{resolve:ssm:([^:}]+)")


@dataclass
class Trade:
    """What one template gives to others and takes from them, under every set of its parameters."""

    exports: dict = field(default_factory=dict)
    gives: set = field(default_factory=set)
    takes: set = field(default_factory=set)


def trade_of(template):
    trade = Trade(takes={name for stage in STAGES for name in template.of_stage(stage).values()})
    for given, evaluation in template.evaluations:
        trade.exports.update(dict.fromkeys(evaluation.exports, given["Stage"]))
        trade.gives |= set(evaluation.exports) | _parameters_made(evaluation)
        trade.takes |= evaluation.imports | set(PARAMETER.findall(repr(evaluation.resources)))
    return trade


def check(templates, promised=PROMISED):
    """Names that dangle, are given twice, are not of the form, or were promised and are not there; and cycles."""
    trades = {template.name: trade_of(template) for template in templates}
    givers = _givers(trades)
    for name, names in sorted(givers.items()):
        if len(names) > 1:
            yield f"{name} is given by more than one template: {', '.join(names)}"
    for template, trade in trades.items():
        yield from (f"{template}: nothing exports or sets {name}" for name in sorted(trade.takes - givers.keys()))
        yield from (f"{template}: {name} is not of the form Shared…-{{Stage}}" for name in _misnamed(trade.exports))
    stages = {stage for trade in trades.values() for stage in trade.exports.values()}
    expected = {form.format(stage=stage) for form in promised for stage in stages or ("dev",)}
    yield from (f"no template exports {name}, on which other stacks rely" for name in sorted(expected - givers.keys()))
    try:
        _order(trades, givers)
    except CycleError as cycle:
        yield f"a cycle of imports: {' -> '.join(cycle.args[1])}"


def in_order(templates):
    """The templates so that each comes after those it takes from."""
    return _sorted(templates, {template.name: trade_of(template) for template in templates})


def in_order_of(templates, stage):
    """The same in one stage, without a look at every set of parameters: what any condition may take counts as taken."""
    return _sorted(templates, {template.name: _trade_in(template, stage) for template in templates})


def _sorted(templates, trades):
    by_name = {template.name: template for template in templates}
    return [by_name[name] for name in _order(trades, _givers(trades))]


def _trade_in(template, stage):
    """Of a template with those of its nested stacks."""
    evaluation = Evaluation(template.document, {"Stage": stage})
    takes = {evaluation.value_of(name) for name in _imported(template.document)}
    takes |= set(template.of_stage(stage).values()) | set(PARAMETER.findall(repr(evaluation.resources)))
    trade = Trade(gives=set(evaluation.exports) | _parameters_made(evaluation), takes=takes)
    for path in nested_named(template).values():
        inner = _trade_in(type(template).read(path), stage)
        trade.gives |= inner.gives
        trade.takes |= inner.takes
    return trade


def _imported(node):
    """Names of imports, wherever they are."""
    if isinstance(node, dict):
        for name, member in node.items():
            yield from [member] if name == "Fn::ImportValue" else _imported(member)
    elif isinstance(node, list):
        for element in node:
            yield from _imported(element)


def _order(trades, givers):
    sorter = TopologicalSorter()
    for template, trade in trades.items():
        sorter.add(
            template, *(giver for name in sorted(trade.takes) for giver in givers.get(name, []) if giver != template)
        )
    return list(sorter.static_order())


def _givers(trades):
    givers = {}
    for template, trade in trades.items():
        for name in trade.gives:
            givers.setdefault(name, []).append(template)
    return givers


def _misnamed(exports):
    for name, stage in sorted(exports.items()):
        form = NAME.fullmatch(name)
        if form is None or form["stage"] != stage:
            yield name


def _parameters_made(evaluation):
    made = evaluation.of_type("AWS::SSM::Parameter").values()
    return {resource["Properties"]["Name"] for resource in made if "Name" in resource["Properties"]}
