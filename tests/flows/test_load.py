"""The load of ``make load``, as short as docs/api.md has it: nothing is lost, and what it cost is known."""

import re

from tests.flows import REPOSITORY, OnPlatform
from tests.flows.load import page
from tests.flows.load.costs import Costs
from tests.flows.load.memory import Memory
from tests.flows.load.reports import reports
from tests.flows.load.starts import measured
from tests.flows.load.traffic import CHANGED, Traffic


def typed():
    """Rate and minutes of the command on the page."""
    found = re.search(r"^make load RATE=(\S+) MINUTES=(\S+)$", (REPOSITORY / "docs/api.md").read_text(), re.MULTILINE)
    return float(found[1]), float(found[2])


class Load(OnPlatform):
    def test_a_load_loses_nothing_and_says_what_it_cost(self):
        said = len(self.platform.lines)
        traffic = Traffic(self.platform, *typed())
        traffic.send()
        outcome = traffic.outcome(self.platform.calls())
        self.assertEqual(outcome.problems(), [])
        self.assertEqual((len(traffic.sent), len(outcome.processed)), (traffic.number, traffic.number))
        lines = self.platform.lines[said:]
        costs = Costs(self.platform.calls(), lines)
        counted = {service: said for service, said, _ in costs.lines}
        self.assertEqual(counted["API Gateway, HTTP API"], f"{traffic.number} requests")
        self.assertEqual(counted["SNS"], f"{traffic.number} requests")
        # An insert and three changes of the status, each also in two indexes; one of them moves a row in an index. The change to queued is
        # refused if the consumer was faster.
        changes = [call["status"] for call in self.platform.calls() if call["words"] == CHANGED]
        self.assertEqual((len(changes), set(changes) - {200, 400}), (3 * traffic.number, set()))
        units = 3 * traffic.number + 4 * changes.count(200) + changes.count(400)
        self.assertEqual(counted["DynamoDB, on demand"], f"{units} write units, 0 read units")
        table = page.load(traffic, outcome, Memory(self.platform.machine.pid), reports(lines), "a machine")
        self.assertIn("| lost, refused or shown twice | none |", table)
        self.assertGreater(Memory(self.platform.machine.pid).engine, 1)

    def test_what_is_lost_refused_or_shown_twice_is_a_problem(self):
        traffic = Traffic(self.platform, 60, 0.05)
        traffic.send()
        calls = self.platform.calls()
        sent = [call for call in calls if call["words"] == "ntfy POST /"]
        ends = [call for call in calls if call["words"].startswith("dynamodb UpdateItem") and '"completed"' in call["body"]]
        self.assertEqual(traffic.outcome([*calls, sent[0]]).problems(), ["1 messages shown twice"])
        self.assertEqual(traffic.outcome([call for call in calls if call is not ends[0]]).problems(), ["1 messages lost"])
        traffic.sent[0].status = 500
        self.assertEqual(traffic.outcome(calls).problems(), ["1 messages refused", "1 messages of another request"])

    def test_a_function_is_measured_cold_and_warm(self):
        start = measured(self.platform, "webapi-local")
        self.assertGreater(start.cold, start.init)
        self.assertGreater(start.warm, 0)
