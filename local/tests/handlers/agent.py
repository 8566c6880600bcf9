#!/usr/bin/env python3
"""Stand-ins for the functions `llm` and `tool`, in a runtime of the standard library's.

As `llm` it plays SCRIPTS: by the model's id a list of answers, of which the next is taken at each invocation about the same question.
An answer is {"error": name}, or {"calls": [[name, input] …], "text": …, "at": seconds} with everything optional; a text of "results"
stands for the JSON of the results it was given, and "conversation" for the roles of the messages.
As `tool` it says that it is done, or fails with the error that its input names.
"""
import http.client, json, os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2018-06-01/runtime/invocation/"
played = {}


class Failed(Exception):
    pass


def llm(event):
    messages, results = event["messages"], event["tool_results"]
    question = json.dumps(messages[0])
    count = played[question] = played.get(question, 0) + 1
    answer = json.loads(os.environ["SCRIPTS"])[event["provider_config"]["model_id"]][count - 1]
    if "error" in answer:
        raise Failed(answer["error"])
    if results:
        messages.append({"role": "user", "content": results})
    calls = [{"id": f"call-{n}", "name": name, "input": given} for n, (name, given) in enumerate(answer.get("calls", []))]
    offered = sorted(tool["name"] for tool in event["tools"])
    spoken = {"results": results, "conversation": [message["role"] for message in messages], "offered": offered}
    text = answer.get("text", "")
    message = {"role": "assistant", "content": [{"type": "tool_use", **call} for call in calls]}
    return {
        "message": message,
        "messages": messages + [message],
        "function_calls": calls,
        "text": json.dumps(spoken[text]) if text in spoken else text,
        "references": [],
        "metadata": {
            "tokens_used": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
            "cost_micro_usd": 60,
            "completed_at": answer.get("at", 1000),
        },
    }


def tool(event):
    if "fail" in event["input"]:
        raise Failed(event["input"]["fail"])
    return {"type": "tool_result", "name": event["name"], "tool_use_id": event["id"], "content": "done"}


handle = {"llm": llm, "tool": tool}[os.environ["AWS_LAMBDA_FUNCTION_NAME"]]
while True:
    connection.request("GET", BASE + "next")
    invocation = connection.getresponse()
    event = json.loads(invocation.read())
    try:
        path, body = "response", json.dumps(handle(event))
    except Failed as error:
        path, body = "error", json.dumps({"errorType": str(error), "errorMessage": "as the script says"})
    connection.request("POST", f"{BASE}{invocation.headers['Lambda-Runtime-Aws-Request-Id']}/{path}", body)
    connection.getresponse().read()
