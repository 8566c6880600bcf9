"""AWS on this machine, and what tests do to it: as a person would, by ``make``."""

import functools
import os
import stat
import struct
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

import boto3

from delivery.layers import ARCHITECTURES, PROGRAMS

REPOSITORY = Path(__file__).resolve().parents[3]
SERVER = Path(__file__).with_name("server.py")
REGION = "eu-central-1"
# All that make gets of the environment: neither the credentials of the person who runs the tests, nor their STAGE, nor their make's flags.
PASSED_ON = ("PATH", "HOME", "TMPDIR", "LRAP_CACHE")
# One for all clients, because it keeps the descriptions of services, which take long to read.
session = boto3.Session("testing", "testing", region_name=REGION)


class OnAws(unittest.TestCase):
    """Tests with an account of their own: one server for each class."""

    @classmethod
    def setUpClass(cls):
        cls.errors = tempfile.TemporaryFile()
        cls.addClassCleanup(cls.errors.close)
        cls.server = subprocess.Popen(
            [os.environ["LRAP_TEST_MOTO"], SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=cls.errors,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY / "layer")},
            text=True,
        )
        cls.addClassCleanup(cls._end)
        cls.endpoint = cls.server.stdout.readline().strip()
        if not cls.endpoint:
            raise AssertionError(f"the server did not start:\n{cls.server_said()}")

    @classmethod
    def _end(cls):
        cls.server.communicate()

    @classmethod
    def server_said(cls):
        """Its standard error. Its place in the file, which it shares, stays."""
        return os.pread(cls.errors.fileno(), os.fstat(cls.errors.fileno()).st_size, 0).decode()

    @classmethod
    def server_failed(cls):
        """The first exception that the server did not handle, with what follows it."""
        _, found, exception = cls.server_said().partition("Traceback (most recent call last)")
        return f"\nthe stand-in of AWS:\n{found}{exception}" if found else ""

    @classmethod
    @functools.cache
    def client(cls, service):
        return session.client(service, endpoint_url=cls.endpoint)

    def make(self, *words, keys=("testing", "testing")):
        """Runs make; returns its exit code and what it said."""
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment.update(AWS_ENDPOINT_URL=self.endpoint, AWS_ACCESS_KEY_ID=keys[0], AWS_SECRET_ACCESS_KEY=keys[1])
        environment.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)
        done = subprocess.run(
            ["make", "--no-print-directory", f"REGION={REGION}", *words],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    def succeeds(self, *words, **options):
        code, said = self.make(*words, **options)
        self.assertEqual(code, 0, said + self.server_failed())
        return said

    def refuses(self, *words, **options):
        code, said = self.make(*words, **options)
        self.assertNotEqual(code, 0, said)
        return said

    def exports(self):
        pages = self.client("cloudformation").get_paginator("list_exports").paginate()
        return {export["Name"]: export["Value"] for page in pages for export in page["Exports"]}

    def stacks(self):
        """Names of all stacks, the oldest first."""
        found = self.client("cloudformation").describe_stacks()["Stacks"]
        return [stack["StackName"] for stack in sorted(found, key=lambda stack: stack["CreationTime"])]


def layer_zip(folder, architecture, content=b"", programs=PROGRAMS, mode=0o755, magic=b"\x7fELF", link=None):
    """A zip that looks like the layer's: executables with nothing in them but a header, or links to one."""
    _, machine = ARCHITECTURES[architecture]
    path = Path(folder) / f"{architecture}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for program in programs:
            entry = zipfile.ZipInfo(program)
            entry.external_attr = ((stat.S_IFLNK if link else stat.S_IFREG) | mode) << 16
            archive.writestr(entry, str(link) if link else magic + bytes(14) + struct.pack("<H", machine) + content)
    return path
