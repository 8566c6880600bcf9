"""Pings that keep sandboxes warm: a function answers them and does nothing else."""

import json

from tests.flows import STAGE, OnPlatform

FUNCTIONS = ("authorizer", "processor", "scheduler", "webaction", "webapi")
PINGS = ({"warmup": True}, {"version": "0", "detail-type": "Scheduled Event", "source": "warmup", "detail": {}})


class WarmUp(OnPlatform):
    def test_a_warm_up_asks_for_nothing(self):
        for function in FUNCTIONS:
            for ping in PINGS:
                with self.subTest(function=function, ping=ping):
                    answer = self.client("lambda").invoke(FunctionName=f"{function}-{STAGE}", Payload=json.dumps(ping))
                    self.assertNotIn("FunctionError", answer)
                    self.assertEqual(json.loads(answer["Payload"].read()), ping)
        self.assertEqual(self.calls(), [])
