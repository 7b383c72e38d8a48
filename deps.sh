#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# deps.sh GROUP... - sees that what wattstep needs is installed.
#
# Groups: build (to compile), run (to measure), check (to test), vm (to test in a
# virtual machine, Debian on x86-64 only). When all is there it says nothing and asks no package manager. What is missing is
# installed on Debian and Ubuntu, by root or through sudo; elsewhere it is named,
# with the command, and the status is 1.
# Why each is needed: docs/dependencies.md.
set -u

missing=

# needs TEST NAME PACKAGE: a program, a pkg-config module, a module of
# /usr/bin/python3 or a header, and the Debian package that brings it.
needs()
{
	case $1 in
	program) command -v "$2" >/dev/null 2>&1 ;;
	module) pkg-config --exists "$2" 2>/dev/null ;;
	python) /usr/bin/python3 -c "import importlib.util as u, sys; sys.exit(not u.find_spec('$2'))" 2>/dev/null ;;
	header) [ -e "/usr/include/$2" ] ;;
	esac && return
	case " $missing " in
	*" $3 "*) ;;
	*) missing="$missing $3" ;;
	esac
}

build()
{
	needs program cc gcc
	needs program make make
	needs header stdio.h libc6-dev
	needs program pkg-config pkg-config
	needs module jansson libjansson-dev
	needs module hwloc libhwloc-dev
	needs module gsl libgsl-dev
	needs module libgcrypt libgcrypt20-dev
	needs module libfreeipmi libfreeipmi-dev
}

run()
{
	needs program stress-ng stress-ng
}

check()
{
	needs module cmocka libcmocka-dev
	needs module fuse3 libfuse3-dev
	needs program fusermount3 fuse3
	needs program ipmi_sim openipmi
	needs header OpenIPMI/mcserv.h libopenipmi-dev
	# In sbin, which is not on everybody's path.
	needs program /usr/sbin/ipmi-dcmi freeipmi-tools
	needs program /usr/bin/python3 python3
	needs python jsonschema python3-jsonschema
	needs program bzip2 bzip2
	# Few others have it; the test that uses it is left out without.
	command -v apt-get >/dev/null 2>&1 && needs program powerstat powerstat
	needs program clang clang
	needs program clang-tidy clang-tidy
	needs program clang-format clang-format
	needs program cppcheck cppcheck
	needs program lcov lcov
	needs program pandoc pandoc
	needs program groff groff-base
}

vm()
{
	needs program qemu-system-x86_64 qemu-system-x86
	needs program busybox busybox-static
	needs program cpio cpio
	needs program dpkg dpkg
	needs program gcc-12 gcc-12
	needs program ipmi-dcmi freeipmi-tools
	needs program perf linux-perf
}

# The same packages where other distributions name them differently: "debian=other" each.
names_for()
{
	case $1 in
	fedora) echo "libc6-dev=glibc-devel pkg-config=pkgconf-pkg-config libjansson-dev=jansson-devel
		libhwloc-dev=hwloc-devel libgsl-dev=gsl-devel libgcrypt20-dev=libgcrypt-devel
		libcmocka-dev=libcmocka-devel libfuse3-dev=fuse3-devel clang-tidy=clang-tools-extra
		clang-format=clang-tools-extra openipmi=OpenIPMI-lanserv libopenipmi-dev=OpenIPMI-devel
		freeipmi-tools=freeipmi libfreeipmi-dev=freeipmi-devel" ;;
	suse) echo "libc6-dev=glibc-devel libjansson-dev=libjansson-devel libhwloc-dev=hwloc-devel
		libgsl-dev=gsl-devel libgcrypt20-dev=libgcrypt-devel libcmocka-dev=libcmocka-devel
		libfuse3-dev=fuse3-devel clang-tidy=clang-tools clang-format=clang-tools groff-base=groff
		openipmi=OpenIPMI libopenipmi-dev=OpenIPMI-devel freeipmi-tools=freeipmi
		libfreeipmi-dev=freeipmi-devel" ;;
	arch) echo "libc6-dev=glibc pkg-config=pkgconf libjansson-dev=jansson libhwloc-dev=hwloc libgsl-dev=gsl
		libgcrypt20-dev=libgcrypt libcmocka-dev=cmocka libfuse3-dev=fuse3 python3=python
		python3-jsonschema=python-jsonschema clang-tidy=clang clang-format=clang pandoc=pandoc-cli
		groff-base=groff libopenipmi-dev=openipmi freeipmi-tools=freeipmi
		libfreeipmi-dev=freeipmi" ;;
	alpine) echo "libc6-dev=musl-dev pkg-config=pkgconf libjansson-dev=jansson-dev libhwloc-dev=hwloc-dev
		libgsl-dev=gsl-dev libgcrypt20-dev=libgcrypt-dev libcmocka-dev=cmocka-dev libfuse3-dev=fuse3-dev
		python3-jsonschema=py3-jsonschema clang-tidy=clang-extra-tools clang-format=clang-extra-tools
		groff-base=groff openipmi=openipmi-lanserv libopenipmi-dev=openipmi-dev
		freeipmi-tools=freeipmi libfreeipmi-dev=freeipmi-dev" ;;
	esac
}

# translated DISTRIBUTION: the missing packages by that distribution's names.
translated()
{
	for package in $missing; do
		for pair in $(names_for "$1"); do
			[ "${pair%%=*}" = "$package" ] && package=${pair#*=} && break
		done
		echo "$package"
	done | sort -u | paste -sd ' ' -
}

ask()
{
	printf 'wattstep needs packages that are not installed; as root: %s\n' "$*" >&2
	exit 1
}

install_debian()
{
	as_root=
	if [ "$(id -u)" != 0 ]; then
		as_root=sudo
		# A password can be asked for only where somebody sits in front of a terminal.
		sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v 2>/dev/null; } ||
			ask "apt-get install --no-install-recommends$missing"
	fi
	echo "Installing$missing"
	# The package lists may be years old or not there at all.
	$as_root apt-get update -q
	# shellcheck disable=SC2086  # $missing is a list of words
	$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing </dev/null ||
		ask "apt-get install --no-install-recommends$missing"
}

for group in "$@"; do
	case $group in
	build | run | check | vm) "$group" ;;
	*) echo "deps.sh: expected the groups build, run, check or vm, got \"$group\"" >&2 && exit 2 ;;
	esac
done
[ -n "$missing" ] || exit 0

if command -v apt-get >/dev/null 2>&1; then
	install_debian
elif command -v dnf >/dev/null 2>&1; then
	ask "dnf install $(translated fedora)"
elif command -v zypper >/dev/null 2>&1; then
	ask "zypper install $(translated suse)"
elif command -v pacman >/dev/null 2>&1; then
	ask "pacman -S --needed $(translated arch)"
elif command -v apk >/dev/null 2>&1; then
	ask "apk add $(translated alpine)"
else
	ask "install what Debian calls$missing"
fi
