"""When schedules are due, by examples; the engine's code itself, without a machine."""

import datetime
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "engine"))

import expressions  # noqa: E402 (of the folder above)


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def times(expression, after, zone="UTC", count=3):
    """The next ``count`` times after ``after``, in the zone."""
    schedule, found, moment = expressions.parse(expression, zone), [], seconds(after)
    for _ in range(count):
        moment = schedule.next(moment, seconds(after))
        if moment is None:
            break
        found.append(datetime.datetime.fromtimestamp(moment, expressions.time_zone(zone)).strftime("%Y-%m-%dT%H:%M%z"))
    return found


class Expressions(unittest.TestCase):
    def test_cron_in_three_time_zones_across_a_change_of_the_clocks(self):
        daily = "cron(30 2 * * ? *)"
        # Berlin skips 02:30 on 29 March 2026.
        self.assertEqual(
            times(daily, "2026-03-28T00:00:00+00:00", "Europe/Berlin"),
            ["2026-03-28T02:30+0100", "2026-03-30T02:30+0200", "2026-03-31T02:30+0200"],
        )
        # New York repeats 01:30 on 1 November 2026: it counts once.
        self.assertEqual(
            times("cron(30 1 * * ? *)", "2026-11-01T00:00:00-04:00", "America/New_York"),
            ["2026-11-01T01:30-0400", "2026-11-02T01:30-0500", "2026-11-03T01:30-0500"],
        )
        self.assertEqual(times(daily, "2026-03-28T20:00:00+00:00", "Asia/Tokyo", 1), ["2026-03-30T02:30+0900"])

    def test_days_that_the_calendar_decides(self):
        examples = {
            "cron(0 12 L * ? *)": ["2026-01-31", "2026-02-28", "2026-03-31"],
            "cron(0 12 15W * ? *)": ["2026-01-15", "2026-02-16", "2026-03-16"],
            "cron(0 12 1W * ? *)": ["2026-01-01", "2026-02-02", "2026-03-02"],
            "cron(0 12 LW * ? *)": ["2026-01-30", "2026-02-27", "2026-03-31"],
            "cron(0 12 31W * ? *)": ["2026-01-30", "2026-03-31", "2026-05-29"],
            "cron(0 12 ? * 2#1 *)": ["2026-01-05", "2026-02-02", "2026-03-02"],
            "cron(0 12 ? * FRIL *)": ["2026-01-30", "2026-02-27", "2026-03-27"],
            "cron(0 12 ? * L *)": ["2026-01-03", "2026-01-10", "2026-01-17"],
            "cron(0 12 ? JAN,JUL MON-FRI 2026)": ["2026-01-01", "2026-01-02", "2026-01-05"],
            "cron(0 12 29 2 ? *)": ["2028-02-29", "2032-02-29"],
        }
        for expression, expected in examples.items():
            with self.subTest(expression):
                found = times(expression, "2026-01-01T00:00:00+00:00", count=len(expected))
                self.assertEqual([time[:10] for time in found], expected)

    def test_steps_and_rates(self):
        self.assertEqual(
            times("cron(0/20 8-9 * * ? *)", "2026-01-01T08:30:00+00:00"),
            ["2026-01-01T08:40+0000", "2026-01-01T09:00+0000", "2026-01-01T09:20+0000"],
        )
        self.assertEqual(
            times("rate(2 hours)", "2026-01-01T08:30:00+00:00", count=2), ["2026-01-01T10:30+0000", "2026-01-01T12:30+0000"]
        )

    def test_at_is_once(self):
        self.assertEqual(
            times("at(2026-03-29T12:00:00)", "2026-01-01T00:00:00+00:00", "Europe/Berlin"), ["2026-03-29T12:00+0200"]
        )
        self.assertEqual(times("cron(0 12 * * ? 2025)", "2026-01-01T00:00:00+00:00"), [])

    def test_nonsense_is_refused_with_its_reason(self):
        refused = {
            "cron(bad)": "1 fields and not six",
            "cron(0 12 * * * *)": "exactly one of day of month and day of week",
            "cron(0 12 ? * ? *)": "exactly one of day of month and day of week",
            "cron(60 12 * * ? *)": "minutes: 60 is not within 0 to 59",
            "cron(0 12 * FOO ? *)": "month: FOO",
            "cron(0 12 10-5 * ? *)": "ends before it begins",
            "cron(*/0 12 * * ? *)": "has no step",
            "rate(0 minutes)": "no positive number",
            "rate(5 weeks)": "no positive number",
            "at(2026-02-30T00:00:00)": "no time such as",
            "sometimes": "none of at",
        }
        for expression, reason in refused.items():
            with self.subTest(expression), self.assertRaisesRegex(expressions.Invalid, reason):
                expressions.parse(expression)
        with self.assertRaisesRegex(expressions.Invalid, "clocks skip it"):
            expressions.parse("at(2026-03-29T02:30:00)", "Europe/Berlin")
        with self.assertRaisesRegex(expressions.Invalid, "no time zone"):
            expressions.parse("rate(1 hour)", "Europe/Nowhere")


