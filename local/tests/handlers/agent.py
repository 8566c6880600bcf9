#!/usr/bin/env python3
"""Stand-ins for the functions `llm`, `tool` and a tool of somebody else's, in a runtime of the standard library's.

As `llm` it plays SCRIPTS: by the model's id a list of answers, of which the next is taken at each invocation about the same question.
An answer is {"error": name}, or {"calls": [[name, input, id] …], "text": …, "long_text": …, "stop": reason, "at": seconds, "references": …}
with everything optional; a text of "results" stands for the JSON of the results it was given, "conversation" for the roles of the messages, "offered" for
the names of the tools, "event" for how it was asked, "sizes" for how long the results are, or that they are previews with a handle.
As `tool` it says that it is done, or fails with the error that its input names, with "first" at the first try only; "reply" in the input is
what it gives, "bytes" how long its result is, and with "handles" it gives the handles that it was handed. It shows values and fits results as
the real one does, but stores nothing.
As `foreign` it is a tool that keeps to no form.
"""
import hashlib, http.client, json, os

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2018-06-01/runtime/invocation/"
ASKED = ["tool_choice", "max_tokens", "temperature", "agent_name", "reasoning_effort"]
LONGEST_TEXT = 65_536
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
    calls = [
        {"id": (call + [f"call-{n}"])[2], "name": call[0], "input": call[1]} for n, call in enumerate(answer.get("calls", []))
    ]
    spoken = {
        "results": results,
        "conversation": [message["role"] for message in messages],
        "offered": sorted(tool["name"] for tool in event["tools"]),
        "event": {name: event[name] for name in ASKED},
        "sizes": [[result["name"], size(result["content"])] for result in results],
    }
    text = answer.get("text", "")
    message = {"role": "assistant", "content": [{"type": "tool_use", **call} for call in calls]}
    return {
        "message": message,
        "messages": messages + [message],
        "function_calls": calls,
        "text": json.dumps(spoken[text]) if text in spoken else text,
        **({"long_text": answer["long_text"]} if "long_text" in answer else {}),
        "references": answer.get("references", []),
        "metadata": {
            "tokens_used": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
            "stop_reason": answer.get("stop", "tool_use" if calls else "end_turn"),
            "cost_micro_usd": 60,
            "completed_at": answer.get("at", 1000),
        },
    }


def size(text):
    return "handle" if "bytes in all; handle: " in text else len(text)


def tool(event):
    if event.get("type") == "show":
        return {"value": json.loads(json.dumps(event["value"]).replace("@content:", "@ content:"))}
    if event.get("type") == "fit":
        reply = event["reply"]
        content = reply["content"] if isinstance(reply, dict) and "content" in reply else reply
        is_error = isinstance(reply, dict) and reply.get("is_error") is True
        text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
        if len(text) > LONGEST_TEXT:
            text = f"{text[:1800]}\n\n[… {len(text)} bytes in all; handle: 1:stand-in]"
        return {"content": text, "is_error": is_error}
    return done(event)


def is_first_try(key):
    """Whether nobody tried this key before. A file says so: calls of one turn run in several sandboxes, and so may two tries of one."""
    try:
        open(hashlib.sha256(key.encode()).hexdigest(), "x").close()
    except FileExistsError:
        return False
    return True


def done(event):
    given = event["input"]
    if "fail" in given:
        raise Failed(given["fail"])
    if "first" in given and is_first_try(event["idempotency_key"]):
        raise Failed(given["first"])
    if "reply" in given:
        return given["reply"]
    content = event["idempotency_key"] if "key" in given else "x" * given["bytes"] if "bytes" in given else "done"
    if "handles" in given:
        content = json.dumps(event["handles"])
    return {"type": "tool_result", "name": event["name"], "tool_use_id": event["id"], "content": content}


handle = {"llm": llm, "tool": tool, "foreign": done}[os.environ["AWS_LAMBDA_FUNCTION_NAME"]]
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
