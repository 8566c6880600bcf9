"""The layer itself: its architectures, its names, its zips, and the variables of a function that has it."""

import hashlib
import re
import stat
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

from delivery import Refusal
from delivery.connection import LOCAL, processor

MODES = ("LRAP_HYDRATE", "LRAP_OFFLOAD")
EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
NEXT_WRAPPER = "LRAP_NEXT_WRAPPER"
CONTENT_TABLE = "AGENT_CONTEXT_TABLE"
THRESHOLD = "MAX_CONTENT_SIZE"
WRAPPER = "/opt/extensions/lrap-wrapper/wrapper"

PROGRAMS = ("extensions/lrap", "extensions/lrap-wrapper/wrapper")
# As Lambda spells them: how an export does, and the `e_machine` of their executables.
ARCHITECTURES = {"x86_64": ("X86", 62), "arm64": ("Arm", 183)}
MANIFEST = Path(__file__).resolve().parents[2] / "Cargo.toml"
# What `make publish` and the stacks call it, in every stage.
NAME = re.compile(r"lrap-(x86_64|arm64)(-[a-z0-9]{2,20})?")


def layer_name(architecture, stage):
    return f"lrap-{architecture}-{stage}"


def export_name(architecture, stage):
    return f"SharedProxyLayer{ARCHITECTURES[architecture][0]}LongContent-{stage}"


def unversioned(arn):
    """The layer of a layer version: its ARN without the number at the end."""
    return arn.rpartition(":")[0]


def name_of_layer(arn):
    """Of the ARN of a layer version."""
    return unversioned(arn).rpartition(":")[2]


def is_ours(arn):
    """Whether a layer version is one of this layer, whatever its version, architecture and stage."""
    return NAME.fullmatch(name_of_layer(arn)) is not None


def version():
    """Of the workspace, which is what the programs in the zip say of themselves."""
    return re.search(r'^version = "(.+)"', MANIFEST.read_text(), re.MULTILINE)[1]


@dataclass(frozen=True)
class LayerZip:
    """A zip that holds the layer for one architecture, looked into: both programs are there, executable, and for it."""

    path: Path
    architecture: str
    content: bytes

    @classmethod
    def read(cls, path, architecture, stage=None):
        path = Path(path)
        if not path.is_file() and stage == LOCAL and architecture != processor():
            return cls.without_programs(architecture)
        if not path.is_file():
            raise Refusal(
                f"missing dependency: {path} does not exist: `make layer` builds both zips (ARCH=x86 or ARCH=arm builds one), "
                f"ZIP_X86= and ZIP_ARM= name others{', DEV=1 builds what this machine needs' if stage == LOCAL else ''}"
            )
        try:
            with zipfile.ZipFile(path) as archive:
                refuse_links(archive, stage)
                for program in PROGRAMS:
                    refuse_foreign(archive, program, architecture)
        except (zipfile.BadZipFile, KeyError) as problem:
            raise Refusal(f"{path} is not a zip of the layer: {problem}") from problem
        return cls(path, architecture, path.read_bytes())

    @classmethod
    def without_programs(cls, architecture):
        """For the processor that this machine does not have: no function runs on it here, so nobody has to build the layer for it."""
        header = b"\x7fELF" + bytes(14) + struct.pack("<H", ARCHITECTURES[architecture][1])
        # It lies where templates are generated, and not where a build of the layer does: it is not to be published.
        path = MANIFEST.parent / "target" / "stacks" / f"lrap-{architecture}-without-programs.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for program in PROGRAMS:
                entry = zipfile.ZipInfo(program)
                entry.external_attr = (stat.S_IFREG | 0o755) << 16
                archive.writestr(entry, header)
        return cls(path, architecture, path.read_bytes())

    @property
    def key(self):
        """Where it lies in a bucket: another content is another key."""
        return f"layers/{hashlib.sha256(self.content).hexdigest()}/{self.path.name}"


def refuse_foreign(archive, program, architecture, remedy=""):
    """Refuses a zip whose program Lambda could not execute on that architecture. ``remedy`` says what to do then."""
    entry = archive.getinfo(program)
    if not entry.external_attr >> 16 & 0o111:
        raise Refusal(f"{archive.filename}: {program} is not executable, and Lambda would not start it")
    header = _beginning(archive, entry)
    if header[:4] != b"\x7fELF":
        raise Refusal(f"{archive.filename}: {program} is not a Linux executable")
    (machine,) = struct.unpack_from("<H", header, 18)
    if machine != ARCHITECTURES[architecture][1]:
        raise Refusal(f"{archive.filename}: {program} is not for {architecture}: its ELF machine is {machine}{remedy}")


def refuse_links(archive, stage):
    """Refuses a zip that only links to programs of this machine (``functions/link``), unless they run here."""
    linked = any(_is_link(entry) for entry in archive.infolist())
    if linked and stage != LOCAL:
        raise Refusal(f"{archive.filename} links to a build on this machine, which only STAGE={LOCAL} runs")


def _is_link(entry):
    return stat.S_ISLNK(entry.external_attr >> 16)


def _beginning(archive, entry):
    """The first bytes of a program, or of what is linked to in its place."""
    if not _is_link(entry):
        return archive.open(entry).read(20)
    target = Path(archive.read(entry).decode())
    if not target.is_file():
        raise Refusal(f"missing dependency: {archive.filename} links to {target}, which does not exist: build it")
    with target.open("rb") as program:
        return program.read(20)
