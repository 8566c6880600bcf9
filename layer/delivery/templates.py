"""CloudFormation templates as they lie in the repository."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from samtranslator.yaml_helper import yaml_parse

from delivery.evaluation import of_stage
from delivery.translation import evaluations

REPOSITORY = Path(__file__).resolve().parents[2]
STACKS = REPOSITORY / "layer" / "stacks"
# The stacks of the first can be named together, `ONLY=layer`; `functions` is a stack.
FOLDERS = {"layer": STACKS, "functions": REPOSITORY / "functions" / "stacks"}


@dataclass(frozen=True)
class Template:
    """One template: ``document`` is its YAML with short forms (``!Ref``) written out."""

    path: Path
    document: dict

    @classmethod
    def read(cls, path):
        return cls(Path(path), yaml_parse(Path(path).read_text()))

    @property
    def name(self):
        return self.path.stem

    @property
    def parameters(self):
        return self.document.get("Parameters", {})

    def of_stage(self, stage):
        """Values of parameters that follow from the stage: nobody has to give them, and a stage has them all alike."""
        return of_stage(self.document, stage)

    @cached_property
    def evaluations(self):
        """What it says under each set of its parameters. Kept: every check asks, and some templates have hundreds."""
        return list(evaluations(self))

    @property
    def off_without(self):
        """What is off while a parameter is empty, by the parameter."""
        return self.document.get("Metadata", {}).get("OffWithout", {})

    @property
    def stack(self):
        """What its stack is called without the stage, or ``None`` of a template that ``make deploy`` leaves alone. A parameter's
        name in braces is replaced by its value: there is a stack for each."""
        return self.document.get("Metadata", {}).get("StackName")

    @property
    def nested(self):
        """Names of the templates that this one makes nested stacks of."""
        stacks = (one for one in self.document["Resources"].values() if one["Type"] == "AWS::CloudFormation::Stack")
        return [Path(stack["Properties"]["TemplateURL"]).stem for stack in stacks]

    @property
    def is_of_agents(self):
        return "{AgentName}" in (self.stack or "")

    def stack_name(self, stage, own=()):
        """``own`` are the parameters that belong to one of its stacks."""
        return f"{self.stack.format(**dict(own))}-{stage}"


def deployed():
    """The templates that ``make deploy`` makes stacks of, in no order."""
    paths = (path for folder in FOLDERS.values() for path in sorted(folder.glob("*.yaml")))
    return [template for template in map(Template.read, paths) if template.stack]
