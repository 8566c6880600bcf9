"""The tables of docs/api.md that come from a load."""

import os
import platform as system

from tests.flows import REPOSITORY
from tests.flows.load.starts import COLD_BOUND, WARM_BOUND
from tests.flows.load.traffic import part

PAGE = REPOSITORY / "docs" / "api.md"


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine(profile, load):
    return f"{os.cpu_count()} cores ({system.machine()}), load average {load:.1f} before, programs built with the profile `{profile}`"


def load(traffic, outcome, memory, reported, where):
    """Seconds and megabytes."""
    processed, replies = list(outcome.processed.values()), outcome.replies()
    rows = [
        ("machine", where),
        ("messages", f"{len(traffic.sent)} at {traffic.rate:g} a minute, by API, topic, queue, `processor` and ntfy"),
        ("lost, refused or shown twice", "; ".join(outcome.problems()) or "none"),
    ]
    if processed:
        rows.append(("from `POST` to `completed`", f"p50 {part(processed, 50):.2f} s, p99 {part(processed, 99):.2f} s"))
    rows += [
        ("from `POST` to its reply", f"p50 {part(replies, 50) * 1000:.0f} ms, p99 {part(replies, 99) * 1000:.0f} ms"),
        ("memory of `lambda-local`, with the tables", f"{memory.endpoint:.0f} MB"),
        ("memory of the emulator of the other services of AWS", f"{memory.engine:.0f} MB"),
    ]
    for name, found in sorted(reported.items()):
        sandboxes = sum(report.init is not None for report in found)
        figures = f"{max(report.used for report in found)} MB each, {sandboxes} started during the load"
        rows.append((f"memory of sandboxes of `{name.rpartition('-')[0]}`", figures))
    return table(("what", "measured"), rows)


def costs(found, messages):
    """For each thousand of the messages."""
    thousand = 1000 / max(1, messages)
    rows = [(service, counted, f"{dollars * thousand:.4f}") for service, counted, dollars in found.lines]
    rows.append(("all", f"{messages} messages", f"{sum(dollars for *_, dollars in found.lines) * thousand:.4f}"))
    return table(("service", "counted", "USD per 1,000 messages"), rows)


def starts(found):
    rows = []
    for one in found:
        met = "yes" if one.cold <= COLD_BOUND and one.warm <= WARM_BOUND else "no"
        rows.append((f"`{one.function}`", one.event, f"{one.init:.0f} ms", f"{one.cold:.0f} ms", f"{one.warm:.1f} ms", met))
    return table(("function", "event", "init, p50", "cold, p50", "warm, p50", f"within {COLD_BOUND // 1000} s and {WARM_BOUND} ms"), rows)


def write(sections):
    """Puts each table between the marks of its name."""
    text = PAGE.read_text()
    for name, section in sections.items():
        before, found, rest = text.partition(f"<!-- {name}: by make load -->\n")
        _, end, after = rest.partition(f"<!-- end of {name} -->\n")
        assert found and end, f"{PAGE} has no marks of {name}"
        text = f"{before}{found}\n{section}\n\n{end}{after}"
    PAGE.write_text(text)
