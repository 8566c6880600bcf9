#!/usr/bin/env python3
"""A runtime of the standard library's: does what the event's "do" says."""
import http.client, json, os, subprocess, sys, time

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2018-06-01/runtime/"


def post(path, body, **headers):
    connection.request("POST", BASE + path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def carry_out(event, headers):
    match event.get("do") if isinstance(event, dict) else None:
        case "pid":
            return os.getpid()
        case "env":
            return dict(os.environ)
        case "headers":
            return {name: value for name, value in headers.items()}
        case "arguments":
            return {"arguments": sys.argv[1:], "directory": os.getcwd()}
        case "print":
            print(event["text"], flush=True)
            print("err " + event["text"], file=sys.stderr, flush=True)
            return None
        case "sleep":
            time.sleep(60)
        case "child":
            return [os.getpid(), subprocess.Popen(["sleep", "600"]).pid]
        case "exit":
            os._exit(event["code"])
        case "big":
            return "x" * (event["bytes"] - 2)
        case "meet":
            # Returns only when somebody else has the other end open at the same time.
            with open(event["fifo"], event["mode"]):
                return os.getpid()
        case _:
            return event


def stream(request_id, event):
    connection.putrequest("POST", f"{BASE}invocation/{request_id}/response")
    for name, value in {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    trailers = event.get("trailers", {})
    if trailers:
        connection.putheader("Trailer", ", ".join(trailers))
    connection.endheaders()
    for chunk in event["chunks"]:
        connection.send(b"%x\r\n%s\r\n" % (len(chunk), chunk.encode()))
    connection.send(b"0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in trailers.items()).encode() + b"\r\n")
    connection.getresponse().read()


def break_off(request_id, event):
    """Part of a response, and then the end of the connection, or of the process."""
    connection.putrequest("POST", f"{BASE}invocation/{request_id}/response")
    chunked = event.get("mode") == "streaming"
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": "10"}
    mode = {"Lambda-Runtime-Function-Response-Mode": "streaming"} if chunked else {}
    for name, value in {**framing, **mode}.items():
        connection.putheader(name, value)
    connection.endheaders(b'5\r\n"half\r\n' if chunked else b'"half')
    if "code" in event:
        # Dies while the response is on its way, not before it has begun to arrive.
        time.sleep(0.2)
        os._exit(event["code"])
    connection.close()


def invocation():
    connection.request("GET", BASE + "invocation/next")
    answer = connection.getresponse()
    body = answer.read()
    request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.loads(body) if body != b"raw" else {}
    do = event.get("do") if isinstance(event, dict) else None
    if do == "error":
        document = json.dumps({"errorType": "Own", "errorMessage": "as asked"})
        error_type = event.get("type", "Function.Own")
        post(f"invocation/{request_id}/error", document, **{"Lambda-Runtime-Function-Error-Type": error_type})
    elif do == "stream":
        stream(request_id, event)
    elif do == "break off":
        break_off(request_id, event)
    elif do == "mode":
        headers = {"Lambda-Runtime-Function-Response-Mode": event["mode"]}
        print("mode:", post(f"invocation/{request_id}/response", "1", **headers)[0], flush=True)
    elif do == "misuse":
        statuses = [post("invocation/unknown/response", "1"), post("init/error", "{}")]
        post(f"invocation/{request_id}/response", json.dumps(statuses))
    elif do == "answer twice":
        post(f"invocation/{request_id}/response", "1")
        print("second answer:", post(f"invocation/{request_id}/response", "2")[0], flush=True)
    elif isinstance(event, dict) and "do" not in event:
        post(f"invocation/{request_id}/response", body)
    else:
        result = json.dumps(carry_out(event, answer.headers))
        status = post(f"invocation/{request_id}/response", result)[0]
        if status != 202:
            print("response refused:", status, flush=True)


if os.environ.get("INIT") == "error":
    document = json.dumps({"errorType": "Own.Init", "errorMessage": "cannot start"})
    post("init/error", document, **{"Lambda-Runtime-Function-Error-Type": "Own.Init"})
    sys.exit(1)
if os.environ.get("INIT") == "exit":
    sys.exit(3)
while True:
    invocation()
