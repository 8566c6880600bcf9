"""EventBridge Scheduler: what ministack's keeps is checked as the service checks it, and fired when it is due by the clock.

A schedule is fired at least once for each time that it is due, also for those that a test's clock jumps over.
"""

import contextlib
import json
import random
import re
import threading

from ministack.services import scheduler
from ministack.services.cloudformation import provisioners

import clock
import expressions
import targets

NAME = re.compile("[0-9a-zA-Z_.-]{1,64}")
ROLE = re.compile("arn:aws[a-z-]*:iam::([0-9]{12}):role/.+")
TICK_SECONDS = 1
WIDEST_WINDOW_MINUTES = 1440
RETRIES = (0, 185)
AGE_SECONDS = (60, 86400)

create_schedule = scheduler._create_schedule
update_schedule = scheduler._update_schedule

lock = threading.Lock()
# By account, region and name: the schedule as it was when its next time was found, that time, and when it fires within its window.
planned = {}
# By account, region, name and token: what was answered.
answered = {}


def complete():
    scheduler._create_schedule = create
    scheduler._update_schedule = update
    scheduler.start_scheduler = start
    handler = provisioners._RESOURCE_HANDLERS["AWS::Scheduler::Schedule"]
    handler.update(create=create_in_stack, update=update_in_stack)


def start():
    threading.Thread(target=run, daemon=True, name="schedules").start()


def run():
    while True:
        clock.wait(TICK_SECONDS)
        with contextlib.suppress(Exception):
            fire_due(clock.now())


def create(name, body):
    group = body.get("GroupName", "default")
    token = (scheduler.get_account_id(), scheduler.get_region(), group, name, body.get("ClientToken"))
    if body.get("ClientToken") and token in answered:
        return answered[token]
    answer = refused(name, body, clock.now()) or create_schedule(name, body)
    if answer[0] == 200:
        answered[token] = answer
    return answer


def update(name, body):
    return refused(name, body, clock.now()) or update_schedule(name, body)


def refused(name, body, now):
    try:
        check(name, body, now)
    except expressions.Invalid as error:
        return scheduler._error(400, "ValidationException", str(error))
    return None


def check(name, body, now):
    """Raises :class:`expressions.Invalid`, naming the field."""
    if not NAME.fullmatch(name):
        raise expressions.Invalid(f"Name: {name} is not 1 to 64 letters, digits, -, _ and .")
    expression = body.get("ScheduleExpression", "")
    due = expressions.next_time(expression, body.get("ScheduleExpressionTimezone"), now, now)
    if due is None and expression.startswith("at("):
        raise expressions.Invalid(f"ScheduleExpression: {expression} is in the past")
    if body.get("State", "ENABLED") not in ("ENABLED", "DISABLED"):
        raise expressions.Invalid(f"State: {body['State']} is neither ENABLED nor DISABLED")
    check_window(body.get("FlexibleTimeWindow") or {})
    check_target(body.get("Target") or {})


def check_window(window):
    minutes = window.get("MaximumWindowInMinutes")
    if window.get("Mode") not in ("OFF", "FLEXIBLE"):
        raise expressions.Invalid("FlexibleTimeWindow.Mode: is neither OFF nor FLEXIBLE")
    if window["Mode"] == "OFF" and minutes is not None:
        raise expressions.Invalid("FlexibleTimeWindow.MaximumWindowInMinutes: is only for the mode FLEXIBLE")
    if window["Mode"] == "FLEXIBLE" and not 1 <= (minutes or 0) <= WIDEST_WINDOW_MINUTES:
        raise expressions.Invalid(f"FlexibleTimeWindow.MaximumWindowInMinutes: is not 1 to {WIDEST_WINDOW_MINUTES}")


def check_target(target):
    role = ROLE.fullmatch(target.get("RoleArn", ""))
    if not role:
        raise expressions.Invalid("Target.RoleArn: is not the ARN of a role")
    if role[1] != scheduler.get_account_id():
        raise expressions.Invalid(f"Target.RoleArn: is a role of account {role[1]}, not of this one")
    targets.check(target)
    policy = target.get("RetryPolicy") or {}
    for field, (low, high) in (("MaximumRetryAttempts", RETRIES), ("MaximumEventAgeInSeconds", AGE_SECONDS)):
        if not low <= policy.get(field, high) <= high:
            raise expressions.Invalid(f"Target.RetryPolicy.{field}: is not {low} to {high}")


def create_in_stack(logical_id, properties, stack_name):
    name = properties.get("Name") or provisioners._physical_name(stack_name, logical_id, max_len=64)
    return name, made(create(name, in_api_form(properties)))


def update_in_stack(name, old, new, stack_name):
    return name, made(update(name, in_api_form(new)))


def in_api_form(properties):
    """A template's numbers may be text."""
    window = dict(properties.get("FlexibleTimeWindow") or {})
    if "MaximumWindowInMinutes" in window:
        window["MaximumWindowInMinutes"] = int(window["MaximumWindowInMinutes"])
    target = dict(properties.get("Target") or {})
    if target.get("RetryPolicy"):
        target["RetryPolicy"] = {name: int(value) for name, value in target["RetryPolicy"].items()}
    return {**properties, "FlexibleTimeWindow": window, "Target": target}


def made(answer):
    status, _, body = answer
    said = json.loads(body)
    if status != 200:
        raise ValueError(f"AWS::Scheduler::Schedule: {said['Message']}")
    return {"Arn": said["ScheduleArn"]}


def fire_due(now):
    for key, schedule in list(scheduler._schedules._data.items()):
        if schedule["State"] == "ENABLED":
            fire_as_often_as_due(key, schedule, now)


def fire_as_often_as_due(key, schedule, now):
    while True:
        with lock:
            due, fires = plan(key, schedule)
            if fires is None or fires > now:
                break
            planned[key] = (schedule, *following(schedule, due))
        account, region, _ = key
        targets.send(schedule, due, account, region)
    end = scheduler._to_epoch(schedule.get("EndDate"))
    over = fires is None or (end is not None and now > end)
    if over and schedule["ActionAfterCompletion"] == "DELETE":
        scheduler._schedules._data.pop(key, None)


def plan(key, schedule):
    """When the schedule is due next, and when it fires; found anew after it has changed."""
    known, *times = planned.get(key, (None,))
    if known is not schedule:
        begin = max(schedule["LastModificationDate"], scheduler._to_epoch(schedule.get("StartDate")) or 0)
        times = following(schedule, begin)
        planned[key] = (schedule, *times)
    return times


def following(schedule, after):
    zone, created = schedule["ScheduleExpressionTimezone"], schedule["CreationDate"]
    due = expressions.next_time(schedule["ScheduleExpression"], zone, after, created)
    end = scheduler._to_epoch(schedule.get("EndDate"))
    if due is None or (end is not None and due > end):
        return None, None
    window = schedule["FlexibleTimeWindow"].get("MaximumWindowInMinutes", 0) * 60
    return due, due + random.uniform(0, window)
