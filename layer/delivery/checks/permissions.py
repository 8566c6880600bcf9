"""Least permission: who may do what is said by name, and the few exceptions have a reason here."""

# Actions that know no resource: what must limit them instead, and why they are needed.
WITHOUT_RESOURCE = {
    "cloudwatch:PutMetricData": "cloudwatch:namespace",
    "xray:PutTraceSegments": None,
    "xray:PutTelemetryRecords": None,
    "xray:GetSamplingRules": None,
    "xray:GetSamplingTargets": None,
    # Of all gateways of the account; it tells names and ids, and changes nothing.
    "bedrock-agentcore:ListGateways": None,
    # What a state machine's log takes: AWS delivers it, and who has it delivered can name no resource.
    "logs:CreateLogDelivery": None,
    "logs:DeleteLogDelivery": None,
    "logs:DescribeLogGroups": None,
    "logs:DescribeResourcePolicies": None,
    "logs:GetLogDelivery": None,
    "logs:ListLogDeliveries": None,
    "logs:PutResourcePolicy": None,
    "logs:UpdateLogDelivery": None,
}
# Policies of AWS's own that a template may attach: what every function needs to have a log, and to be traced.
OF_AWS = (
    "service-role/AWSLambdaBasicExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
)


def check(template):
    """Statements that allow more than they name."""
    found = set()
    for _, evaluation in template.evaluations:
        for name, resource in evaluation.resources.items():
            found.update(f"{template.name}: {name}: {problem}" for problem in _problems(resource.get("Properties", {})))
    yield from sorted(found)


def _problems(node):
    """Of everything in a resource's properties that looks like a policy document, wherever it is."""
    if isinstance(node, list):
        for element in node:
            yield from _problems(element)
    elif isinstance(node, dict):
        for statement in _listed(node.get("Statement")):
            yield from _statement(statement)
        yield from _attached(_listed(node.get("ManagedPolicyArns")))
        for member in node.values():
            yield from _problems(member)


def _statement(statement):
    if statement.get("Effect") != "Allow":
        return
    for name in ("NotAction", "NotResource", "NotPrincipal"):
        if name in statement:
            yield f"{name} allows everything that it does not name"
    if _anyone(statement.get("Principal")):
        yield "the principal is everyone"
    for action in _listed(statement.get("Action")):
        if "*" in action or "?" in action:
            yield f"the action {action} contains a wildcard"
        elif any(_is_wide(resource) for resource in _listed(statement.get("Resource"))):
            yield from _unnamed(action, statement.get("Condition", {}))


def _unnamed(action, condition):
    if action not in WITHOUT_RESOURCE:
        yield f"{action} is allowed on everything: name the resource"
        return
    limit = WITHOUT_RESOURCE[action]
    if limit and not any(limit in keys for keys in condition.values()):
        yield f"{action} needs a condition on {limit}"


def _is_wide(resource):
    """Whether a resource's own name begins with a wildcard: ``*``, ``table/*``; not ``log-group:/name:*`` nor ``bucket/*``."""
    if not resource.startswith("arn:"):
        return resource.startswith("*")
    service, name = resource.split(":", 5)[2::3]
    if service != "s3":
        name = name.replace(":", "/").partition("/")[2] or name
    return name.startswith("*")


def _attached(policies):
    for policy in policies:
        owner, _, name = policy.partition(":iam::aws:policy/")
        if name and name not in OF_AWS:
            yield f"AWS's policy {name} allows more than one function needs"


def _anyone(principal):
    return principal == "*" or isinstance(principal, dict) and "*" in _listed(principal.get("AWS"))


def _listed(value):
    return value if isinstance(value, list) else [] if value is None else [value]
