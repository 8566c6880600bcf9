"""``tests/flows/prepared DELIVERY ENGINE PROGRAMS WRAPPER -m tests.flows.load [--minutes 5] [--rate 1000] [--update]``

Exit status: 1 if a message was lost, refused or shown twice. How long things took only is said: that depends on the machine.
"""

import argparse
import os
import sys

from tests.flows import Platform
from tests.flows.load import page
from tests.flows.load.costs import Costs
from tests.flows.load.memory import Memory
from tests.flows.load.reports import reports
from tests.flows.load.starts import starts
from tests.flows.load.traffic import Traffic


def main():
    options = parsed()
    # Before this makes some itself.
    load = os.getloadavg()[0]
    platform = Platform()
    try:
        sections, problems = measured(platform, options, load)
    finally:
        platform.end()
    for name, text in sections.items():
        print(f"\n{name}\n\n{text}")
    if options.update:
        page.write(sections)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def parsed():
    parser = argparse.ArgumentParser(prog="load", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--rate", type=float, default=1000, help="messages a minute")
    parser.add_argument("--profile", default="debug", help="of cargo, with which the programs were built; only said")
    parser.add_argument("--update", action="store_true", help="write the figures into docs/api.md")
    return parser.parse_args()


def measured(platform, options, load):
    """The tables by the name of their place in the page, and what is wrong."""
    print("warming up")
    Traffic(platform, rate=60, minutes=0.1).send()
    platform.forget_calls()
    said = len(platform.lines)
    traffic = Traffic(platform, options.rate, options.minutes)
    print(f"sending {traffic.number} messages, {options.rate:g} a minute")
    traffic.send()
    memory = Memory(platform.machine.pid)
    lines = platform.lines[said:]
    calls = platform.calls()
    outcome = traffic.outcome(calls)
    print("starting functions cold")
    sections = {
        "load": page.load(traffic, outcome, memory, reports(lines), page.machine(options.profile, load)),
        "costs": page.costs(Costs(calls, lines), len(outcome.processed)),
        "starts": page.starts(starts(platform)),
    }
    return sections, outcome.problems()


if __name__ == "__main__":
    sys.exit(main())
