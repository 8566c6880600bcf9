"""How long a turn of the agent takes over its function URL on this machine: to its first piece of text and to its end, cold and warm.

The model follows a script and answers at once, so all of it is what the agent and the services of this machine, which stand in for AWS, add to the model's
own time. ``make turns`` runs it.
"""

import argparse
import collections
import http.client
import json
import os
import statistics
import time
import urllib.parse

from tests.flows.load.reports import reports
from tests.flows.test_agent import OnAgent

WORDS = "One two three four five."
# Milliseconds that a warm turn may take beyond the model's time.
LIMIT = 30
FUNCTION = "agent-local"


class Turns(OnAgent):
    """One turn after another, each in a new session."""

    def begin(self):
        self.setUpClass()
        # A script plays for one conversation, so every session begins it anew.
        self.agent("timed", [{"text": WORDS}])
        self.url = self.platform.output("AgentUrlAddress")

    def turn(self):
        """Milliseconds to the first piece of text and to the end of one turn."""
        body = json.dumps({"message": "Count.", "agent_name": "timed", "stream": True})
        headers = {"Host": urllib.parse.urlsplit(self.url).netloc, "Content-Type": "application/json", "x-api-key": "key-of-alice"}
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.platform.endpoint).netloc, timeout=60)
        connection.connect()
        begun = time.perf_counter()
        connection.request("POST", "/agent", body, headers)
        response = connection.getresponse()
        first = None
        for line in response:
            if first is None and line == b"event: text\n":
                first = time.perf_counter()
            if line == b"event: done\n":
                ended = time.perf_counter()
        connection.close()
        return (first - begun) * 1000, (ended - begun) * 1000

    def page(self):
        """Milliseconds to the end of the chat page, which the function has at hand: what the way to it takes."""
        begun = time.perf_counter()
        status, _, _ = self.platform.ask(f"{self.url.rstrip('/')}/agent/ui", "GET")
        self.assertEqual(status, 200)
        return [(time.perf_counter() - begun) * 1000] * 2

    def durations(self, turn, count):
        """What turns took, and the milliseconds that Lambda reports of each."""
        said = len(self.platform.lines)
        turns = [turn() for _ in range(count)]
        reported = self.eventually(lambda: self.reported(said, count), "the reports")
        return turns, [report.duration for report in reported]

    def reported(self, said, count):
        found = reports(self.platform.lines[said:]).get(FUNCTION, [])
        return found if len(found) >= count else None

    def cold(self, number):
        """The first turn of a new sandbox: a function whose variables have changed starts anew."""
        found = self.client("lambda").get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
        # A template's numbers are numbers here.
        variables = {name: value if isinstance(value, str) else json.dumps(value) for name, value in found.items()}
        change = {"Variables": {**variables, "COLD_START": str(number)}}
        self.client("lambda").update_function_configuration(FunctionName=FUNCTION, Environment=change)
        return self.turn()

    def asked(self):
        """How often a warm turn asks each service of AWS."""
        self.platform.forget_calls()
        self.turn()
        return collections.Counter(call["words"].rpartition(" ")[0] for call in self.platform.calls())


def figures(name, turns):
    """A line of the table: medians and the slowest of twenty."""
    columns = []
    for milliseconds in zip(*turns):
        slow = statistics.quantiles(milliseconds, n=20)[-1] if len(milliseconds) > 1 else milliseconds[0]
        columns += [f"{statistics.median(milliseconds):.1f}", f"{slow:.1f}"]
    return f"| {name} | {len(turns)} | {' | '.join(columns)} |"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cold", type=int, default=5, help="cold turns")
    parser.add_argument("--warm", type=int, default=100, help="warm turns")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    turns = Turns()
    turns.begin()
    cold = [turns.cold(number) for number in range(options.cold)]
    page, of_page = turns.durations(turns.page, options.warm)
    warm, of_turn = turns.durations(turns.turn, options.warm)
    print("| turn | of them | first text, ms | p95 | whole turn, ms | p95 |\n|---|---|---|---|---|---|")
    print(figures("cold", cold))
    print(figures("warm", warm))
    print(figures("chat page", page))
    calls = ", ".join(f"{count} {name}" for name, count in sorted(turns.asked().items()))
    print(f"Calls of AWS in a warm turn: {calls}. {os.cpu_count()} cores, load average {load:.1f} before.")
    whole, way = statistics.median(of_turn), statistics.median(of_page)
    print(f"By Lambda's reports, a warm turn takes {whole:.1f} ms and the chat page {way:.1f} ms; the limit of a turn is {LIMIT} ms.")
    raise SystemExit(whole > LIMIT)



if __name__ == "__main__":
    main()
