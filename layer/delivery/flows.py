"""Pictures of what flows through the stacks: messages, settings, and the parts of a nested stack.

Each yields the lines of a Mermaid flowchart, or of a table. ``diagrams`` puts them into the page.
"""

import re

FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
NESTED = "AWS::CloudFormation::Stack"


def identity(*words):
    """What Mermaid takes for the name of a node."""
    return re.sub(r"[^A-Za-z0-9]+", "_", "_".join(words)).strip("_")


# --- messages


def messages(evaluation):
    """Topics, the queues that subscribe to them, and where each leaves what fails."""
    for name in evaluation.of_type("AWS::SNS::Topic"):
        yield f"  {name}{{{{{name}}}}}"
    for name, queue in evaluation.of_type("AWS::SQS::Queue").items():
        yield f"  {name}[[{name}]]"
        redrive = queue["Properties"].get("RedrivePolicy")
        if redrive:
            yield f"  {name} -->|after {redrive['maxReceiveCount']} receives| {_referred(redrive['deadLetterTargetArn'])}"
    for subscription in evaluation.of_type("AWS::SNS::Subscription").values():
        properties = subscription["Properties"]
        topic, dead = _referred(properties["TopicArn"]), properties.get("RedrivePolicy", {}).get("deadLetterTargetArn")
        to = "operations([mail to operations])" if properties["Protocol"] == "email" else _referred(properties["Endpoint"])
        yield f"  {topic} --> {to}"
        if dead:
            yield f"  {topic} -.->|not delivered| {_referred(dead)}"


def _referred(value):
    """The logical name behind ``<Name.Arn>``."""
    return value.strip("<>").partition(".")[0]


# --- settings


def functions_of(templates):
    """Each function with its template and its variables, as the template writes them."""
    for template in templates:
        for name, resource in template.document.get("Resources", {}).items():
            if resource["Type"] in FUNCTIONS:
                yield template, name, resource["Properties"].get("Environment", {}).get("Variables", {})


def settings(templates):
    """An arrow from each parameter, export and own resource of a stack to the function that it becomes a variable of."""
    for template, name, variables in functions_of(templates):
        function = identity(template.name, name)
        yield f'  {function}["{template.name}: {name}"]'
        by_origin = {}
        for variable, value in variables.items():
            for origin in _origins(template, value):
                by_origin.setdefault(origin, []).append(variable)
        for (kind, origin), names in sorted(by_origin.items()):
            left, right = SHAPES[kind]
            yield f'  {identity(kind, origin)}{left}"{origin}"{right} -->|"{"<br>".join(names)}"| {function}'


SHAPES = {"parameter": ("[/", "/]"), "export": (">", "]"), "resource": ("[(", ")]")}


def _origins(template, value):
    """What a variable's value is made of, each with its kind. A value that is written down in the template has no origin."""
    if isinstance(value, list):
        for member in value:
            yield from _origins(template, member)
    if not isinstance(value, dict):
        return
    for function, argument in value.items():
        match function:
            case "Ref" if argument in template.parameters:
                yield "parameter", argument
            case "Ref" | "Fn::GetAtt" if argument != "AWS::NoValue":
                yield "resource", f"{template.name}: {argument if isinstance(argument, str) else argument[0]}"
            case "Fn::ImportValue":
                yield "export", _text(argument).removesuffix("-${Stage}")
            case "Fn::Sub":
                yield from (("parameter", name) for name in re.findall(r"\$\{(\w+)\}", _text(argument)))
            case "Fn::If":
                yield from _origins(template, argument[1:])


def _text(value):
    return next(iter(value.values())) if isinstance(value, dict) else value


def variables(templates):
    """A row for each variable, a column for each function: which function has which variable."""
    found = [(f"{template.name}: {name}", given) for template, name, given in functions_of(templates)]
    yield "| variable | " + " | ".join(name for name, _ in found) + " |"
    yield "|---|" + "---|" * len(found)
    for variable in sorted({variable for _, given in found for variable in given}):
        marks = ["yes" if variable in given else "" for _, given in found]
        yield f"| `{variable}` | " + " | ".join(marks) + " |"


# --- a nested stack


def tree(templates):
    """From the command to the resources of each nested stack, and what the code of its functions is made of."""
    by_name = {template.name: template for template in templates}
    for template in templates:
        for name, resource in template.document["Resources"].items():
            if resource["Type"] == NESTED:
                yield from _branch(template, name, by_name[template.nested[0]])


def _branch(main, name, inner):
    yield f"  app([make deploy]) --> {identity(main.name)}[{main.name}: main stack]"
    yield f"  {identity(main.name)} -->|Stage| {name}[[{name}: {inner.path.name}]]"
    for resource, described in inner.document["Resources"].items():
        kind = described["Type"].removeprefix("AWS::").replace("::", " ")
        yield f'  {name} --> {resource}["{resource}: {kind}"]'
        yield f"  {resource} --> CloudFormation([CloudFormation])"
        code = described["Properties"].get("CodeUri")
        if code:
            yield from _asset(resource, code)


def _asset(function, code):
    zipped = code.rpartition("/")[2]
    source = f"functions/{zipped.removesuffix('.zip')}"
    yield f'  source[/"{source}/src"/] --> asset[("{zipped}")]'
    yield f'  dependencies[/"{source}/requirements.txt, if there is one"/] --> asset'
    yield f"  asset -->|make package-python-consumer| {function}"
