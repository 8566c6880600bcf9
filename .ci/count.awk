# Adds up what cargo's, Python's and Node's test runners say, on one line: N passed, N failed, N skipped.
#
# Tests that were filtered out on purpose (make test names the reason when it does) count as skipped, ignored ones too.

/^test result:/ {
    for (i = 2; i <= NF; i++) {
        if ($i ~ /^passed/) passed += $(i - 1)
        if ($i ~ /^failed/) failed += $(i - 1)
        if ($i ~ /^ignored/) skipped += $(i - 1)
        if ($i ~ /^filtered/) skipped += $(i - 1)
    }
}

# What one step of the gate ignores and another runs, such as the soak, is counted by its outcome there.
/^test [^ ]+ \.\.\. ignored/ { left[$2] = 1 }
/^test [^ ]+ \.\.\. (ok|FAILED)$/ && ($2 in left) {
    delete left[$2]
    skipped--
    if ($NF == "ok") passed++
    else failed++
}

# What does not compile has no tests to count: it is one failure, so that "0 failed" is never said of it.
/^error: could not compile/ { failed++ }

# "Ran 13 tests in 0.2s", then "OK (skipped=1)" or "FAILED (failures=1, errors=2, skipped=1)".
/^Ran [0-9]+ tests? in / { ran = $2 }
/^(OK|FAILED)( \(|$)/ {
    bad = number("failures") + number("errors") + number("unexpected successes")
    skips = number("skipped")
    passed += ran - bad - skips
    failed += bad
    skipped += skips
    ran = 0
}

# "# pass 34", and so on for the others, at the end of what node --test prints as TAP.
/^# pass [0-9]+$/ { passed += $3 }
/^# (fail|cancelled) [0-9]+$/ { failed += $3 }
/^# (skipped|todo) [0-9]+$/ { skipped += $3 }

function number(label) {
    return match($0, label "=[0-9]+") ? substr($0, RSTART + length(label) + 1, RLENGTH - length(label) - 1) + 0 : 0
}

END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
