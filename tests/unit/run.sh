#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Run cmocka programs and count their tests: run.sh PROGRAM... Prints only what went wrong, one line a
# program, and the suite's line.
set -u

passed=0 failed=0 skipped=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

count() { # TAG: lines of the program's output that begin so and name a test
	grep -c "^\[ *$1 *\] [a-z_0-9]*\$" "$out"
}

for program in "$@"; do
	CMOCKA_MESSAGE_OUTPUT=STDOUT UBSAN_OPTIONS=print_stacktrace=1 "$program" >"$out" 2>&1
	status=$?
	ok=$(count OK) bad=$(grep '^\[ *FAILED *\] [a-z_0-9]*$' "$out" | sort -u | wc -l)
	skip=$(grep '^\[ *SKIPPED *\] [a-z_0-9]*$' "$out" | sort -u | wc -l)
	# one that dies, or that a sanitizer stops, takes the rest of its tests with it
	[ $status -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
	[ $((ok + bad + skip)) -gt 0 ] || bad=1
	[ "$bad" -eq 0 ] || cat "$out"
	echo "$(basename "$program"): $ok passed, $bad failed, $skip skipped"
	passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done
echo "SUITE unit: $passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
