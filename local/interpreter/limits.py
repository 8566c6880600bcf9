"""The 262,144 bytes of Step Functions: of an execution's input, of a state's input, its task's parameters and result, of its output.

Counted as the service does, in UTF-8 and without white space between tokens; moto counts escapes and spaces, and refuses the
last byte that AWS accepts. Also what AWS says of the error: nothing catches ``States.DataLimitExceeded`` and ``States.Runtime`` that
does not name them, ``States.ALL`` included.
https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""

from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.assign.assign_decl import AssignDecl
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.state_task import StateTask
from moto.stepfunctions.parser.asl.component.state.fail import state_fail
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails

from spelling import replace_everywhere, to_json_str

LIMIT = 262_144
LIMIT_EXCEEDED = StatesErrorNameType.StatesStatesDataLimitExceeded
TERMINAL = {LIMIT_EXCEEDED.to_name(), StatesErrorNameType.StatesRuntime.to_name()}
WILDCARDS = {StatesErrorNameType.StatesALL.to_name(), StatesErrorNameType.StatesTaskFailed.to_name()}

eval_equals = ErrorEqualsDecl._eval_body
eval_parameters = StateTask._eval_parameters
eval_state_input = CommonStateField._eval_state_input
eval_assign = AssignDecl._eval_body


def size(value):
    if isinstance(value, str):
        return len(value.encode())
    return len(to_json_str(value).encode())


def is_within(value):
    return size(value) <= LIMIT


def exceeded(env, what):
    name = LIMIT_EXCEEDED.to_name()
    cause = f"{what} exceeds the maximum number of bytes service limit of {LIMIT}."
    details = TaskFailedEventDetails(error=name, cause=cause)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=LIMIT_EXCEEDED),
            event_type=HistoryEventType.TaskFailed,
            event_details=EventDetails(taskFailedEventDetails=details),
        )
    )


def check(env, value, what):
    if not is_within(value):
        raise exceeded(env, f"{what} ({size(value)} bytes)")


def checked_state_input(state, env):
    eval_state_input(state, env)
    check(env, env.stack[-1], f"The input of the state '{state.name}'")


def checked_parameters(task, env):
    parameters = eval_parameters(task, env)
    check(env, parameters, f"The input of the task of the state '{task.name}'")
    return parameters


def checked_assign(declaration, env):
    eval_assign(declaration, env)
    assigned = {name: env.variable_store.get(name) for name in env.variable_store.get_assigned_variables()}
    check(env, assigned, "What one state assigns to variables")


def checked_output(state, env, value):
    check(env, value, f"The result or output of the state '{state.name}'")


def equals(declaration, env):
    raised = env.stack[-1].error_name
    names = {name.error_name for name in declaration.error_names}
    eval_equals(declaration, env)
    if raised in TERMINAL and raised not in names and names & WILDCARDS:
        env.stack[-1] = False


def named(error_name=None):
    """A failure inside of a Map or a Parallel keeps the service's name; moto takes it for one that a function has made up."""
    if (error_name or "").startswith("States."):
        return StatesErrorName.from_name(error_name)
    return CustomErrorName(error_name)


def enforce():
    for module in (iteration_worker, branches_decl, state_fail):
        module.CustomErrorName = named
    replace_everywhere("is_within_size_quota", is_within)
    CommonStateField._eval_state_input = checked_state_input
    CommonStateField._verify_size_quota = checked_output
    StateTask._eval_parameters = checked_parameters
    AssignDecl._eval_body = checked_assign
    ErrorEqualsDecl._eval_body = equals
