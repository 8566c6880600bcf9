"""The AWS services that lambda-local has none of its own for: ministack, with functions, tables and state machines left to lambda-local.

lambda-local starts it with an interpreter that has ministack, writes one line of JSON (``settings`` below) to its standard input and
reads one from its standard output: ``{"endpoint": "http://127.0.0.1:…"}``, or ``{"error": "…"}``. It ends when its standard input does, so
that it never outlives lambda-local.

settings: ``region``, ``account``, ``public`` (the URL of the one endpoint that clients know), ``functions`` (the URL that takes functions and
invokes them), ``folder`` (where code is unpacked), ``machine`` (its architecture, in Lambda's words), ``state`` (the folder of what survives;
null: nothing does).
"""

import asyncio
import json
import logging
import os
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import clock
import keeping
from settings import settings


def prepare():
    """What ministack takes from its surroundings when it is imported."""
    clock.install()
    kept = settings["state"] or settings["folder"]
    if settings["state"] is not None:
        keeping.keep_in(kept)
    public = urlsplit(settings["public"])
    os.environ.update(
        # In the URLs of queues, of custom resources' answers and of everything else that it gives out: APIs and functions get names under it.
        MINISTACK_HOST="localhost",
        GATEWAY_PORT=str(public.port),
        MINISTACK_REGION=settings["region"],
        MINISTACK_ACCOUNT_ID=settings["account"],
        TMPDIR=settings["folder"],
        STATE_DIR=str(Path(kept, "services")),
        S3_DATA_DIR=str(Path(kept, "s3")),
        # It reads these files when it starts; ``state`` writes them, and has the objects of S3 written.
        PERSIST_STATE="0" if settings["state"] is None else "1",
        S3_PERSIST="0" if settings["state"] is None else "1",
        # No container of this machine is its business, and no port but its own.
        DOCKER_HOST="unix:///nonexistent",
        SFTP_ENABLED="0",
        IOT_MTLS_ENABLED="0",
        LOG_LEVEL="ERROR",
    )


def complete():
    """Not before :func:`prepare`: this imports ministack."""
    import api
    import events
    import functions
    import http_events
    import http_logs
    import http_tokens
    import mappings
    import messages
    import queues
    import resources
    import schedules
    import stack_parameters
    import streams
    import topics

    messages.complete()
    functions.direct()
    events.complete()
    resources.complete()
    http_events.complete()
    http_logs.complete()
    http_tokens.complete()
    mappings.complete()
    queues.complete()
    schedules.complete()
    stack_parameters.complete()
    streams.complete()
    topics.complete()
    application = api.application()
    return application if settings["state"] is None else restored(application)


def restored(application):
    import state

    state.restore()
    state.resume()
    return state.keeps(application)


async def serve(application, listener):
    from hypercorn.asyncio import serve as serve_asgi
    from hypercorn.config import Config

    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.keep_alive_timeout = 75
    config.loglevel = "ERROR"
    await serve_asgi(application, config, shutdown_trigger=asyncio.Event().wait)


def run():
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    application = complete()
    # The answer is true at once: the kernel holds connections that come before the server takes them.
    say({"endpoint": "http://{}:{}".format(*listener.getsockname())})
    asyncio.run(serve(application, listener))


def say(line):
    print(json.dumps(line), flush=True)


def end_with_input():
    sys.stdin.read()
    # At once, whatever its threads are at.
    os._exit(0)


def main():
    logging.disable(logging.CRITICAL)
    settings.update(json.loads(sys.stdin.readline()))
    threading.Thread(target=end_with_input, daemon=True).start()
    try:
        prepare()
        run()
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
