"""The stacks of one stage in an account: which there are, and in what order their templates depend on each other."""

import json
from dataclasses import dataclass, field
from functools import cached_property

from samtranslator.yaml_helper import yaml_parse

from delivery import Refusal, agents
from delivery.artifacts import nested_named
from delivery.checks.imports import in_order_of
from delivery.evaluation import Evaluation
from delivery.packaging import Bucket, package
from delivery.templates import FOLDERS, Template, deployed
from delivery.translation import translated

LAYER_STACK = "lambda-extension-layer"
CONTENT_STACK = "shared-long-content"
ARTIFACT_STACK = "long-content-artifacts"
AGENTS_NEED = {"agent-registry", "shared-llm", "tools"}
LAYER_VERSION = "AWS::Lambda::LayerVersion"
FUNCTION = "AWS::Lambda::Function"
NESTED = "AWS::CloudFormation::Stack"


@dataclass
class Stack:
    """One template of one stage, and what is deployed of it: ``present`` is how CloudFormation describes it, or ``None``.
    ``own`` are parameters that belong to this stack alone, such as those of an agent."""

    template: Template
    stage: str
    present: dict
    own: dict = field(default_factory=dict)
    # To translate takes a tenth of a second, and every check asks.
    _translated: dict = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self):
        return self.template.stack_name(self.stage, self.own)

    @property
    def called(self):
        """Its name without the stage."""
        return self.template.stack.format(**self.own)

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
        return {output["ExportName"]: output["OutputValue"] for output in outputs if output.get("ExportName")}

    def values(self, given):
        """All parameters of the template: what is given, else what is the stack's own or follows from the stage, else what it was
        deployed with, else the default."""
        defaults = {name: declared["Default"] for name, declared in self.template.parameters.items() if "Default" in declared}
        follows = self.template.of_stage(self.stage)
        values = {**defaults, **self.parameters, **follows, **self.own, **given, "Stage": self.stage}
        return {name: values[name] for name in self.template.parameters if name in values}

    def evaluated(self, given, facts=()):
        """What it is to be, with what it was deployed with where ``given`` says nothing. ``facts`` are of the account."""
        values = self.values(given)
        key = json.dumps(values, sort_keys=True)
        if key not in self._translated:
            self._translated[key] = translated(self.template.document, values)
        return Evaluation(self._translated[key], {**values, **dict(facts)})

    def wholly_evaluated(self, given, facts=()):
        """The same, followed by what each nested stack is to be."""
        whole = self.evaluated(given, facts)
        inner = [self._nested(path, whole.resources[name]["Properties"]) for name, path in nested_named(self.template).items()]
        return [whole, *(evaluation for stack, passed in inner for evaluation in stack.wholly_evaluated(passed, facts))]

    def _nested(self, path, properties):
        """A nested stack, as if it were none, and the parameters that it is passed."""
        return Stack(Template.read(path), self.stage, None), properties.get("Parameters", {})

    def package(self, given, bucket):
        """What is sent of it, and uploaded for it."""
        return package(self.template, self.values(given), bucket)


@dataclass(frozen=True)
class Sources:
    """Folders on this machine in place of the repository's: of the agents, and of the zips of functions. ``more`` are templates of stacks
    that a stage has besides the repository's."""

    agents: str = None
    zips: str = None
    more: tuple = ()


