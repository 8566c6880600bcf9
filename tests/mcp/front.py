"""A function URL of the platform on this machine, for clients that find servers by DNS only."""

import contextlib
import http.client
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# What belongs to one connection, and not to the request or the response on it.
OF_A_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Front:
    """Forwards what it gets to a function URL, with more headers, and passes on each piece of the response as it comes."""

    def __init__(self, endpoint, url, more):
        place, upstream = urllib.parse.urlsplit(url), urllib.parse.urlsplit(endpoint).netloc

        class Handler(BaseHTTPRequestHandler):
            def forward(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                connection = http.client.HTTPConnection(upstream, timeout=60)
                connection.request(self.command, self.path, body, {**of_a_request(self.headers), **more, "Host": place.netloc})
                response = connection.getresponse()
                self.send_response(response.status)
                for name, value in of_a_request(response.headers).items():
                    self.send_header(name, value)
                self.end_headers()
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # A client may leave.
                    while piece := response.read1():
                        self.wfile.write(piece)
                connection.close()

            do_GET = do_POST = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}{place.path or '/'}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def end(self):
        self.server.shutdown()
        self.server.server_close()


def of_a_request(headers):
    return {name: value for name, value in headers.items() if name.lower() not in OF_A_CONNECTION}
