"""When a schedule is due: ``at(…)``, ``rate(…)`` and ``cron(…)`` of EventBridge Scheduler, in a time zone.

lambda-local says so, by the library ``schedule-expression`` that the functions check schedules with.
"""

import json
import urllib.error
import urllib.request

from settings import settings

TIMEOUT_SECONDS = 30

# No proxy of this environment is on the way to this machine.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Invalid(Exception):
    """Something that the service refuses, and why."""


def next_time(expression, zone, after, created):
    """When a schedule is due for the first time after ``after``, in seconds since 1970; None if never again.

    Raises :class:`Invalid` for what is no expression.
    """
    given = {"expression": expression, "zone": zone or "UTC", "after": after, "created": created}
    request = urllib.request.Request(settings["functions"] + "/schedules", json.dumps(given).encode())
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return json.load(answer)["due"]
    except urllib.error.HTTPError as error:
        raise Invalid(json.load(error)["message"]) from error