class Stage:
    """All stacks of a stage, each after those it depends on. ``only`` names some."""

    def __init__(self, account, stage, only=(), sources=Sources()):
        self.account = account
        self.name = stage
        self._sources = sources
        self.every = list(self._stacks())
        self.stacks = _chosen(self.every, only)

    def _stacks(self):
        for template in _order([*deployed(), *self._sources.more], self.name):
            for own in self._owners(template):
                yield Stack(template, self.name, self.described.get(template.stack_name(self.name, own)), own)

    def _owners(self, template):
        """Parameters of each stack of a template: those with a file, then those that only the account has."""
        if not template.is_of_agents:
            return [{}]
        by_name = {own[agents.NAME]: own for own in agents.read(self._sources.agents, template)}
        for own in agents.deployed(template, self.name, self.described):
            by_name.setdefault(own[agents.NAME], {agents.NAME: own[agents.NAME]})
        return by_name.values()

    @cached_property
    def described(self):
        """Of the whole account and region: how CloudFormation describes each stack, by name."""
        found = self.account.pages("cloudformation", "describe_stacks", "Stacks")
        return {stack["StackName"]: stack for stack in found}

    @cached_property
    def identity(self):
        return self.account.read("sts", "get_caller_identity")

    @property
    def is_there(self):
        """Whether the account has what agents are made of."""
        return all(stack.present for stack in self.every if stack.called in AGENTS_NEED)

    def function_arn(self, name):
        """The ARN of a function, also of one that is not there yet."""
        partition = self.identity["Arn"].split(":")[1]
        return f"arn:{partition}:lambda:{self.account.region}:{self.identity['Account']}:function:{name}"

    @property
    def facts(self):
        """What names in templates are made of."""
        return {"AWS::AccountId": self.identity["Account"], "AWS::Region": self.account.region}

    @property
    def bucket(self):
        """The bucket of zips and templates. Its name is known before it is there."""
        return Bucket(f"lrap-{self.name}-{self.identity['Account']}-{self.account.region}", self.account.region, self._sources.zips)

    def stack(self, called):
        return next(stack for stack in self.every if stack.called == called)

    def has(self, called):
        """Whether a stack is one of those that are meant."""
        return any(stack.called == called for stack in self.stacks)

    @cached_property
    def names(self):
        """Of the stacks that are meant, and of those nested in them."""
        names = {stack.name for stack in self.stacks}
        parents = [stack.name for stack in self.stacks if stack.present and nested_named(stack.template)]
        return names.union(*(self._nested_in(name) for name in parents))

    def functions(self):
        """Names of the functions that the stacks which are meant have."""
        for name in sorted(self.names & self.described.keys()):
            yield from self._made(name, FUNCTION)

    def _nested_in(self, name):
        for identity in self._made(name, NESTED):
            nested = identity.split("/")[1] if "/" in identity else identity
            yield nested
            yield from self._nested_in(nested)

    def _made(self, name, kind):
        """What a stack has made of one type, by what the service calls it."""
        resources = self.account.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
        return [resource["PhysicalResourceId"] for resource in resources if resource["ResourceType"] == kind]

    @cached_property
    def exports(self):
        """Of the whole account and region: who exports a name, and what."""
        found = self.account.pages("cloudformation", "list_exports", "Exports")
        return {export["Name"]: (export["ExportingStackId"].split("/")[1], export["Value"]) for export in found}

    def importers(self, name):
        """Stacks beyond those that are meant that import an export."""
        if name not in self.exports:
            return []
        return sorted(set(_importers(self.account, name)) - self.names)

    def layers_change(self, given):
        """Whether deploying would make other layer versions than there are, with other ARNs."""
        stack = self.stack(LAYER_STACK)
        if stack.present is None or not self.has(LAYER_STACK):
            return False
        body = self.account.read("cloudformation", "get_template", StackName=stack.name)["TemplateBody"]
        present = Evaluation(_document(body), {**stack.parameters, "Stage": self.name})
        return present.of_type(LAYER_VERSION) != stack.evaluated(given).of_type(LAYER_VERSION)


def describe(account, name):
    """How CloudFormation describes a stack, or ``None``. Of a stack that is not there it says that the name is not valid."""
    found = account.find("cloudformation", "describe_stacks", {"ValidationError"}, StackName=name)
    return found["Stacks"][0] if found and found["Stacks"] else None


def _order(templates, stage):
    """In the order of their imports; the bucket first, since whatever has a zip needs it; agents last, since they need their tools."""
    return sorted(in_order_of(templates, stage), key=lambda template: (template.stack != ARTIFACT_STACK, template.is_of_agents))


def _chosen(stacks, only):
    """Those that ``only`` names: a stack without its stage, or all of the layer."""
    of_layer = [stack for stack in stacks if stack.template.path.parent == FOLDERS["layer"]]
    by_word = {"layer": of_layer, **{stack.called: [stack] for stack in stacks}}
    unknown = [word for word in only if word not in by_word]
    if unknown:
        raise Refusal(f"there is no stack {', '.join(unknown)}; ONLY= takes {', '.join(by_word)}")
    chosen = {stack.name for word in only for stack in by_word[word]}
    return [stack for stack in stacks if not only or stack.name in chosen]


def _importers(account, name):
    """No importers is an error of this operation."""
    found = account.find("cloudformation", "list_imports", {"ValidationError"}, ExportName=name)
    return found["Imports"] if found else []


def _document(body):
    return yaml_parse(body) if isinstance(body, str) else body
