"""What all stacks of a stage are given alike: a parameter means the same in each of them, and reaches what it is for."""

from delivery.checks.functions import has_layer, role_of

# Parameters of every stack that attaches the layer, and the variables of the function that they become.
OF_THE_LAYER = {
    "Arm64Layer": None,
    "X86Layer": None,
    "MaxContentSize": "MAX_CONTENT_SIZE",
    "ContentTtlSeconds": "LRAP_CONTENT_TTL",
    "SigningSecretArn": "LRAP_SIGNING_SECRET_ARN",
}
# Those that may differ by default: `llm` stores each text of a conversation once, also shorter ones; a log may be kept for ever; and one
# main stack is of development unless it is told otherwise.
OWN_DEFAULT = {"MaxContentSize", "LogRetentionDays", "Stage"}
STACKS = "stacks"


def check(templates):
    """What a stack is not given, is given under another meaning, or does not use."""
    ours = [template for template in templates if template.path.parent.name == STACKS]
    yield from _declared_differently(ours)
    for template in ours:
        yield from sorted({f"{template.name}: {problem}" for problem in _problems(template)})


def _declared_differently(templates):
    first = {}
    for template in templates:
        for name, declared in template.parameters.items():
            unlike = {"Description"} | ({"Default"} if name in OWN_DEFAULT else set())
            meaning = {key: value for key, value in declared.items() if key not in unlike}
            owner, known = first.setdefault(name, (template.name, meaning))
            if meaning != known:
                yield f"{template.name}: the parameter {name} is declared differently from {owner}"


def _problems(template):
    for given, evaluation in template.evaluations:
        for name, function in evaluation.of_type("AWS::Lambda::Function").items():
            if has_layer(function["Properties"]):
                yield from _of_layer(template, evaluation, name, given)
        yield from _of_roles(evaluation, given)
        yield from _of_functions(evaluation, given)
        yield from _of_logs(template, evaluation)


def _of_layer(template, evaluation, name, given):
    function = evaluation.resources[name]["Properties"]
    variables = function["Environment"]["Variables"]
    for parameter, variable in OF_THE_LAYER.items():
        if parameter not in template.parameters:
            yield f"{name} has the layer, but the stack has no parameter {parameter}"
        elif variable and variables.get(variable, "") != evaluation.parameter(parameter):
            yield f"{name}: {variable} is not set from the parameter {parameter}"
    secret, role = given.get("SigningSecretArn", ""), role_of(function, evaluation)
    if secret and role is not None and secret not in _secrets(role):
        yield f"{name}: its role may not read SigningSecretArn"


def _of_roles(evaluation, given):
    boundary = given.get("PermissionsBoundary", "")
    for name, role in evaluation.of_type("AWS::IAM::Role").items():
        if role["Properties"].get("PermissionsBoundary", "") != boundary:
            yield f"{name} does not have the parameter PermissionsBoundary as its boundary"
        if "" in _secrets(role["Properties"]):
            yield f"{name} may read a secret although none was given"


def _of_functions(evaluation, given):
    mode = "Active" if given.get("EnableXRay") == "true" else "PassThrough"
    for name, function in evaluation.of_type("AWS::Lambda::Function").items():
        if function["Properties"].get("TracingConfig", {}).get("Mode") != mode:
            yield f"{name} is not traced as the parameter EnableXRay says"


def _of_logs(template, evaluation):
    for name in evaluation.of_type("AWS::Logs::LogGroup"):
        retention = str(template.document["Resources"][name]["Properties"].get("RetentionInDays"))
        if "LogRetentionDays" not in retention:
            yield f"{name} is not kept as long as the parameter LogRetentionDays says"


def _secrets(role):
    """What a role's own policies let it read of the Secrets Manager."""
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Action"] == "secretsmanager:GetSecretValue":
                yield statement["Resource"]
