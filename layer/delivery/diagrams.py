"""The pictures of ``docs/diagrams.md``, made from the templates and the state machine: ``make diagrams`` writes them, a test compares.

Each is a Mermaid block or a table between ``<!-- name -->`` and ``<!-- /name -->``; the text around them is written by hand.
"""

import json
import re
from pathlib import Path

from delivery import flows
from delivery.checks.imports import NAME, in_order, trade_of
from delivery.evaluation import STAGES
from delivery.flows import identity as _id
from delivery.templates import Template

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "diagrams.md"
STATE_MACHINE = REPOSITORY / "functions" / "statemachines" / "agent.asl.json"

# What a reader looks for, in the order of the rows, and how Mermaid draws it. Whatever is of no other kind is left out.
KINDS = (
    ("nested stacks", "AWS::CloudFormation::Stack", "[[{}]]"),
    ("tables", "AWS::DynamoDB::Table", "[({})]"),
    ("functions", "AWS::Lambda::Function", "[{}]"),
    ("layers", "AWS::Lambda::LayerVersion", "[[{}]]"),
    ("state machines", "AWS::StepFunctions::StateMachine", "{{{{{}}}}}"),
    ("activities", "AWS::StepFunctions::Activity", "([{}])"),
    ("APIs", "AWS::ApiGatewayV2::Api", "([{}])"),
    ("topics", "AWS::SNS::Topic", "{{{{{}}}}}"),
    ("queues", "AWS::SQS::Queue", "[[{}]]"),
    ("secrets", "AWS::SecretsManager::Secret", "[/{}/]"),
    ("buckets", "AWS::S3::Bucket", "[({})]"),
    ("parameters", "AWS::SSM::Parameter", ">{}]"),
    ("roles", "AWS::IAM::Role", "[/{}\\]"),
    ("policies", "AWS::IAM::ManagedPolicy", "[/{}\\]"),
    ("logs", "AWS::Logs::LogGroup", "[\\{}/]"),
    ("dashboards", "AWS::CloudWatch::Dashboard", "({})"),
    ("schedules", "AWS::Scheduler::Schedule", "([{}])"),
)
ALARM = "AWS::CloudWatch::Alarm"
NO_VALUE = {"Ref": "AWS::NoValue"}


def pictures(templates):
    """Every picture by the name of its place in the page."""
    templates = list(in_order(sorted(templates, key=lambda template: template.name)))
    stacks = {template.name: _fullest(template) for template in templates}
    return {
        "stacks": _mermaid("flowchart LR", _imports({template.name: trade_of(template) for template in templates})),
        "resources": _mermaid("flowchart TB", _resources(stacks)),
        "permissions": _mermaid("flowchart LR", _permissions(stacks)),
        "messages": _mermaid("flowchart LR", flows.messages(stacks["messaging"])),
        "settings": _mermaid("flowchart LR", flows.settings(templates)),
        "variables": _table(flows.variables(templates)),
        "configuration": _configuration(templates),
        "tree": _mermaid("flowchart TB", flows.tree(templates)),
        "agent": _mermaid("stateDiagram-v2", _states(json.loads(STATE_MACHINE.read_text()))),
    }


def filled(page, templates):
    """The page with every picture in its place."""
    for name, picture in pictures(templates).items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise ValueError(f"{PAGE.name} has no {begin.strip()} … {end}")
        page = before + begin + picture + end + after
    return page


def _fullest(template):
    """The template with everything that its parameters can add."""
    in_dev = (evaluation for given, evaluation in template.evaluations if given["Stage"] == "dev")
    return max(in_dev, key=lambda one: (len(one.resources), len(json.dumps([one.resources, one.outputs]))))


def _mermaid(kind, lines):
    return "```mermaid\n" + "\n".join([kind, *lines]) + "\n```\n"


def _table(rows):
    return "\n".join(rows) + "\n"


def _imports(trades):
    """An arrow from each stack to those that use what it exports or writes into a parameter, with the names."""
    givers = {name: stack for stack, trade in trades.items() for name in trade.gives}
    for stack in trades:
        yield f"  {_id(stack)}[{stack}]"
    for stack, trade in trades.items():
        by_giver = {}
        for name in sorted(trade.takes):
            by_giver.setdefault(givers.get(name, "another stack"), {})[_stageless(name)] = None
        for giver, names in sorted(by_giver.items()):
            yield f'  {_id(giver)} -->|"{"<br>".join(names)}"| {_id(stack)}'


