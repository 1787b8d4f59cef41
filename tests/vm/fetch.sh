#!/bin/sh
# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#
# Get the cloud kernel of a Debian suite, without installing anything.
#
#   fetch.sh SUITE DIR      leaves DIR/vmlinuz and DIR/version; at once when they are there
#
# apt works on sources, lists and a cache of its own inside DIR, from the mirror that this machine
# uses for Debian (or $WALLGAP_DEBIAN_MIRROR). Exit status: 0 there, 77 no network or no mirror,
# 1 anything else; for the last two the reason is one line on stdout.
set -eu

suite=$1 dir=$2

[ -s "$dir/vmlinuz" ] && [ -s "$dir/version" ] && exit 0

give_up() { # STATUS REASON
	echo "$2"
	rm -rf "$work"
	exit "$1"
}

mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$dir/work.$$
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
trap 'rm -rf "$work"' EXIT

command -v dpkg-deb >/dev/null || give_up 77 "no dpkg-deb here"
command -v apt-get >/dev/null || give_up 77 "no apt-get here"
# shellcheck disable=SC2016 # $(SITE) is for apt to fill in
mirror=${WALLGAP_DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' \
	'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u | head -n 1)}
[ -n "$mirror" ] ||
	give_up 77 "apt knows no mirror of Debian here: run apt-get update, or set WALLGAP_DEBIAN_MIRROR"
key=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$key" ] || give_up 77 "no $key (package debian-archive-keyring)"

echo "deb [arch=amd64 signed-by=$key] $mirror $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State "$work";
Dir::State::lists "$work/lists";
Dir::State::status "/dev/null";
Dir::Cache "$work/cache";
APT::Architecture "amd64";
APT::Architectures { "amd64"; };
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Acquire::Languages "none";
Acquire::Retries "2";
END
export APT_CONFIG="$work/apt.conf"

# Run a step of apt; on failure tell no network from everything else by what apt says.
apt() {
	"$@" >"$work/log" 2>&1 </dev/null && return
	why=$(grep -hE -m 1 '^E:' "$work/log" || grep -E -m 1 '^(Err|W):' "$work/log" || :)
	if grep -qE 'resolve|connect|unreachable|timed out|Temporary failure' "$work/log"; then
		give_up 77 "no network: ${why:-$1 failed}"
	fi
	give_up 1 "${why:-$1 failed}"
}

depends_on() { # PACKAGE PATTERN: the first of its dependencies that matches
	apt-cache depends --important --no-recommends "$1" 2>/dev/null |
		sed -n 's/^ *|*Depends: //p' | grep -m 1 -E "$2"
}

apt apt-get update
image=$(depends_on linux-image-cloud-amd64 '^linux-image-[0-9]') ||
	give_up 1 "no cloud kernel in $suite"
# From 6.19 on the image package only pulls in the kernel, which is in one of its own.
binary=$(depends_on "$image" '^linux-binary-[0-9]') || binary=$image

cd "$work"
apt apt-get download "$binary"
dpkg-deb --fsys-tarfile ./*.deb |
	tar -x --wildcards './boot/vmlinuz-*' './usr/lib/modules/*/vmlinuz' 2>/dev/null || :
kernel=$(find boot usr -name 'vmlinuz*' -type f 2>/dev/null | head -n 1)
[ -n "$kernel" ] || give_up 1 "no kernel image inside the package $binary"
mv "$kernel" "$dir/vmlinuz"
echo "$image" | sed 's/^linux-image-//' >"$dir/version"
