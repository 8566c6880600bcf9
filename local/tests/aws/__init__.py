"""AWS on this machine as boto3 sees it: ``lambda-local up`` with one endpoint, and what tests do to it."""

import functools
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config

REGION = "eu-central-1"
ARCHITECTURE = "arm64" if os.uname().machine in ("aarch64", "arm64") else "x86_64"
ROLE = "arn:aws:iam::123456789012:role/anybody"
TIMEOUT = 60
# One for all clients, because it keeps the descriptions of services, which take long to read. It is not for several threads at once.
session = boto3.Session("local", "local")
making = threading.Lock()


class Machine:
    """A running ``lambda-local up``. ``lines`` is what it has printed so far, the log of the functions included."""

    def __init__(self, *options, port=0):
        command = [os.environ["LRAP_TEST_LOCAL"], "up", f"--port={port}", "--engine", sys.executable]
        command += ["--interpreter", os.environ["LRAP_TEST_MOTO"], *options]
        self.errors = tempfile.TemporaryFile("w+")
        self.scratch = tempfile.TemporaryDirectory()
        self.folder = self.scratch.name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        self.lines = []
        self.endpoint = self.read_until(r"AWS_ENDPOINT_URL=(\S+)")[1]
        threading.Thread(target=self.read, daemon=True).start()

    def read_until(self, pattern):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            found = re.search(pattern, line)
            if found:
                return found
        self.errors.seek(0)
        raise AssertionError(f"lambda-local did not start:\n{self.errors.read()}")

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def clock(self, change):
        url = f"{self.endpoint}/_lambda-local/clock"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(change).encode())) as answer:
            return json.load(answer)

    def processes(self):
        """The ids of lambda-local, its engine and its interpreter. Programs of the latter are in folders of that name."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        ids = [int(number) for listed in children for number in listed.read_text().split()]
        return [self.process.pid, *(child for child in ids if "/program" in Path(f"/proc/{child}/cmdline").read_text())]

    def memory(self):
        """The most that each of them has taken, in MiB."""
        return [peak_memory(process) for process in self.processes()]

    def kill(self):
        """As the system would: nothing is told of its end."""
        self.process.kill()
        self.end()

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(TIMEOUT)
        self.process.stdout.close()
        self.errors.close()
        self.scratch.cleanup()

    @functools.cache
    def client(self, service, region=REGION):
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        with making:
            return session.client(service, region_name=region, endpoint_url=self.endpoint, config=config)


def create_function(client, name, source, **options):
    given = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": ROLE,
        "Architectures": [ARCHITECTURE],
        "Timeout": 30,
        "Code": {"ZipFile": packed({"index.py": source})},
    }
    return client.create_function(FunctionName=name, **given, **options)["FunctionArn"]


class OnAws(unittest.TestCase):
    """Tests of one class share a machine."""

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine()
        cls.addClassCleanup(cls.machine.end)

    def client(self, service, region=REGION):
        return self.machine.client(service, region)

    def function(self, name, source, **options):
        """A function in Python with the handler ``index.handler``; its ARN."""
        return create_function(self.client("lambda"), name, source, **options)

    def advance(self, seconds):
        """Moves the clock of all services."""
        return self.machine.clock({"advance": seconds})

    def eventually(self, condition, what, seconds=TIMEOUT):
        """The first true value of ``condition()``."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            time.sleep(0.1)
        self.fail(f"{what}: not within {seconds} s")


def peak_memory(process):
    """In MiB, of the process alone."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def packed(files):
    """A zip of texts by name."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o100755 << 16
            archive.writestr(entry, text)
    return content.getvalue()
