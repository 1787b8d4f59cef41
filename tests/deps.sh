#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Install what is missing, and only that. Silent when nothing is.
#
#   deps.sh [GROUP...]      build, runtimes, test (which vm is another name for), bench;
#                           none: build and runtimes, which is what running takes
#
# On Debian and Ubuntu by apt-get, as root or through sudo. Elsewhere it prints the list of what is
# missing and fails. Bun comes from npm into build/bun, in the version of workloads/bun. A runtime
# that cannot be had is left out, with one line that says so.
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
	build  module   libcap-ng           libcap-ng-dev
	build  module   libseccomp          libseccomp-dev
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
	test   command  strace              strace
	test   command  qemu-system-x86_64  qemu-system-x86
	test   command  busybox             busybox-static
	test   command  cpio                cpio
	test   command  zstd                zstd
	test   command  xz                  xz-utils
	bench  command  offcputime-bpfcc    bpfcc-tools
	bench  command  offcputime          libbpf-tools
	bench  command  bpftrace            bpftrace
	bench  perf     perf                linux-perf
	runtimes command node               nodejs
	runtimes command npm                npm
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

# The packages of some groups that are missing, one a line.
missing() { # GROUPS
	table | while read -r group kind what package; do
		case " $1 " in
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

# --- what cannot be done without ---

install_needed() {
	packages=$(missing "$needed")
	if [ -z "$packages" ]; then
		check_libbpf
		return
	fi
	if ! command -v apt-get >/dev/null; then
		echo "deps: missing here, by the names of Debian's packages:"
		echo "$packages" | sed 's/^/  /'
		die "no apt-get on this system: install these with its own package manager, then try again"
	fi
	[ -z "$sudo" ] || command -v sudo >/dev/null ||
		die "run this as root (no sudo here) to install:" $packages
	apt update || die "apt-get update failed; still missing:" $packages
	packages=$(echo "$packages" | local_names)
	[ -z "$packages" ] || echo "deps: installing" $packages
	[ -z "$packages" ] || apt install -y --no-install-recommends --no-upgrade $packages ||
		die "could not install:" $packages

	# the fuzz tests say themselves that they are left out
	left=$(missing "$needed" | grep -v '^libclang-rt-dev$') || :
	[ -z "$left" ] || die "installed, and still not found:" $left
	check_libbpf
}

# --- runtimes: each may be missing ---

note() {
	echo "deps: $*"
}

install_node() {
	packages=$(missing runtimes)
	[ -n "$packages" ] || return 0
	if ! command -v apt-get >/dev/null; then
		note "no" $packages "here, and no apt-get: left out"
	elif [ -n "$sudo" ] && ! command -v sudo >/dev/null; then
		note "no" $packages "here, and neither root nor sudo to install: left out"
	else
		apt update 2>/dev/null || :
		for package in $packages; do
			note "installing $package"
			apt install -y --no-install-recommends --no-upgrade "$package" 2>/dev/null ||
				note "could not install $package: left out"
		done
	fi
}

# build/bun/bun, if it is of the version that workloads/bun/package-lock.json names.
install_bun() {
	from=$(dirname "$0")/../workloads/bun to=$(dirname "$0")/../build/bun
	[ -x "$to/bun" ] && cmp -s "$from/package-lock.json" "$to/package-lock.json" && return
	if ! command -v npm >/dev/null; then
		note "no npm to fetch Bun with: Bun is left out"
		return
	fi
	rm -rf "$to"
	mkdir -p "$to"
	cp "$from/package.json" "$from/package-lock.json" "$to"
	note "fetching Bun with npm"
	if (cd "$to" && npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 \
		--fetch-retry-mintimeout=1000) >"$to/log" 2>&1 </dev/null; then
		# npm brings the builds for this system and C library, of which one may want a newer CPU
		for bun in "$to"/node_modules/@oven/*/bin/bun; do
			"$bun" --version >/dev/null 2>&1 || continue
			ln -s "node_modules/${bun#*/node_modules/}" "$to/bun"
			return
		done
		note "Bun has no build that runs here: Bun is left out"
	else
		note "npm could not fetch Bun ($(grep -i -m 1 'error' "$to/log" | cut -c 1-120)): Bun is left out"
	fi
	rm -f "$to/package-lock.json"
}

needed=
runtimes=
for group in "$@"; do
	case $group in
	build | test | bench) needed="$needed $group" ;;
	vm) needed="$needed test" ;;
	runtimes) runtimes=1 ;;
	*)
		echo "usage: deps.sh [build] [test] [vm] [bench] [runtimes]" >&2
		exit 2
		;;
	esac
done
[ $# -gt 0 ] || needed=build runtimes=1

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
[ -z "$needed" ] || install_needed
if [ -n "$runtimes" ]; then
	install_node
	install_bun
fi
