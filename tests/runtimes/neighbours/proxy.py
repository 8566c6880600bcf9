#!/usr/bin/env python3
"""Another's Runtime API proxy in the sandbox: forwards everything, and says of each event and response whether it held a reference.

It reads the variables of AWS's sample: LRAP_LISTENER_PORT is where it listens, LRAP_RUNTIME_API_ENDPOINT where it forwards to.
"""

import http.client
import http.server
import json
import os
import sys
import threading

LAMBDA = os.environ["AWS_LAMBDA_RUNTIME_API"]
UPSTREAM = os.environ.get("LRAP_RUNTIME_API_ENDPOINT", LAMBDA)
PORT = int(os.environ.get("LRAP_LISTENER_PORT", "9009"))
EXTENSIONS_API = "/2020-01-01/extension"


class Proxy(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        event = self.forward(None)
        if self.path.endswith("/invocation/next"):
            tell("event", event)

    def do_POST(self):
        body = self.body()
        if self.path.endswith("/response"):
            tell("response", body)
        self.forward(body)

    def forward(self, body):
        connection = http.client.HTTPConnection(UPSTREAM)
        connection.request(self.command, self.path, body, kept(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in kept(answer.headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return content

    def body(self):
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *arguments):
        """Nothing but what it tells."""


def kept(headers):
    """Without what says how one connection carries a message."""
    framing = {"connection", "content-length", "host", "transfer-encoding"}
    return {name: value for name, value in headers.items() if name.lower() not in framing}


def tell(what, body):
    print(what, "with a reference" if b"@content:" in body else "without", flush=True)


def live():
    """The life of an extension, registered where every extension registers."""
    connection = http.client.HTTPConnection(LAMBDA)
    name = {"Lambda-Extension-Name": os.path.basename(sys.argv[0])}
    connection.request("POST", f"{EXTENSIONS_API}/register", json.dumps({"events": ["SHUTDOWN"]}), name)
    answer = connection.getresponse()
    answer.read()
    identifier = {"Lambda-Extension-Identifier": answer.headers["Lambda-Extension-Identifier"]}
    connection.request("GET", f"{EXTENSIONS_API}/event/next", headers=identifier)
    connection.getresponse().read()


server = http.server.ThreadingHTTPServer(("127.0.0.1", PORT), Proxy)
threading.Thread(target=server.serve_forever, daemon=True).start()
live()
