"""``GetExecutionHistory`` by pages, from either end, with or without data: moto answers with everything at once.

A run of an agent leaves thousands of events of up to a quarter of a megabyte each. The token of a page is the number of events before it, so
that who follows a run asks only for what is new.
"""

from moto.core.responses import ActionResult
from moto.stepfunctions.responses import StepFunctionResponse

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
DATA = {"input", "output", "parameters", "assignedVariables"}


def without_data(event):
    return {
        key: {name: held for name, held in value.items() if name not in DATA} if isinstance(value, dict) else value
        for key, value in event.items()
    }


def get_execution_history(response):
    arn = response._get_param("executionArn")
    size = min(response._get_int_param("maxResults") or DEFAULT_PAGE, LARGEST_PAGE)
    start = int(response._get_param("nextToken") or 0)
    events = list(response.stepfunction_backend.get_execution_history(arn)["events"])
    if response._get_bool_param("reverseOrder"):
        events.reverse()
    page = events[start : start + size]
    if response._get_bool_param("includeExecutionData") is False:
        page = [without_data(event) for event in page]
    end = start + len(page)
    return ActionResult({"events": page, **({"nextToken": str(end)} if end < len(events) else {})})


def page():
    StepFunctionResponse.get_execution_history = get_execution_history
