#!/usr/bin/env python3
"""An extension of the standard library's: says what it sees, on standard output."""
import http.client, json, os, sys

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2020-01-01/extension/"


def call(method, path, body=None, **headers):
    connection.request(method, BASE + path, body, headers)
    answer = connection.getresponse()
    return answer, answer.read().decode()


name = os.path.basename(sys.argv[0])
events = os.environ.get("EVENTS", "INVOKE,SHUTDOWN").split(",")
answer, body = call("POST", "register", json.dumps({"events": events}), **{"Lambda-Extension-Name": name})
print("registered", answer.status, body, flush=True)
identifier = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
print("port", os.environ.get("LRAP_LISTENER_PORT"), flush=True)
if os.environ.get("EXTENSION") == "error":
    document = json.dumps({"errorType": "Extension.ConfigInvalid", "errorMessage": "port 9009 is taken"})
    call("POST", "init/error", document, **identifier, **{"Lambda-Extension-Function-Error-Type": "Extension.ConfigInvalid"})
    sys.exit(1)
while True:
    answer, body = call("GET", "event/next", **identifier)
    event = json.loads(body)
    print("event", event["eventType"], event.get("shutdownReason", event.get("requestId")), flush=True)
    if event["eventType"] == "SHUTDOWN":
        if os.environ.get("EXTENSION") != "stays":
            sys.exit(0)
    elif os.environ.get("EXTENSION") == "crashes":
        sys.exit(5)
