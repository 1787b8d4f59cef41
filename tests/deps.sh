#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Install what is missing, and only that. Silent when nothing is.
#
#   deps.sh [GROUP...]      build, test (which vm is another name for), bench; none: build and test
#
# On Debian and Ubuntu by apt-get, as root or through sudo. Elsewhere it prints the list of what is
# missing and fails.
# shellcheck disable=SC2086 # lists of package names are split into words on purpose
set -eu

# GROUP, how to look for it, what to look for, the Debian package that has it.
#   command  in PATH or an sbin folder      module   by pkg-config
#   header   by the C compiler              clang, bpftool, fuzzer   see have()
table() {
	cat <<-END
	build  command  make                make
	build  command  gcc                 gcc
	build  header   stdio.h             libc6-dev
	build  clang    14                  clang
	build  bpftool  bpftool             bpftool
	build  command  pkg-config          pkg-config
	build  module   libbpf              libbpf-dev
	build  module   libelf              libelf-dev
	build  module   libdw               libdw-dev
	build  module   capstone            libcapstone-dev
	build  module   liblzma             liblzma-dev
	build  header   libiberty/demangle.h  libiberty-dev
	build  module   zlib                zlib1g-dev
	build  module   sqlite3             libsqlite3-dev
	build  module   smartcols           libsmartcols-dev
	build  module   jansson             libjansson-dev
	build  module   libcrypto           libssl-dev
	test   module   cmocka              libcmocka-dev
	test   fuzzer   clang               libclang-rt-dev
	test   command  python3             python3
	test   command  sqlite3             sqlite3
	test   command  clang-format        clang-format
	test   command  gdb                 gdb
	test   command  qemu-system-x86_64  qemu-system-x86
	test   command  busybox             busybox-static
	test   command  cpio                cpio
	test   command  zstd                zstd
	test   command  xz                  xz-utils
	bench  command  offcputime-bpfcc    bpfcc-tools
	bench  command  offcputime          libbpf-tools
	bench  command  bpftrace            bpftrace
	bench  perf     perf                linux-perf
	END
}

die() {
	echo "deps: $*" >&2
	exit 1
}

# A plain user's PATH has no sbin folders, and Debian's bpftool lives in one.
PATH=$PATH:/usr/sbin:/sbin

have_clang() { # MAJOR: any clang of that version or newer
	for clang in clang clang-14 clang-15 clang-16 clang-17 clang-18 clang-19 clang-2[0-9]; do
		v=$("$clang" -dumpversion 2>/dev/null) || continue
		[ "${v%%.*}" -ge "$1" ] && return
	done
	return 1
}

newest_clang() { # the one that the Makefile takes
	for v in 25 24 23 22 21 20 19 18 17 16 15 14; do
		command -v "clang-$v" && return
	done
	command -v clang
}

have_fuzzer() { # clang's libFuzzer and sanitizers, which are in a package of their own
	clang=$(newest_clang) || return 1
	echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' |
		"$clang" -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null
}

# Ubuntu's bpftool and perf in PATH are scripts that look for the tools of the kernel that runs.
# Any version does for bpftool, so the Makefile looks there too.
have_bpftool() {
	bpftool version >/dev/null 2>&1 && return
	for f in /usr/lib/linux-tools/*/bpftool; do
		[ -x "$f" ] && return
	done
	return 1
}

have() { # KIND WHAT
	case $1 in
	command) command -v "$2" >/dev/null ;;
	module) pkg-config --exists "$2" 2>/dev/null ;;
	header) echo "#include <$2>" | ${CC:-gcc} -E - >/dev/null 2>&1 ;;
	clang) have_clang "$2" ;;
	bpftool) have_bpftool ;;
	fuzzer) have_fuzzer ;;
	perf) perf version >/dev/null 2>&1 ;;
	*) die "unknown kind of dependency: $1" ;;
	esac
}

# The packages that are missing from the groups asked for, one a line.
missing() {
	table | while read -r group kind what package; do
		case " $groups " in
		*" $group "*) have "$kind" "$what" || echo "$package" ;;
		esac
	done
}

known() { # PACKAGE
	apt-cache show --no-all-versions "$1" 2>/dev/null | grep -q '^Filename:'
}

# The run-time libraries are those of one clang; without a clang yet, of the one to be installed.
fuzzer_package() {
	clang=$(newest_clang) && v=$("$clang" -dumpversion) || v=
	for package in "libclang-rt-${v%%.*}-dev" libclang-rt-dev; do
		known "$package" && echo "$package" && return
	done
	:
}

# On Ubuntu some packages have other names, depending on the release.
local_names() {
	while read -r package; do
		case $package in
		bpftool | linux-perf)
			if known "$package"; then
				echo "$package"
			else
				printf '%s\n' linux-tools-common linux-tools-generic
			fi
			;;
		libclang-rt-dev) fuzzer_package ;;
		*) echo "$package" ;;
		esac
	done | sort -u
}

apt() { # apt-get, quiet unless it fails
	log=$(mktemp)
	if ! $sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null >"$log" 2>&1; then
		cat "$log" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
}

check_libbpf() {
	pkg-config --exists libbpf 2>/dev/null || return 0
	pkg-config --atleast-version=1.0 libbpf ||
		die "libbpf is $(pkg-config --modversion libbpf), 1.0 or newer is needed: take a newer release of the distribution (Debian 12, Ubuntu 24.04), or install libbpf from source"
}

groups=
for group in "$@"; do
	case $group in
	build | test | bench) groups="$groups $group" ;;
	vm) groups="$groups test" ;;
	*)
		echo "usage: deps.sh [build] [test] [vm] [bench]" >&2
		exit 2
		;;
	esac
done
: "${groups:=build test}"

packages=$(missing)
if [ -z "$packages" ]; then
	check_libbpf
	exit 0
fi

if ! command -v apt-get >/dev/null; then
	echo "deps: missing here, by the names of Debian's packages:"
	echo "$packages" | sed 's/^/  /'
	die "no apt-get on this system: install these with its own package manager, then try again"
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null || die "run this as root (no sudo here) to install:" $packages
fi

apt update || die "apt-get update failed; still missing:" $packages
packages=$(echo "$packages" | local_names)
[ -z "$packages" ] || echo "deps: installing" $packages
[ -z "$packages" ] || apt install -y --no-install-recommends --no-upgrade $packages || die "could not install:" $packages

# the fuzz tests say themselves that they are left out
left=$(missing | grep -v '^libclang-rt-dev$') || :
[ -z "$left" ] || die "installed, and still not found:" $left
check_libbpf
