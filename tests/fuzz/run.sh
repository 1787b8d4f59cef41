#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Run fuzz targets, two at a time: run.sh SECONDS PROGRAM...
#            or say why none is run: run.sh --skip WHY PROGRAM...
#
# Beside a program's folder, corpus/NAME holds its inputs, which grow from run to run, and
# crash/NAME-* what it fell over. `PROGRAM FILE` repeats one. The last line is the suite's.
set -u

# libFuzzer's memory limit is for its process; no parser may want so much for so little input.
limits='-timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=1024'
passed=0 failed=0 skipped=0

finish() {
	echo "SUITE fuzz: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" -eq 0 ]
	exit
}

if [ "$1" = --skip ]; then
	echo "not fuzzed: $2"
	shift 2
	skipped=$#
	finish
fi

seconds=$1
shift
[ $# -gt 0 ] || finish
top=$(dirname "$1")
mkdir -p "$top/corpus" "$top/crash" "$top/log"

# Leaves the program's status in log/NAME.status, which a background job cannot return.
fuzz() { # PROGRAM
	name=$(basename "$1")
	mkdir -p "$top/corpus/$name"
	{
		FUZZ_SEEDS=$top/corpus/$name "$1" &&
			"$1" $limits -max_total_time="$seconds" -print_final_stats=1 \
				-artifact_prefix="$top/crash/$name-" "$top/corpus/$name"
		echo $? >"$top/log/$name.status"
	} >"$top/log/$name" 2>&1
}

judge() { # PROGRAM
	name=$(basename "$1")
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$top/log/$name")
	if [ "$(cat "$top/log/$name.status")" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		passed=$((passed + 1))
		echo "$name: $runs inputs in $seconds s held"
	else
		failed=$((failed + 1))
		grep -v '^#[0-9]*\s*\(NEW\|REDUCE\|pulse\|RELOAD\)' "$top/log/$name" | tail -n 60
		echo "$name: FAILED; all it said is in $top/log/$name"
	fi
}

while [ $# -gt 0 ]; do
	fuzz "$1" &
	[ $# -eq 1 ] || fuzz "$2" &
	wait
	judge "$1"
	[ $# -eq 1 ] || judge "$2"
	shift
	[ $# -eq 0 ] || shift
done
finish
