"""The memory of what runs, in megabytes: the most that each process has had."""

import os
from pathlib import Path


class Memory:
    """``endpoint`` is lambda-local with its tables, ``engine`` the other services of AWS."""

    def __init__(self, pid):
        self.endpoint = most(pid)
        engine = os.environ["LRAP_TEST_ENGINE"].encode()
        engines = [child for child in children(pid) if Path(f"/proc/{child}/cmdline").read_bytes().startswith(engine)]
        self.engine = sum(map(most, engines))


def children(pid):
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


def most(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
