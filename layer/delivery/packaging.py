"""A template as it is sent: translated, without transforms, and with the places of its files in a bucket."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path

from delivery.artifacts import Artifact, check_programs, definitions, located, nested_named, read_zip, zips_named
from delivery.evaluation import Evaluation
from delivery.templates import REPOSITORY, Template
from delivery.translation import plain, translated

# Beyond this a template is sent by its address in the bucket.
LONGEST_BODY = 51_200
GENERATED = REPOSITORY / "target" / "stacks"


@dataclass
class Package:
    """The text of a template, and what must lie in the bucket before it is sent."""

    body: str
    artifacts: list = field(default_factory=list)

    @property
    def is_long(self):
        return len(self.body.encode()) > LONGEST_BODY


@dataclass(frozen=True)
class Bucket:
    """Where files are uploaded to, and where the zips among them come from: ``zips`` is a folder in place of the usual one."""

    name: str
    region: str
    zips: Path = None

    def address(self, key):
        return f"https://s3.{self.region}.amazonaws.com/{self.name}/{key}"


def package(template, given, bucket):
    zips = {name: read_zip(path, bucket.zips) for name, path in zips_named(template).items()}
    document = copy.deepcopy(template.document)
    located(document, {name: (bucket.name, artifact.key) for name, artifact in zips.items()})
    document = plain(translated(document, given), given)
    check_programs(Evaluation(document, given), zips)
    for name, definition in definitions(template).items():
        _define(document["Resources"][name]["Properties"], definition)
    nested = {name: _nested(path, given, bucket) for name, path in nested_named(template).items()}
    for name, inner in nested.items():
        document["Resources"][name]["Properties"]["TemplateURL"] = bucket.address(inner[-1].key)
    rest = [artifact for inner in nested.values() for artifact in inner]
    return Package(json.dumps(document, indent=1), [*{artifact.key: artifact for artifact in zips.values()}.values(), *rest])


def generated(name, body):
    """A template as a file, which a dry run's commands can name. It lies where builds do."""
    path = GENERATED / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body)
    return Artifact(path, body.encode(), "templates")


def _define(properties, definition):
    """The definition's text with its substitutions, in place of the address of one."""
    del properties["DefinitionS3Location"]
    substitutions = properties.pop("DefinitionSubstitutions", None)
    properties["DefinitionString"] = {"Fn::Sub": [definition, substitutions]} if substitutions else definition


def _nested(path, given, bucket):
    """What the template of a nested stack needs in the bucket: itself comes last."""
    template = Template.read(path)
    own = {name: value for name, value in given.items() if name in template.parameters}
    inner = package(template, own, bucket)
    return [*inner.artifacts, generated(path.stem, inner.body)]
