"""When a schedule is due: ``at(…)``, ``rate(…)`` and ``cron(…)`` of EventBridge Scheduler, in a time zone.

A time that a change of the clocks skips is skipped, and one that it repeats counts once.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import calendar
import datetime
import re
import zoneinfo

UTC = datetime.timezone.utc
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
UNITS = {"minute": 60, "hour": 3600, "day": 86400}
FIELDS = (
    ("minutes", 0, 59, {}),
    ("hours", 0, 23, {}),
    ("day of month", 1, 31, {}),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, 2199, {}),
)
DAY_OF_MONTH, DAY_OF_WEEK = 2, 4
# Eight years hold every date that recurs, 29 February across a century's end included.
LONGEST_SEARCH = datetime.timedelta(days=8 * 366)


class Invalid(Exception):
    """An expression that is none, and why."""


def parse(expression, zone="UTC"):
    """What an expression says: an object with ``next(after, created)`` in seconds since 1970, None if never again."""
    kind, _, rest = expression.partition("(")
    if kind not in KINDS or not rest.endswith(")"):
        raise Invalid(f"{expression} is none of at(…), rate(…) and cron(…)")
    return KINDS[kind](rest[:-1], time_zone(zone))


def time_zone(name):
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(f"{name} is no time zone of the IANA") from error


def moment(local, zone):
    """The seconds of a local time, of the first if it comes twice; None if it never comes."""
    there = local.replace(tzinfo=zone)
    back = there.astimezone(UTC).astimezone(zone).replace(tzinfo=None)
    return there.timestamp() if back == local else None


class At:
    """Once."""

    def __init__(self, text, zone):
        try:
            local = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S")
        except ValueError as error:
            raise Invalid(f"at({text}) is no time such as at(2026-03-29T09:00:00)") from error
        self.seconds = moment(local, zone)
        if self.seconds is None:
            raise Invalid(f"at({text}) does not exist in {zone.key}, where the clocks skip it")

    def next(self, after, created):
        return self.seconds if self.seconds > after else None


class Rate:
    """Again and again from the creation on."""

    def __init__(self, text, zone):
        found = re.fullmatch(r"([1-9][0-9]*) (minute|hour|day)s?", text)
        if not found:
            raise Invalid(f"rate({text}) is no positive number of minutes, hours or days")
        self.seconds = int(found[1]) * UNITS[found[2]]

    def next(self, after, created):
        return created + (int((after - created) // self.seconds) + 1) * self.seconds


class Cron:
    """By the calendar."""

    def __init__(self, text, zone):
        fields = text.split()
        if len(fields) != len(FIELDS):
            raise Invalid(f"cron({text}) has {len(fields)} fields and not six")
        if (fields[DAY_OF_MONTH] == "?") == (fields[DAY_OF_WEEK] == "?"):
            raise Invalid(f"cron({text}): exactly one of day of month and day of week is ?")
        self.zone = zone
        days = {DAY_OF_MONTH: days_of_month, DAY_OF_WEEK: days_of_week}
        try:
            parsed = [days.get(place, values)(field, *FIELDS[place]) for place, field in enumerate(fields)]
        except Invalid as error:
            raise Invalid(f"cron({text}): {error}") from error
        self.minutes, self.hours, self.is_day_of_month, self.months, self.is_day_of_week, self.years = parsed

    def next(self, after, created):
        start = datetime.datetime.fromtimestamp(after, self.zone).replace(tzinfo=None)
        for day in self.days(start.date()):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    seconds = moment(datetime.datetime.combine(day, datetime.time(hour, minute)), self.zone)
                    if seconds is not None and seconds > after:
                        return seconds
        return None

    def days(self, first):
        day, last = first, min(first + LONGEST_SEARCH, datetime.date(max(self.years), 12, 31))
        while day <= last:
            if day.year not in self.years or day.month not in self.months:
                day = month_after(day)
                continue
            if self.is_day_of_month(day) and self.is_day_of_week(day):
                yield day
            day += datetime.timedelta(days=1)


KINDS = {"at": At, "rate": Rate, "cron": Cron}


def month_after(day):
    return datetime.date(day.year + day.month // 12, day.month % 12 + 1, 1)


def values(field, name, low, high, names):
    """The set of values that a field such as ``1-5,10/5`` means."""
    return set().union(*(part(one, name, low, high, names) for one in field.split(",")))


def part(text, name, low, high, names):
    whole, slash, step = text.partition("/")
    if slash and not re.fullmatch("[1-9][0-9]*", step):
        raise Invalid(f"{name}: {text} has no step")
    if whole == "*":
        first, last = low, high
    else:
        begin, dash, end = whole.partition("-")
        first = number(begin, name, low, high, names)
        last = number(end, name, low, high, names) if dash else (high if slash else first)
    if last < first:
        raise Invalid(f"{name}: {text} ends before it begins")
    return set(range(first, last + 1, int(step) if slash else 1))


def number(text, name, low, high, names):
    value = names.get(text.upper())
    if value is None and re.fullmatch("[0-9]+", text):
        value = int(text)
    if value is None or not low <= value <= high:
        raise Invalid(f"{name}: {text} is not within {low} to {high}")
    return value


def days_of_month(field, name, low, high, names):
    if field == "?":
        return lambda day: True
    if field == "L":
        return lambda day: day.day == last_of(day)
    if field == "LW":
        return lambda day: day.day == nearest_weekday(day, last_of(day))
    if field.endswith("W"):
        wanted = number(field[:-1], name, low, high, names)
        return lambda day: day.day == nearest_weekday(day, wanted)
    wanted = values(field, name, low, high, names)
    return lambda day: day.day in wanted


def last_of(day):
    return calendar.monthrange(day.year, day.month)[1]


def nearest_weekday(day, wanted):
    """The weekday of the month of ``day`` that is nearest to its ``wanted``th; None if the month has no such day."""
    if wanted > last_of(day):
        return None
    weekday = day.replace(day=wanted).weekday()
    if weekday == calendar.SATURDAY:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == calendar.SUNDAY:
        return wanted + 1 if wanted < last_of(day) else wanted - 2
    return wanted


def days_of_week(field, name, low, high, names):
    if field == "?":
        return lambda day: True
    if field == "L":
        return lambda day: of_week(day) == DAYS["SAT"]
    if field.endswith("L"):
        wanted = number(field[:-1], name, low, high, names)
        return lambda day: of_week(day) == wanted and day.day > last_of(day) - 7
    if "#" in field:
        which, _, nth = field.partition("#")
        wanted, week = number(which, name, low, high, names), number(nth, f"{name}: week", 1, 5, {})
        return lambda day: of_week(day) == wanted and (day.day - 1) // 7 + 1 == week
    wanted = values(field, name, low, high, names)
    return lambda day: of_week(day) in wanted


def of_week(day):
    """1 is Sunday."""
    return day.isoweekday() % 7 + 1
