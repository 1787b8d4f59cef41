#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Run test suites one after another, each a make target, and add up what they say.
#
#   run-all.sh [SUITE...]      none: unit golden fuzz lint runners live san attack vm
#
# A suite NAME is `make test-NAME` (`make lint` for lint). Its last words are a line
# "SUITE NAME: N passed, N failed, N skipped"; one that ends without it, or that fails without
# saying so, counts as one failure. The last line is "N passed, N failed, N skipped".
set -u

passed=0 failed=0 skipped=0
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM

# The three numbers of a suite's line, or nothing.
figures() { # NAME
	sed -n "s/^SUITE $1: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped\$/\1 \2 \3/p" \
		"$log" | tail -n 1
}

add() { # NAME STATUS
	# shellcheck disable=SC2046 # three words are wanted
	set -- "$1" "$2" $(figures "$1")
	if [ $# -ne 5 ]; then
		echo "suite $1 ended without saying how (status $2)"
		failed=$((failed + 1))
		return
	fi
	passed=$((passed + $3)) failed=$((failed + $4)) skipped=$((skipped + $5))
	if [ "$2" -ne 0 ] && [ "$4" -eq 0 ]; then
		echo "suite $1 failed with status $2, though no test of it did"
		failed=$((failed + 1))
	fi
}

# The suite's status has to pass through the pipe that shows its output as it comes.
run() { # NAME TARGET
	echo "== $1"
	status=$({ { ${MAKE:-make} --no-print-directory "$2" 3>&-; echo $? >&3; } 2>&1 |
		tee "$log" >&4; } 3>&1) 4>&1
	add "$1" "${status:-1}"
}

[ $# -gt 0 ] || set -- unit golden fuzz lint runners live san attack vm
for suite in "$@"; do
	case $suite in
	lint) run lint lint ;;
	*) run "$suite" "test-$suite" ;;
	esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
