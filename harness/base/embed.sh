#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# embed.sh FILE... - writes the C table of embedded.h from data files.
set -eu
echo '#include "harness/base/embedded.h"'
i=0
for f in "$@"; do
	printf 'static const char file_%d[] = {' "$i"
	od -An -v -tu1 "$f" | sed 's/  */,/g; s/^,//; s/$/,/'
	echo '0};'
	i=$((i + 1))
done
echo 'const struct embedded_file embedded_files[] = {'
i=0
for f in "$@"; do
	printf '\t{"%s", file_%d, sizeof file_%d - 1},\n' "$f" "$i" "$i"
	i=$((i + 1))
done
echo '	{0, 0, 0},'
echo '};'
