"""What is started ends with lambda-local, however that ends."""

import os
import signal
import time
import unittest
from pathlib import Path

from tests.aws import TIMEOUT, Machine, create_function

# A handler that starts a process in a session of its own, which lives on when the handler has answered.
SOURCE = """
import subprocess

def handler(event, context):
    subprocess.Popen(["sleep", "600"], start_new_session=True)
    return {}
"""


def processes(variable):
    """Ids and names of those that have the variable in their environment."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if variable.encode() in (process / "environ").read_bytes().split(b"\0"):
                found[int(process.name)] = (process / "comm").read_text().strip()
        except OSError:
            continue
    return found


class Lifetime(unittest.TestCase):
    def busy_machine(self):
        """A machine with a sandbox that has a grandchild, and the variable that marks its processes."""
        machine = Machine()
        self.addCleanup(machine.end)
        create_function(machine.client("lambda"), "parent", SOURCE)
        machine.client("lambda").invoke(FunctionName="parent")
        children = Path(f"/proc/{machine.process.pid}/task").glob("*/children")
        ids = [int(number) for listed in children for number in listed.read_text().split()]
        environments = [Path(f"/proc/{number}/environ").read_bytes().decode().split("\0") for number in ids]
        (mark,) = {name for names in environments for name in names if name.startswith("LAMBDA_LOCAL_ID=")}
        # Engine, interpreter, sandbox, and what the handler has started, which takes a moment to become what it is.
        self.assert_soon(mark, ["python", "python", "python", "sleep"])
        return machine, mark

    def assert_soon(self, mark, names):
        end = time.monotonic() + TIMEOUT
        while sorted(processes(mark).values()) != names and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(sorted(processes(mark).values()), names)

    def test_nothing_outlives_a_lambda_local_that_is_killed(self):
        machine, mark = self.busy_machine()
        os.kill(machine.process.pid, signal.SIGKILL)
        machine.process.wait()
        self.assert_soon(mark, [])

    def test_nothing_outlives_a_lambda_local_that_is_ended(self):
        machine, mark = self.busy_machine()
        machine.end()
        self.assertEqual(processes(mark), {}, "at once, since it waits for its sweeper")
