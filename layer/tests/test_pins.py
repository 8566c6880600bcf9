"""What is installed is what is written down, dependencies of dependencies too: nobody else's release changes a build."""

import json
import os
import re
import subprocess
import sys
import unittest

from tests.aws import REPOSITORY

# What comes with every environment, and does not come from the requirements.
OF_VENV = {"pip", "setuptools", "wheel"}
INSTALLED = (
    "import importlib.metadata as m, json; print(json.dumps({d.metadata['Name']: d.version for d in m.distributions()}))"
)


def spelt(name):
    return name.lower().replace("_", "-")


class Pins(unittest.TestCase):
    def test_everything_installed_is_pinned_to_its_version(self):
        for interpreter, folder in ((sys.executable, "layer/delivery"), (os.environ["LRAP_TEST_MOTO"], "layer/tests/aws")):
            pins, newer = pinned(REPOSITORY / folder / "constraints.txt")
            free = OF_VENV | (newer if sys.version_info < (3, 11) else set())
            with self.subTest(folder):
                self.assertEqual(without(free, installed(interpreter)), without(free, pins))


def pinned(path):
    """Versions by name, and the names of those that only newer interpreters can have."""
    lines = re.findall(r"^([\w.-]+)==([^;\s]+)(.*)$", path.read_text(), re.MULTILINE)
    return {spelt(name): version for name, version, _ in lines}, {spelt(name) for name, _, marker in lines if marker}


def installed(interpreter):
    asked = subprocess.run([interpreter, "-c", INSTALLED], stdout=subprocess.PIPE, check=True, text=True)
    return {spelt(name): version for name, version in json.loads(asked.stdout).items()}


def without(names, versions):
    return {name: version for name, version in versions.items() if name not in names}
