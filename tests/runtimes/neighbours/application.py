"""A web application: answers an event with its text doubled, and how long that text was."""

import http.server
import json
import os


class Application(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer({})

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.answer({"text": event["text"] * 2, "seen": len(event["text"])})

    def answer(self, document):
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        """A line for each request would be told as the function's."""


http.server.HTTPServer(("127.0.0.1", int(os.environ["AWS_LWA_PORT"])), Application).serve_forever()
