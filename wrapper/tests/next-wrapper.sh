#!/bin/sh
# A further wrapper, as LRAP_NEXT_WRAPPER names one: tells what it was given, then becomes its arguments.
printf '%s|' "$AWS_LAMBDA_RUNTIME_API" "${LRAP_NEXT_WRAPPER-gone}"
exec "$@"
