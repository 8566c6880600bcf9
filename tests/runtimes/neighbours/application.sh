#!/bin/sh
# The wrapper of a web adapter: a web application in the runtime's place, with the runtime's command as it would have been.
exec python3 "$(dirname "$(readlink -f "$0")")/application.py"
