#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# bare.sh [run|check|all] - does a fresh machine do what the README promises?
#
# Makes a bare Debian of this machine's release in a temporary folder with
# debootstrap, from this machine's own apt sources, unpacks the last commit
# there, installs make and nothing else, and calls `make run` and `make check`
# in it. Says the status and time of each; its own status is 0 if both had it.
# Needs root and about 3 GB in /var/tmp, and leaves nothing behind: mounts and
# processes live in namespaces of their own.
set -eu

targets=${1:-all}
case $targets in
run | check) ;;
all) targets='run check' ;;
*) echo "bare.sh: expected run, check or all, got \"$targets\"" >&2 && exit 2 ;;
esac

cd "$(dirname "$0")/.."

# Outside: makes the folder, and takes it away however the inside ends. With the
# inside's first process all others and all mounts are gone.
if [ -z "${WATTSTEP_BARE:-}" ]; then
	[ "$(id -u)" = 0 ] || { echo "bare.sh: mounting and debootstrap need root" >&2 && exit 1; }
	command -v debootstrap >/dev/null || { echo "bare.sh: install debootstrap first" >&2 && exit 1; }
	WATTSTEP_BARE=$(mktemp -d /var/tmp/wattstep-bare.XXXXXX)
	export WATTSTEP_BARE
	inside=
	trap 'kill -KILL $inside 2>/dev/null || true; wait || true; rm -rf --one-file-system "$WATTSTEP_BARE"' EXIT
	trap 'exit 130' HUP INT TERM
	unshare --mount --pid --fork --kill-child --propagation private tests/bare.sh "$@" &
	inside=$!
	status=0
	wait "$inside" || status=$?
	inside=
	exit $status
fi

# shellcheck disable=SC1091  # the release's own file
. /etc/os-release
root=$WATTSTEP_BARE/root
log=$WATTSTEP_BARE/log

# logged COMMAND...: quiet unless it fails.
logged()
{
	"$@" >"$log" 2>&1 || { tail -n 40 "$log" >&2 && exit 1; }
}

# The first Debian archive that apt itself uses for this release.
mirror=$(apt-get indextargets --format "\$(CODENAME) \$(SUITE) \$(REPO_URI)" "Identifier: Packages" |
	awk -v code="$VERSION_CODENAME" '$1 == code { print $3; exit }')
[ -n "$mirror" ] || { echo "bare.sh: apt has no source for $VERSION_CODENAME; see /etc/apt" >&2 && exit 1; }

echo "bare.sh: $PRETTY_NAME from $mirror in $root"
began=$(date +%s)
logged debootstrap --variant=minbase "$VERSION_CODENAME" "$root" "$mirror"

# apt inside as outside: sources, keys, options, name servers. What is only this
# machine's (hooks of other packages) stays out.
rm -f "$root/etc/apt/sources.list"
for part in sources.list sources.list.d trusted.gpg trusted.gpg.d keyrings auth.conf auth.conf.d apt.conf; do
	[ ! -e "/etc/apt/$part" ] || cp -a "/etc/apt/$part" "$root/etc/apt/"
done
for file in /etc/apt/apt.conf.d/*; do
	[ ! -f "$file" ] || grep -q Invoke "$file" || cp -a "$file" "$root/etc/apt/apt.conf.d/"
done
for file in /etc/resolv.conf /etc/hosts; do
	cp -L "$file" "$root$file"
done
for folder in /usr/share/keyrings /usr/local/share/ca-certificates /etc/ssl/certs /usr/share/ca-certificates; do
	[ ! -d "$folder" ] || { mkdir -p "$root$folder" && cp -an "$folder/." "$root$folder/"; }
done

# A namespace of process numbers wants a /proc of its own.
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount --make-rslave "$root/sys"
mount --make-rslave "$root/dev"

mkdir "$root/src"
git archive HEAD | tar -x -C "$root/src"

# inside COMMAND: in the bare system, with no more of this environment than its proxies.
inside()
{
	env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C.UTF-8 \
		${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
		${no_proxy:+no_proxy="$no_proxy"} chroot "$root" sh -c "$1" </dev/null
}

logged inside 'apt-get update -q && apt-get install -q -y --no-install-recommends make'

worst=0
summary="bare.sh: the bare system: $(($(date +%s) - began)) s"
for target in $targets; do
	began=$(date +%s)
	status=0
	inside "cd /src && make $target" || status=$?
	summary="$summary
bare.sh: make $target: status $status, $(($(date +%s) - began)) s"
	[ "$status" = 0 ] || worst=1
done
echo "$summary"
exit $worst
