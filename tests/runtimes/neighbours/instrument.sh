#!/bin/sh
# A wrapper as tracing libraries have them: a variable more for the runtime, and the Runtime API as it was.
export TRACED_BY=neighbour
exec "$@"
