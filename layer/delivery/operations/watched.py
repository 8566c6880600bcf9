"""What has metrics: the functions, queues and topics of the stacks that ``make deploy`` makes."""

import re
from dataclasses import dataclass

RUST = "provided.al2023"


@dataclass(frozen=True)
class Named:
    """What has metrics: ``name`` as ``Fn::Sub`` takes it, such as ``tool-shared-${Stage}``."""

    name: str
    log: str = ""
    layered: bool = False
    warm: bool = False

    @property
    def logical(self):
        """The name in words that CloudFormation takes for a logical name."""
        return "".join(word.capitalize() for word in re.findall(r"[a-z0-9]+", self.name.replace("${Stage}", "")))


@dataclass(frozen=True)
class Watched:
    """Everything that the stacks of a stage have and that has metrics."""

    functions: list
    queues: list
    dead_letters: list
    topics: list


def watched(templates):
    """What to watch, of the templates that ``make deploy`` makes stacks of, nested ones too."""
    nested = {name for template in templates if template.stack for name in template.nested}
    deployed = (template for template in templates if template.stack or template.name in nested)
    ours = sorted(deployed, key=lambda template: template.name)
    queues = [Named(_sub(queue["QueueName"])) for _, queue in _of_type(ours, "AWS::SQS::Queue")]
    topics = [Named(_sub(topic["TopicName"])) for _, topic in _of_type(ours, "AWS::SNS::Topic")]
    return Watched(
        functions=[_function(template, one) for template, one in _of_type(ours, "AWS::Serverless::Function")],
        queues=[queue for queue in queues if "dead-letters" not in queue.name],
        dead_letters=[queue for queue in queues if "dead-letters" in queue.name],
        # A stage may have any number of agents, each with topics of its own.
        topics=[topic for topic in topics if "${AgentName}" not in topic.name],
    )


def _of_type(templates, kind):
    for template in templates:
        for resource in template.document["Resources"].values():
            if resource["Type"] == kind:
                yield template, resource["Properties"]


def _function(template, properties):
    log = template.document["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]["LogGroupName"]
    variables = properties["Environment"]["Variables"]
    return Named(
        _sub(properties["FunctionName"]),
        log=_sub(log),
        layered=variables.get("LRAP_OFFLOAD") != "never",
        warm=properties["Runtime"] == RUST,
    )


def _sub(value):
    return value["Fn::Sub"] if isinstance(value, dict) else value
