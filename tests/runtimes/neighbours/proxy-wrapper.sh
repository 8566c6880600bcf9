#!/bin/sh
# The wrapper of another's proxy: from here on the runtime talks to that one, instead of the Runtime API before.
export AWS_LAMBDA_RUNTIME_API="127.0.0.1:${LRAP_LISTENER_PORT:-9009}"
exec "$@"
