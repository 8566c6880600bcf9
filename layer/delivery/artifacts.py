"""Files of this machine that a template names: they are uploaded under the hash of their content, and the template then says where.

Another content is another key, so a stack changes exactly when a file does, and an upload is never repeated.
"""

import hashlib
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from delivery import Refusal
from delivery.layers import refuse_foreign, refuse_links

# The property of each type that may name a file, and the members by which it says bucket and key instead.
LOCATIONS = {
    "AWS::Serverless::Function": ("CodeUri", "Bucket", "Key"),
    "AWS::Serverless::LayerVersion": ("ContentUri", "Bucket", "Key"),
    "AWS::Lambda::Function": ("Code", "S3Bucket", "S3Key"),
    "AWS::Lambda::LayerVersion": ("Content", "S3Bucket", "S3Key"),
}
NESTED = ("AWS::CloudFormation::Stack", "TemplateURL")
MACHINE = ("AWS::Serverless::StateMachine", "DefinitionUri")
# What makes the zips that are not made by `make package-functions`.
VERBS = {
    "document-splitter": "make package-node-consumer",
    "llm-models": "make package-llm-models",
    "spec3-mcp": "make package-python-consumer",
}
BOOTSTRAP = "bootstrap"


@dataclass(frozen=True)
class Artifact:
    """A file to upload: its content is looked at once, here."""

    path: Path
    content: bytes
    folder: str = "functions"

    @property
    def key(self):
        return f"{self.folder}/{hashlib.sha256(self.content).hexdigest()}/{self.path.name}"


def read_zip(path, folder=None):
    """A zip that is there, and is one; in ``folder``, if there is one, and not where the template says."""
    path = Path(folder) / path.name if folder else path
    if not path.is_file():
        raise Refusal(f"missing dependency: {path} does not exist: `{verb_of(path)}` makes it")
    if not zipfile.is_zipfile(path):
        raise Refusal(f"{path} is not a zip: `{verb_of(path)}` makes a new one")
    return Artifact(path, path.read_bytes())


def verb_of(path):
    return VERBS.get(path.stem, f"make package-functions FUNCTIONS={path.stem}")


def zips_named(template):
    """Zips by the logical names of the functions and layers that are made of them."""
    found = {}
    for name, resource in template.document.get("Resources", {}).items():
        value = resource.get("Properties", {}).get(LOCATIONS.get(resource["Type"], (None,))[0])
        if isinstance(value, str) and "://" not in value:
            found[name] = (template.path.parent / value).resolve()
    return found


def nested_named(template):
    """Paths of the templates of nested stacks, by the stacks' logical names."""
    kind, name_of_property = NESTED
    resources = template.document.get("Resources", {}).items()
    named = {name: resource["Properties"][name_of_property] for name, resource in resources if resource["Type"] == kind}
    return {name: (template.path.parent / value).resolve() for name, value in named.items() if "://" not in value}


def located(document, places):
    """Changes ``document``, a copy of the template's: its zips are at ``places``, bucket and key by logical name."""
    for name, place in places.items():
        resource = document["Resources"][name]
        name_of_property, *members = LOCATIONS[resource["Type"]]
        resource["Properties"][name_of_property] = dict(zip(members, place))


def definitions(template):
    """What the state machines do, by logical names: the text of the file that each names."""
    kind, name_of_property = MACHINE
    found = {}
    for name, resource in template.document.get("Resources", {}).items():
        path = resource.get("Properties", {}).get(name_of_property) if resource["Type"] == kind else None
        if isinstance(path, str) and "://" not in path:
            # A template has its limit in bytes, and white space counts.
            found[name] = json.dumps(json.loads((template.path.parent / path).read_text()), separators=(",", ":"))
    return found


def check_programs(evaluation, artifacts):
    """Refuses a program for another architecture than its function runs on. ``artifacts`` are by logical name."""
    for name, artifact in artifacts.items():
        properties = evaluation.resources[name]["Properties"] if name in evaluation.resources else {}
        if properties.get("Runtime", "").startswith("provided"):
            (architecture,) = properties.get("Architectures", ["x86_64"])
            with zipfile.ZipFile(artifact.path) as archive:
                refuse_links(archive, evaluation.parameter("Stage"))
                if BOOTSTRAP not in archive.namelist():
                    raise Refusal(f"{artifact.path} holds no {BOOTSTRAP}: `{verb_of(artifact.path)}` makes a new one")
                words = {"x86_64": "ARCH=x86", "arm64": "ARCH=arm"}[architecture]
                remedy = f": `{verb_of(artifact.path)} {words}` makes it for {architecture}"
                refuse_foreign(archive, BOOTSTRAP, architecture, remedy)
