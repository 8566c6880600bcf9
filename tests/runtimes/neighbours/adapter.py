#!/usr/bin/env python3
"""A web adapter: an extension that polls the Runtime API in the runtime's place, and hands each event to a web application.

As Lambda Web Adapter does it: AWS_LWA_LAMBDA_RUNTIME_API_PROXY is where it polls, if that is not Lambda, and AWS_LWA_PORT where the
application listens. It registers at Lambda in any case.
"""

import http.client
import os
import sys
import threading
import time

LAMBDA = os.environ["AWS_LAMBDA_RUNTIME_API"]
RUNTIME_API = os.environ.get("AWS_LWA_LAMBDA_RUNTIME_API_PROXY", LAMBDA).removeprefix("http://")
APPLICATION = "127.0.0.1:" + os.environ["AWS_LWA_PORT"]
INVOCATION = "/2018-06-01/runtime/invocation"
EXTENSIONS_API = "/2020-01-01/extension"


def ask(address, method, path, body=None, headers={}):
    connection = http.client.HTTPConnection(address)
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return answer.headers, answer.read()


def until_ready():
    while True:
        try:
            return ask(APPLICATION, "GET", "/")
        except ConnectionError:
            time.sleep(0.01)


def serve():
    until_ready()
    while True:
        headers, event = ask(RUNTIME_API, "GET", f"{INVOCATION}/next")
        _, response = ask(APPLICATION, "POST", "/events", event)
        identifier = headers["Lambda-Runtime-Aws-Request-Id"]
        ask(RUNTIME_API, "POST", f"{INVOCATION}/{identifier}/response", response)


name = {"Lambda-Extension-Name": os.path.basename(sys.argv[0])}
headers, _ = ask(LAMBDA, "POST", f"{EXTENSIONS_API}/register", '{"events":[]}', name)
threading.Thread(target=serve, daemon=True).start()
ask(LAMBDA, "GET", f"{EXTENSIONS_API}/event/next", headers={"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]})
