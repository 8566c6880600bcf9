"""The stacks of one stage in an account: which there are, and in what order their templates depend on each other."""

from dataclasses import dataclass
from functools import cached_property

from samtranslator.yaml_helper import yaml_parse

from delivery import Refusal
from delivery.checks.imports import in_order
from delivery.evaluation import Evaluation
from delivery.templates import Template, deployed

LAYER_STACK = "lambda-extension-layer"
CONTENT_STACK = "shared-long-content"
ARTIFACT_STACK = "long-content-artifacts"
LAYER_VERSION = "AWS::Lambda::LayerVersion"


@dataclass
class Stack:
    """One template of one stage, and what is deployed of it: ``present`` is how CloudFormation describes it, or ``None``."""

    template: Template
    stage: str
    present: dict

    @property
    def name(self):
        return self.template.stack_name(self.stage)

    @property
    def status(self):
        return self.present["StackStatus"] if self.present else None

    @property
    def parameters(self):
        """What it was deployed with."""
        given = self.present.get("Parameters", []) if self.present else []
        return {parameter["ParameterKey"]: parameter["ParameterValue"] for parameter in given}

    @property
    def exports(self):
        """What it exports at present, by name."""
        outputs = self.present.get("Outputs", []) if self.present else []
        return {output["ExportName"]: output["OutputValue"] for output in outputs if "ExportName" in output}

    def evaluated(self, given):
        """What it is to be, with what it was deployed with where ``given`` says nothing."""
        return Evaluation(self.template.document, {**self.parameters, **given, "Stage": self.stage})


class Stage:
    """All stacks of a stage, each after those it depends on."""

    def __init__(self, account, stage):
        self.account = account
        self.name = stage
        self.stacks = [
            Stack(template, stage, describe(account, template.stack_name(stage))) for template in in_order(deployed())
        ]

    def stack(self, called):
        return next(stack for stack in self.stacks if stack.template.stack == called)

    @property
    def names(self):
        return {stack.name for stack in self.stacks}

    @cached_property
    def exports(self):
        """Of the whole account and region: who exports a name, and what."""
        found = self.account.pages("cloudformation", "list_exports", "Exports")
        return {export["Name"]: (export["ExportingStackId"].split("/")[1], export["Value"]) for export in found}

    def importers(self, name):
        """Stacks beyond this stage's own that import an export."""
        if name not in self.exports:
            return []
        return sorted(set(_importers(self.account, name)) - self.names)

    def layers_change(self, given):
        """Whether deploying would make other layer versions than there are, with other ARNs."""
        stack = self.stack(LAYER_STACK)
        if stack.present is None:
            return False
        body = self.account.read("cloudformation", "get_template", StackName=stack.name)["TemplateBody"]
        present = Evaluation(_document(body), {**stack.parameters, "Stage": self.name})
        return present.of_type(LAYER_VERSION) != stack.evaluated(given).of_type(LAYER_VERSION)


def describe(account, name):
    """How CloudFormation describes a stack, or ``None``. Of a stack that is not there it says that the name is not valid."""
    found = account.find("cloudformation", "describe_stacks", {"ValidationError"}, StackName=name)
    return found["Stacks"][0] if found and found["Stacks"] else None


def refuse_unknown(parameters):
    """A parameter that no template has would be ignored, and the person who gave it would not know."""
    known = {name for template in deployed() for name in template.parameters}
    unknown = sorted(parameters.keys() - known)
    if unknown:
        raise Refusal(f"no stack has a parameter {', '.join(unknown)}; there are {', '.join(sorted(known))}")


def _importers(account, name):
    """No importers is an error of this operation."""
    found = account.find("cloudformation", "list_imports", {"ValidationError"}, ExportName=name)
    return found["Imports"] if found else []


def _document(body):
    return yaml_parse(body) if isinstance(body, str) else body
