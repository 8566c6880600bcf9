"""Settings of functions behind the layer, judged before anything changes: with one that the extension refuses, a function does not start.

The extension's own parser judges, in its tool for operators (``lrap config``), where that can be had. Else its rules for the settings
that people give by hand are repeated here.
"""

import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from delivery import Refusal
from delivery.connection import processor
from delivery.layers import CONTENT_TABLE, EXEC_WRAPPER, NEXT_WRAPPER
from delivery.templates import REPOSITORY

TOOL = "lrap"
# Names another program than those that are looked for.
TOOL_VARIABLE = "LRAP_TOOL"
PREFIXES = ("LRAP_", "LONG_CONTENT_")
OTHERS = ("MAX_CONTENT_SIZE", "MAX_PAYLOAD_SIZE", CONTENT_TABLE)
# Read by the wrapper and by runtimes, not by the extension.
NOT_ITS_OWN = {EXEC_WRAPPER, NEXT_WRAPPER}
# What a person may put wrong, and the values that are right.
NUMBER = ("a whole number", r"\+?[0-9]{1,19}")
MODE = ("auto, always or never", "auto|always|never")
RULES = {
    "MAX_CONTENT_SIZE": NUMBER,
    "MAX_PAYLOAD_SIZE": NUMBER,
    "LRAP_CONTENT_TTL": NUMBER,
    "LRAP_CONTENT_BUCKET": ("the name of an S3 bucket", r"[a-z0-9](?:[a-z0-9.-]{1,61})[a-z0-9]"),
    "LRAP_S3_MIN_SIZE": NUMBER,
    "LRAP_MAX_EVENT_SIZE": NUMBER,
    "LRAP_MAX_REFERENCES": NUMBER,
    "LRAP_CACHE_SIZE": NUMBER,
    "LRAP_STORE_TIMEOUT": ("a whole number of at least 1", r"\+?0*[1-9][0-9]{0,8}"),
    "LRAP_OFFLOAD": MODE,
    "LRAP_HYDRATE": MODE,
    "LRAP_ON_MISSING": ("fail or keep", "fail|keep"),
    "LRAP_LOG": ("off, error, warn, info, debug or trace", "off|error|warn|info|debug|trace"),
    "LRAP_METRICS": ("emf or off", "emf|off"),
    CONTENT_TABLE: ("the name or the ARN of a DynamoDB table", r"[A-Za-z0-9_.-]{1,255}|arn:.+:table/[A-Za-z0-9_.-]{1,255}"),
}
# Stands for what only the account knows, such as the name of an imported table.
PLACEHOLDER = "Settled-by-the-account"


def mistakes(variables, region):
    """What the extension would say of a function's variables."""
    ours = {name: _settled(str(value)) for name, value in variables.items() if _is_its_own(name)}
    found = tool()
    return list(_asked(found, ours, region) if found else _ruled(ours))


def tool():
    """The program ``lrap``: one that is named, one on the path, or one that this repository has built."""
    named = os.environ.get(TOOL_VARIABLE)
    if named and shutil.which(named) is None:
        raise Refusal(f"{TOOL_VARIABLE} is {named}, which is not a program: `cargo build -p lrap-cli` builds one")
    return named or shutil.which(TOOL) or _built()


def _built():
    target = Path(os.environ.get("CARGO_TARGET_DIR", REPOSITORY / "target"))
    programs = (target / profile / TOOL for profile in ("release", "demo", "debug"))
    found = next((str(program) for program in programs if program.is_file()), None)
    packed = target / "layer" / f"lrap-cli-{processor()}.zip"
    return found or (_unpacked(packed) if packed.is_file() and platform.system() == "Linux" else None)


@cache
def _unpacked(path):
    """The program out of its zip; the folder lasts as long as this process."""
    folder = tempfile.TemporaryDirectory()
    _unpacked.folder = folder
    with zipfile.ZipFile(path) as archive:
        program = Path(archive.extract(TOOL, folder.name))
    program.chmod(0o755)
    return str(program)


def _asked(program, variables, region):
    # Of the environment it gets nothing else: a person's own settings are not the function's.
    environment = {"HOME": os.devnull, "AWS_REGION": region, **variables}
    done = subprocess.run([program, "config", "--json"], env=environment, stdout=subprocess.PIPE, check=False, text=True)
    for mistake in json.loads(done.stdout)["mistakes"]:
        yield f"{mistake['variable']} {mistake['problem']}"


def _ruled(variables):
    for name, value in variables.items():
        right, form = RULES.get(name, ("", ".*"))
        # What is empty counts as not set.
        if (value or name == CONTENT_TABLE) and not re.fullmatch(form, value, re.DOTALL | re.IGNORECASE | re.ASCII):
            yield f"{name} is `{value}`, not {right}"


def _is_its_own(name):
    return name not in NOT_ITS_OWN and (name.startswith(PREFIXES) or name in OTHERS)


def _settled(value):
    return PLACEHOLDER if value.startswith("<") else value
