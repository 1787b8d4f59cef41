#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Run the tool on other kernels: Debian's cloud kernels, each in a VM of its own without hardware
# help (qemu, tcg), with the tool, its libraries and busybox as an initramfs and nothing else.
#
#   run.sh [SUITE|IMAGE...]   default: all of $suites below; IMAGE is the file of any other kernel
#
# The guest (init, jobs) runs the tool and sends back what it said; check.py judges. Kernels are
# kept in ${XDG_CACHE_HOME:-~/.cache}/wallgap. The last line is "SUITE vm: N passed, N failed, N skipped".
set -u
cd "$(dirname "$0")/../.." || exit 1

# suite: what is expected there. "refuse": too old, the tool must say so and leave with status 77.
suites='bullseye:refuse bookworm:run trixie:run trixie-backports:run'

cache=${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/wallgap/kernels
out=build/vm
passed=0 failed=0 skipped=0

result() { # passed|failed|skipped TEXT
	eval "$1=\$(($1 + 1))"
	case $1 in
	passed) echo "ok      vm: $2" ;;
	failed) echo "FAILED  vm: $2" ;;
	skipped) echo "skip    vm: $2" ;;
	esac
}

# Not being able to try counts as a failure where the live tests must run.
cannot() {
	if [ "${WALLGAP_REQUIRE_LIVE:-0}" = 1 ]; then result failed "$1"; else result skipped "$1"; fi
}

finish() {
	echo "SUITE vm: $passed passed, $failed failed, $skipped skipped"
	[ "$failed" = 0 ]
	exit
}

# A file and the shared libraries it needs, to the same places under the initramfs.
put() { # ROOT SOURCE TARGET
	mkdir -p "$1$(dirname "$3")"
	cp -L "$2" "$1$3"
	ldd "$2" 2>/dev/null | grep -oE '/[^ ]+' | while read -r lib; do
		[ -e "$1$lib" ] || { mkdir -p "$1$(dirname "$lib")" && cp -L "$lib" "$1$lib"; }
	done
}

make_initramfs() {
	root=$out/root
	rm -rf "$root"
	mkdir -p "$root/proc" "$root/sys" "$root/dev" "$root/tmp" "$root/out"
	put "$root" "$(command -v busybox)" /bin/busybox
	cp tests/vm/init "$root/init"
	cp tests/vm/jobs "$root/jobs"
	chmod +x "$root/init"
	for f in wallgap build/wallgap-native build/planted/*; do
		[ -f "$f" ] && [ -x "$f" ] && put "$root" "$f" "/wallgap/$f"
	done
	# What libc loads on its own when a thread is cancelled.
	lib=$(gcc -print-file-name=libgcc_s.so.1)
	[ -f "$lib" ] && mkdir -p "$root/lib" && cp -L "$lib" "$root/lib/"
	# Not compressed: unpacking is slow in a VM without hardware help.
	(cd "$root" && find . | cpio --quiet -o -H newc) >$out/initramfs
}

# tsc=reliable: the emulated CPUs share one clock, which the kernel cannot know. slub_debug: keeps the
# allocator from cmpxchg16b, after which qemu 7.2 leaves junk in the flags.
boot() { # KERNEL NAME: console to NAME.log, what the guest sent to NAME.tar
	rm -f "$2.tar" "$2.log"
	timeout -k 5 170 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1024 -smp 2 \
		-display none -monitor none -nic none -no-reboot \
		-serial file:"$2.log" -serial file:"$2.tar" \
		-kernel "$1" -initrd $out/initramfs \
		-append 'console=ttyS0 quiet panic=-1 mitigations=off tsc=reliable slub_debug=F slab_debug=F' \
		</dev/null 2>"$2.err"
	tar -xf "$2.tar" -C "$2" 2>/dev/null
}

# qemu 7.2 may run code that the kernel has patched already (a stale int3), or return to junk flags.
emulator_crash() { # NAME
	grep -aoE 'Oops: int3|PANIC: double fault' "$1.log" | head -n 1 | grep .
}

boot_until_it_runs() { # KERNEL NAME VERSION
	for try in 1 2 3; do
		boot "$1" "$2" && return
		why=$(emulator_crash "$2") || return
		echo "vm: $3: the emulated CPU went wrong ($why), try $try"
	done
	return 1
}

one_suite() { # SUITE EXPECT
	dir=$cache/$1
	why=$(sh tests/vm/fetch.sh "$1" "$dir")
	case $? in
	0) one_kernel "$dir/vmlinuz" "$1" "$2" "$(cat "$dir/version")" ;;
	77) cannot "kernel of $1: $why" ;;
	*)
		# Old suites leave the mirrors one day; the refusal is worth a test only until then.
		if [ "$2" = refuse ]; then result skipped "kernel of $1: $why"; else result failed "kernel of $1: $why"; fi
		;;
	esac
}

one_kernel() { # IMAGE NAME EXPECT VERSION
	name=$out/$2
	rm -rf "$name"
	mkdir -p "$name"
	start=$(date +%s)
	if ! boot_until_it_runs "$1" "$name" "$4"; then
		result failed "$4: nothing came back; the console is in $name.log"
		tail -qn 5 "$name.log" "$name.err" | sed 's/^/  | /'
		return
	fi
	echo "vm: $4: booted, ran and stopped in $(($(date +%s) - start)) s"
	python3 tests/vm/check.py "$3" "$4" "$name" >"$name.checks"
	[ -s "$name.checks" ] || result failed "$4: check.py said nothing"
	while read -r verdict text; do
		result "$verdict" "$4: $text"
	done <"$name.checks"
}

mkdir -p $out
for f in wallgap build/wallgap-native; do
	[ -x "$f" ] || { result failed "$f is not built" && finish; }
done
for c in qemu-system-x86_64 busybox cpio; do
	command -v $c >/dev/null || { cannot "no $c here: make deps WITH=test" && finish; }
done
[ "$(uname -m)" = x86_64 ] || { cannot "the VMs are x86-64 only" && finish; }
make_initramfs || { result failed "could not make the initramfs" && finish; }

for arg in "${@:-}"; do
	[ -f "$arg" ] && one_kernel "$arg" "$(basename "$arg")" run "$(basename "$arg" | sed 's/^vmlinuz-//')"
	for s in $suites; do
		[ "${arg:-${s%:*}}" = "${s%:*}" ] && one_suite "${s%:*}" "${s#*:}"
	done
done
finish
