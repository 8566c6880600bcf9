#!/usr/bin/env python3
"""A runtime of the standard library's for managed instances: as many workers as Lambda says, each with a connection of its own."""
import http.client, json, os, sys, threading, time

WORKERS = int(os.environ["AWS_LAMBDA_MAX_CONCURRENCY"])
BASE = "/2018-06-01/runtime/invocation/"
# Passed only by that many invocations at once.
meeting = threading.Barrier(int(os.environ.get("MEETING", WORKERS)))
attempts, counting = {}, threading.Lock()
retried, answered_late = threading.Event(), threading.Event()


def headers_of(event_headers):
    invocation_id = event_headers["Lambda-Runtime-Invocation-Id"]
    return {"Lambda-Runtime-Invocation-Id": invocation_id} if invocation_id else {}


def post(connection, request_id, kind, body, headers):
    connection.request("POST", f"{BASE}{request_id}/{kind}", body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def attempt_of(request_id):
    with counting:
        attempts[request_id] = attempts.get(request_id, 0) + 1
        return attempts[request_id]


def late(connection, request_id, headers, event):
    """The first attempt answers while the second one runs, and the second one answers after that."""
    if attempt_of(request_id) == 1:
        retried.wait()
        kind, body = event.get("kind", "response"), json.dumps("x" * event.get("bytes", 1))
        print("late answer:", post(connection, request_id, kind, body, headers), flush=True)
        answered_late.set()
    else:
        retried.set()
        answered_late.wait()
        post(connection, request_id, "response", '"second"', headers)


def long_error(connection, request_id, headers, event):
    headers["Lambda-Runtime-Function-Error-Type"] = event.get("type", "Function.Own")
    document = {"errorType": "Own", "errorMessage": "x" * event["bytes"]}
    print("long error:", post(connection, request_id, "error", json.dumps(document), headers), flush=True)
    document["errorMessage"] = "short"
    post(connection, request_id, "error", json.dumps(document), headers)


def result_of(event, headers):
    match event.get("do"):
        case "meet":
            meeting.wait()
        case "sleep":
            time.sleep(60)
        case "exit":
            meeting.wait()
            os._exit(3)
        case "headers":
            return dict(headers)
        case "env":
            return dict(os.environ)
        case "print":
            print("x" * event["bytes"] + "end", flush=True)
        case "grow":
            meeting.wait()
            return {"text": event["letter"] * event["bytes"]}
        case "length":
            meeting.wait()
            return {"first": event["text"][:1], "length": len(event["text"])}
    return os.getpid()


def invocation(connection):
    connection.request("GET", BASE + "next")
    answer = connection.getresponse()
    event = json.loads(answer.read())
    request_id, headers = answer.headers["Lambda-Runtime-Aws-Request-Id"], headers_of(answer.headers)
    if event.get("do") == "late":
        late(connection, request_id, headers, event)
    elif event.get("do") == "error":
        long_error(connection, request_id, headers, event)
    elif event.get("do") == "break off":
        break_off(connection, request_id, headers, event)
    else:
        post(connection, request_id, "response", json.dumps(result_of(event, answer.headers)), headers)


def break_off(connection, request_id, headers, event):
    """Half of a response, and then the end of the connection, or of the process. The next request opens another connection."""
    connection.putrequest("POST", f"{BASE}{request_id}/response")
    for name, value in {**headers, "Content-Length": "10"}.items():
        connection.putheader(name, value)
    connection.endheaders(b'"half')
    if "code" in event:
        os._exit(event["code"])
    connection.close()


def work():
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    while True:
        invocation(connection)


workers = [threading.Thread(target=work) for _ in range(WORKERS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
# A worker that failed has said why.
sys.exit(1)
