"""Messages at a rate, and what became of each."""

import collections
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.flows import API_KEY, STAGE, TIMEOUT

CHANGED = f"dynamodb UpdateItem rez-agent-messages-{STAGE}"
SENDERS = 64
# How long the queue may take for each message that waits in it, at the most.
SECONDS_PER_MESSAGE = 0.5


@dataclass
class Sent:
    """One request: when it was due and answered, by the clock of the wall, and with what."""

    due: float
    answered: float
    status: int
    identity: str


class Traffic:
    def __init__(self, platform, rate, minutes):
        self.platform = platform
        self.rate = rate
        self.number = max(1, round(rate * minutes))
        self.url = platform.output("WebApiUrl") + "/api/messages"
        self.sent = []

    def send(self):
        """Sends all of them, and waits until the queue is empty."""
        start = time.time()
        with ThreadPoolExecutor(SENDERS) as senders:
            futures = [senders.submit(self.post, place, start + place * 60 / self.rate) for place in range(self.number)]
            self.sent = [future.result() for future in futures]
        self.wait()

    def post(self, place, due):
        """A request that is sent late, because all senders are busy, counts from when it was due."""
        time.sleep(max(0, due - time.time()))
        body = {"message_type": "notify", "stage": STAGE, "payload": {"message": f"message {place} of a load", "title": "Load"}}
        status, _, text = self.platform.ask(self.url, "POST", body, {"x-api-key": API_KEY})
        return Sent(due, time.time(), status, json.loads(text).get("id"))

    def wait(self):
        end = time.monotonic() + TIMEOUT + self.number * SECONDS_PER_MESSAGE
        while self.platform.waiting("notifications"):
            if time.monotonic() > end:
                return
            time.sleep(0.2)

    def outcome(self, calls):
        return Outcome(self.sent, calls)


class Outcome:
    """What the calls say of the messages that were sent."""

    def __init__(self, sent, calls):
        self.sent = sent
        self.accepted = {one.identity: one for one in sent if one.status == 201}
        self.ends = collections.defaultdict(list)
        for call in calls:
            if call["words"] == CHANGED:
                self.note(json.loads(call["body"]), call["at"])
        self.shown = collections.Counter(shown(calls))
        self.processed = {identity: max(0, self.ends[identity][0] - one.due) for identity, one in self.accepted.items() if self.ends[identity]}

    def note(self, update, at):
        if update["ExpressionAttributeValues"][":status"]["S"] == "completed":
            self.ends[update["Key"]["id"]["S"]].append(at)

    def replies(self):
        return [one.answered - one.due for one in self.sent]

    def problems(self):
        refused = len(self.sent) - len(self.accepted)
        lost = [identity for identity in self.accepted if not self.ends[identity]]
        twice = [identity for identity, count in self.shown.items() if count > 1]
        unknown = set(self.shown) - set(self.accepted)
        found = {"refused": refused, "lost": len(lost), "shown twice": len(twice), "of another request": len(unknown)}
        return [f"{count} messages {what}" for what, count in found.items() if count]


def part(values, hundredths):
    """The value that so many hundredths do not exceed."""
    values = sorted(values)
    return statistics.quantiles(values, n=100, method="inclusive")[hundredths - 1] if len(values) > 1 else values[0]


def shown(calls):
    """The id of each notification that ntfy was sent, without those of alarms."""
    ids = [call["headers"]["x-sequence-id"] for call in calls if call["words"] == "ntfy POST /"]
    return [identity for identity in ids if identity.startswith("msg_")]
