#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# kernel.sh FOLDER - puts into FOLDER what the virtual machine boots:
#
#   vmlinuz           Debian's kernel, of the version that its archive has today
#   version           that version
#   modules/*.ko      the drivers that the guest loads, and our own node_power.ko
#
# The packages are downloaded and unpacked there, never installed. What is
# there already is kept, so only the first call needs the network.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
cd "$1"

# The guest's drivers; order is init's business.
drivers="virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci netfs fscache 9pnet
	9pnet_virtio 9p overlay ipmi_msghandler ipmi_si ipmi_devintf"

die()
{
	echo "kernel.sh: $*" >&2
	exit 1
}

# The newest kernel's version, "6.1.0-56-amd64": Debian's archive keeps few, so a version written down here would be
# gone soon.
newest()
{
	apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: linux-image-//p' | head -n 1
}

packages()
{
	headers=linux-headers-$1
	echo "linux-image-$1 $headers"
	apt-cache depends "$headers" | sed -n 's/^ *Depends: \(linux-[a-z0-9.-]*\)$/\1/p'
}

download()
{
	# shellcheck disable=SC2046  # a list of words
	(mkdir -p packages && cd packages && rm -f ./*.deb && apt-get -q download $(packages "$(newest)"))
}

unpack()
{
	rm -rf root && mkdir root
	for package in packages/*.deb; do
		dpkg -x "$package" root
	done
	# They name their common part by the path of an installed package.
	sed -i "s|/usr/src|$PWD/root/usr/src|" root/usr/src/linux-headers-*-amd64/Makefile
}

get_kernel()
{
	command -v apt-get >/dev/null || die "expected apt-get, which Debian's kernel is downloaded with"
	[ -n "$(newest)" ] || apt-get -q update
	[ -n "$(newest)" ] || die "apt-cache knows no package linux-image-amd64: expected Debian's archive on x86-64"
	download || { apt-get -q update && download; } || die "Debian's kernel could not be downloaded"
	unpack
	rm -rf packages modules && mkdir modules
	for driver in $drivers; do
		find root/lib/modules -name "$driver.ko" -exec cp {} modules/ \;
		[ -e "modules/$driver.ko" ] || die "$(ls root/boot) comes without the module $driver"
	done
	cp root/boot/vmlinuz-* vmlinuz
	ls root/lib/modules >version.new && mv version.new version # last: all before it is complete
	rm -rf root/lib/modules root/boot
}

# The kernel's own rules leave their products beside the source, so that is a copy.
build_module()
{
	[ -e modules/node_power.ko ] && [ -z "$(find "$here/module" -newer modules/node_power.ko)" ] && return
	rm -rf module && cp -r "$here/module" module
	make -s -C root/usr/src/linux-headers-*-amd64 M="$PWD/module" modules >module.log 2>&1 ||
		{ cat module.log >&2 && die "the kernel module could not be built"; }
	cp module/node_power.ko modules/
}

[ -e version ] || get_kernel
build_module
