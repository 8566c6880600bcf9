"""What moto's server leaves out of the API: workers of activities, limits of what callers send, a failed task's cause."""

import threading
import uuid

from moto.core.exceptions import AWSError
from moto.core.responses import ActionResult, EmptyResult
from moto.stepfunctions.exceptions import ActivityDoesNotExist, ValidationException
from moto.stepfunctions.parser import api as exceptions
from moto.stepfunctions.parser.api import InvalidToken
from moto.stepfunctions.parser.asl.eval.callback.callback import (
    ActivityCallbackEndpoint,
    ActivityTaskStartEndpoint,
    CallbackEndpoint,
)
from moto.stepfunctions.parser.backend.activity import Activity
from moto.stepfunctions.parser.backend.execution import Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from limits import LIMIT, size

# As long as the service holds a worker's request open.
POLL_SECONDS = 60

start_execution = StepFunctionsParserBackend.start_execution
create_activity = StepFunctionsParserBackend.create_activity
delete_activity = StepFunctionsParserBackend.delete_activity
send_task_success = StepFunctionResponse.send_task_success
make_execution = Execution.__init__
set_up_heartbeat = CallbackEndpoint.setup_heartbeat_endpoint

arrived = threading.Condition()
activities = {}


class AwaitedActivity(Activity):
    """Its workers are woken by a task instead of looking for one every second."""

    def add_task(self, task):
        with arrived:
            super().add_task(task)
            arrived.notify_all()

    def next_task(self):
        with arrived:
            arrived.wait_for(lambda: self._tasks, timeout=POLL_SECONDS)
            return self._tasks.popleft() if self._tasks else None


def create_awaited_activity(backend, name, *given, **options):
    activity = create_activity(backend, name, *given, **options)
    activities[activity.arn] = AwaitedActivity(arn=activity.arn, name=name)
    return activity


def delete_awaited_activity(backend, activity_arn):
    delete_activity(backend, activity_arn)
    activities.pop(activity_arn, None)


def make_execution_with_activities(execution, **details):
    make_execution(execution, **{**details, "activity_store": activities})


def begin(executions, task, worker):
    """Tells the task's state that a worker has it: its heartbeats count from now on."""
    for execution in executions:
        endpoint = execution.exec_worker.env.callback_pool_manager.get(task.task_token)
        if isinstance(endpoint, ActivityCallbackEndpoint):
            endpoint.notify_activity_task_start(worker_name=worker)
            return
    raise InvalidToken()


def set_up_woken_heartbeat(endpoint, heartbeat_seconds):
    """A worker may have answered already: the state would wait for a heartbeat that nobody owes, and then time out."""
    heartbeat = set_up_heartbeat(endpoint, heartbeat_seconds)
    if endpoint.get_outcome() is not None:
        heartbeat.notify()
    return heartbeat


def get_activity_task(response):
    arn = response._get_param("activityArn")
    if arn not in activities:
        raise ActivityDoesNotExist(arn)
    task = activities[arn].next_task()
    if task is None:
        return ActionResult({})
    begin(response.stepfunction_backend._get_executions(), task, response._get_param("workerName"))
    return ActionResult({"taskToken": task.task_token, "input": task.task_input})


def describe_execution(response):
    """moto's own spells the output its way, and leaves out when an execution timed out."""
    execution = response.stepfunction_backend.describe_execution(response._get_param("executionArn"))
    return ActionResult(execution.to_describe_output())


def refuse_beyond_limit(field, value):
    if size(value or "") > LIMIT:
        raise ValidationException(
            f"1 validation error detected: Value at '{field}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LIMIT}"
        )


def start_named_execution(backend, state_machine_arn, name=None, execution_input=None, trace_header=None):
    refuse_beyond_limit("input", execution_input)
    return start_execution(backend, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)


def send_limited_task_success(response):
    refuse_beyond_limit("output", response._get_param("output"))
    return send_task_success(response)


def send_task_failure(response):
    given = {name: response._get_param(name) for name in ("error", "cause")}
    response.stepfunction_backend.send_task_failure(response._get_param("taskToken"), **given)
    return EmptyResult()


def name_errors():
    """The interpreter's exceptions have their name where moto's server does not look for it: clients saw an error without a code."""
    for error in vars(exceptions).values():
        if isinstance(error, type) and issubclass(error, AWSError) and error is not AWSError:
            error.TYPE = error.code


def extend():
    name_errors()
    # What moto reads when nobody has taken a task in time, and sets only when somebody has.
    ActivityTaskStartEndpoint._outcome = None
    CallbackEndpoint.setup_heartbeat_endpoint = set_up_woken_heartbeat
    Execution.__init__ = make_execution_with_activities
    StepFunctionsParserBackend.create_activity = create_awaited_activity
    StepFunctionsParserBackend.delete_activity = delete_awaited_activity
    StepFunctionsParserBackend.start_execution = start_named_execution
    StepFunctionResponse.describe_execution = describe_execution
    StepFunctionResponse.get_activity_task = get_activity_task
    StepFunctionResponse.send_task_success = send_limited_task_success
    StepFunctionResponse.send_task_failure = send_task_failure
