"""What invocations took: Lambda's REPORT lines."""

import re
from dataclasses import dataclass

REPORT = re.compile(
    r"^(?P<function>[\w-]+) \| REPORT RequestId: \S+\tDuration: (?P<duration>[\d.]+) ms\tBilled Duration: (?P<billed>\d+) ms"
    r"\tMemory Size: (?P<memory>\d+) MB\tMax Memory Used: (?P<used>\d+) MB(?:\tInit Duration: (?P<init>[\d.]+) ms)?"
)


@dataclass
class Report:
    """Milliseconds and megabytes of one invocation. ``init`` is ``None`` unless it was the first of its sandbox."""

    function: str
    duration: float
    billed: int
    memory: int
    used: int
    init: float = None

    @property
    def gb_seconds(self):
        return self.memory / 1024 * self.billed / 1000


def reports(lines):
    """Those among lines, by function."""
    found = {}
    for line in lines:
        matched = REPORT.match(line)
        if matched:
            report = of(matched)
            found.setdefault(report.function, []).append(report)
    return found


def of(matched):
    init = matched["init"] and float(matched["init"])
    figures = (int(matched[name]) for name in ("billed", "memory", "used"))
    return Report(matched["function"], float(matched["duration"]), *figures, init)