def _resources(stacks):
    for stack, evaluation in stacks.items():
        yield f"  subgraph {_id(stack)}[{stack}]"
        for _, kind, shape in KINDS:
            for name in evaluation.of_type(kind):
                yield f"    {_id(stack, name)}{shape.format(name)}"
        # Some stacks have dozens, which differ by what they look at alone.
        alarms = len(evaluation.of_type(ALARM))
        if alarms:
            yield f"    {_id(stack, 'alarms')}({alarms} alarms)"
        yield "  end"


def _permissions(stacks):
    """An arrow from each role or policy to what it may use, with the actions."""
    for stack, evaluation in stacks.items():
        for kind in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
            for name, resource in evaluation.of_type(kind).items():
                arrows = list(_arrows(stack, name, resource["Properties"]))
                if arrows:
                    yield f'  {_id(stack, name)}[/"{stack}: {name}"\\]'
                    yield from arrows


def _arrows(stack, name, properties):
    attached = properties.get("ManagedPolicyArns", [])
    for policy in attached:
        yield f'  {_id(stack, name)} --> {_target(stack, policy)}'
    documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [])]
    documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
    by_target = {}
    for statement in (each for document in documents for each in document["Statement"]):
        for resource in _listed(statement["Resource"]):
            actions = by_target.setdefault(_target(stack, resource), {})
            actions.update(dict.fromkeys(_listed(statement["Action"])))
    for target, actions in by_target.items():
        yield f'  {_id(stack, name)} -->|"{"<br>".join(sorted(actions))}"| {target}'


def _target(stack, resource):
    """The node of what a policy names: a resource of the stack, what another exports, or whatever else it is."""
    resource = str(resource)
    exported = re.search(r"<import ([^>]+)>", resource)
    if exported:
        text = _stageless(exported[1])
    elif resource.startswith("<"):
        text = f"{stack}: {resource[1:].split('>')[0].split('.')[0]}"
    else:
        text = "any" if resource == "*" else resource
    return f'{_id(text)}["{text}"]'


def _configuration(templates):
    """A row for each variable of each function: where its value comes from."""
    rows = ["| function | variable | value |", "|---|---|---|"]
    for template, name, variables in flows.functions_of(templates):
        rows += [
            f"| {template.name}: {name} | `{variable}` | {_origin(template, value)} |"
            for variable, value in variables.items()
        ]
    return _table(rows)


def _origin(template, value):
    """Where a variable's value comes from, in words."""
    if not isinstance(value, dict):
        return f"`{value}`"
    ((function, argument),) = value.items()
    match function:
        case "Ref":
            return f"parameter `{argument}`" if argument in template.parameters else f"name of `{argument}`"
        case "Fn::ImportValue":
            return f"export `{_written(argument)}`"
        case "Fn::GetAtt":
            return f"attribute `{argument if isinstance(argument, str) else '.'.join(argument)}`"
        case "Fn::If":
            condition, then, otherwise = argument
            instead = "" if otherwise == NO_VALUE else f"; otherwise {_origin(template, otherwise)}"
            return f"{_origin(template, then)}, if `{condition}`{instead}"
    return f"`{_written(value)}`"


def _written(value):
    """A name as the template writes it."""
    if isinstance(value, dict):
        (value,) = value.values()
    return _written(value[0]) if isinstance(value, list) else str(value)


def _states(machine):
    """An arrow for each way from one state to another. Ways of failures are named so."""
    yield f"  [*] --> {_id(machine['StartAt'])}"
    for name, state in machine["States"].items():
        yield f'  state "{name}" as {_id(name)}'
        ends = state.get("End") or state["Type"] in ("Succeed", "Fail")
        nexts = [state.get("Next"), state.get("Default"), *(choice.get("Next") for choice in state.get("Choices", []))]
        for to in dict.fromkeys(filter(None, nexts)):
            yield f"  {_id(name)} --> {_id(to)}"
        by_catcher = {}
        for catcher in state.get("Catch", []):
            by_catcher.setdefault(catcher["Next"], []).extend(catcher["ErrorEquals"])
        for to, errors in by_catcher.items():
            yield f"  {_id(name)} --> {_id(to)} : {', '.join(errors)}"
        if ends:
            yield f"  {_id(name)} --> [*]"


def _stageless(name):
    """An export or parameter that others use, without the stage."""
    found = NAME.fullmatch(name)
    return name.removesuffix("-" + found["stage"]) if found else re.sub(rf"/({'|'.join(STAGES)})/", "/{stage}/", name)


def _listed(value):
    return value if isinstance(value, list) else [value]


def write(paths):
    templates = [Template.read(path) for path in paths]
    PAGE.write_text(filled(PAGE.read_text(), templates))
    print(f"diagrams: {PAGE.relative_to(REPOSITORY)} from {len(templates)} templates and the state machine")
