#!/usr/bin/env python3
"""A tool in a runtime of the standard library's: its result is as many letters as it is asked for, other ones for every call."""
import http.client, json, os, random, string

connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
BASE = "/2018-06-01/runtime/invocation/"
LETTERS = string.ascii_letters + string.digits

while True:
    connection.request("GET", BASE + "next")
    invocation = connection.getresponse()
    call = json.loads(invocation.read())
    letters = random.Random(call["idempotency_key"]).choices(LETTERS, k=call["input"].get("bytes", 10))
    result = {"type": "tool_result", "name": call["name"], "tool_use_id": call["id"], "content": "".join(letters)}
    path = f"{BASE}{invocation.headers['Lambda-Runtime-Aws-Request-Id']}/response"
    connection.request("POST", path, json.dumps(result))
    connection.getresponse().read()
