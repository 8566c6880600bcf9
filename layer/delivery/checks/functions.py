"""What belongs together in a function behind the layer: the layer of its architecture, last; four variables; a policy."""

import re

from delivery.layers import CONTENT_TABLE, EXEC_WRAPPER, MODES, WRAPPER

LAYER = re.compile(
    r"SharedProxyLayer(?P<export>X86|Arm)LongContent-|/long-content/[^/]+/layer/(?P<parameter>x86_64|arm64)\b"
)
POLICY = re.compile(r"SharedContent(Read|Write)PolicyArnLongContent-")
BY_EXPORT = {"X86": "x86_64", "Arm": "arm64"}
# Who may invoke a function with what a stranger sent over HTTP.
HTTP = {"apigateway.amazonaws.com", "elasticloadbalancing.amazonaws.com", "vpc-lattice.amazonaws.com"}


def check(template):
    """What is missing of that in any function which has any of it."""
    found = set()
    for _, evaluation in template.evaluations:
        for name, function in evaluation.of_type("AWS::Lambda::Function").items():
            found.update(
                f"{template.name}: {name}: {problem}" for problem in _problems(name, function["Properties"], evaluation)
            )
    yield from sorted(found)


def has_layer(function):
    """Whether a function's properties attach this layer."""
    return any(_architecture(layer) for layer in function.get("Layers", []))


def role_of(function, evaluation):
    """The properties of a function's role, or ``None`` of a role of another stack, which cannot be looked into."""
    resource = evaluation.resources.get(_resource(function.get("Role", "")))
    return resource and resource["Properties"]


def _problems(name, function, evaluation):
    layers = function.get("Layers", [])
    variables = function.get("Environment", {}).get("Variables", {})
    ours = [_architecture(layer) for layer in layers if _architecture(layer)]
    if not ours:
        if variables.get(EXEC_WRAPPER) == WRAPPER:
            yield f"{EXEC_WRAPPER} is set without the layer: the function would not start"
        return
    architectures = function.get("Architectures", ["x86_64"])
    if ours != architectures:
        yield f"runs on {', '.join(architectures)} with the layer of {', '.join(ours)}"
    if _architecture(layers[-1]) is None:
        yield "the layer must come last, after the function's own"
    if variables.get(EXEC_WRAPPER) != WRAPPER:
        yield f"has the layer, but {EXEC_WRAPPER} is not {WRAPPER}"
    if CONTENT_TABLE not in variables:
        yield f"has the layer, but not {CONTENT_TABLE}"
    if not _may_use_table(role_of(function, evaluation)):
        yield "has the layer, but its role has neither the read nor the write policy of the content table"
    yield from _modes(variables, _serves_http(name, evaluation))


def _modes(variables, serves_http):
    """An event's shape can be imitated: a template knows its function's callers, and says so."""
    for variable in MODES:
        mode = variables.get(variable)
        if mode not in ("always", "never"):
            yield f"has the layer, but {variable} is {mode or 'not set'}: set always for workflows and queues, never behind HTTP"
        elif serves_http and mode != "never":
            yield f"is invoked over HTTP, but {variable} is {mode}: text from outsiders must not be read as a reference"


def _serves_http(name, evaluation):
    """Whether the template gives the function a URL, or lets a service invoke it that passes HTTP requests on."""
    permissions = evaluation.of_type("AWS::Lambda::Permission").values()
    by_permission = (each["Properties"]["FunctionName"] for each in permissions if each["Properties"].get("Principal") in HTTP)
    by_url = (each["Properties"]["TargetFunctionArn"] for each in evaluation.of_type("AWS::Lambda::Url").values())
    return any(_resource(function) == name for function in (*by_permission, *by_url))


def _resource(value):
    """The resource that a value refers to."""
    return str(value).strip("<>").partition(".")[0]


def _architecture(layer):
    found = LAYER.search(layer)
    return found and (found["parameter"] or BY_EXPORT[found["export"]])


def _may_use_table(role):
    """A role of another stack is trusted."""
    return role is None or any(map(POLICY.search, role.get("ManagedPolicyArns", [])))
