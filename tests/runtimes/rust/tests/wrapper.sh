#!/bin/sh
# An exec wrapper that points the runtime at $PROXY and tells that it was gone through. With $FORK it starts a child instead
# of becoming its arguments, as wrappers without `exec` do.
echo "wrapper: $*" >&2
export AWS_LAMBDA_RUNTIME_API="$PROXY"
[ -n "$FORK" ] || exec "$@"
"$@"
