#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# lint.sh - looks at the sources without running them: a line for each check,
# what it found below it, and at the end: N passed, N failed.
set -u
cd "$(dirname "$0")/.." || exit 1

temp=$(mktemp -d) || exit 1
trap 'rm -rf "$temp"' EXIT
trap 'exit 1' HUP INT TERM
jobs=$(nproc)
passed=0
failed=0

rooms='harness workloads profiles results tests'
# shellcheck disable=SC2086  # $rooms is a list of words
files() { find $rooms -name "$1" -type f | sort; }

# each FILES COMMAND...: COMMAND once for every file that the list FILES names, several at a time.
each()
{
	list=$1
	shift
	xargs -r -d '\n' -n 1 -P "$jobs" "$@" <"$list"
}

# check NAME COMMAND...: it passes with status 0 and shows what it said only otherwise.
check()
{
	name=$1
	shift
	if "$@" >"$temp/said" 2>&1; then
		passed=$((passed + 1))
		echo "ok      $name"
	else
		failed=$((failed + 1))
		echo "FAILED  $name"
		sed 's/^/        /' "$temp/said"
	fi
}

gcc_accepts() { each "$temp/c" gcc @"$temp/flags" -Werror -c -o /dev/null; }
clang_accepts() { each "$temp/c" clang @"$temp/flags" -Werror -c -o /dev/null; }
headers_stand_alone() { each "$temp/h" gcc @"$temp/flags" -Werror -fsyntax-only -x c; }
clang_tidy_agrees() { each "$temp/c" clang-tidy --quiet -p "$temp"; }
layout_is_clang_formats() { cat "$temp/c" "$temp/h" "$temp/module" | xargs -r -d '\n' clang-format --dry-run -Werror; }

# Unknown macros are cmocka's; tables of options store through (char *)object + offset.
cppcheck_agrees()
{
	cppcheck -q -j "$jobs" --file-list="$temp/c" --std=c11 --enable=warning,performance,portability \
		--inline-suppr --error-exitcode=1 -I. -D_GNU_SOURCE '-DWATTSTEP_VERSION=""' \
		--suppress=missingIncludeSystem --suppress=unknownMacro --suppress=invalidPointerCast
}

# groff says what is wrong with a page on standard error and still ends with 0.
manual_pages_have_no_warnings()
{
	for page in docs/man/*.md; do
		[ -e "$page" ] || continue
		pandoc -s -f markdown -t man -o "$temp/page" "$page" || return 1
		LC_ALL=C.UTF-8 groff -man -k -ww -z "$temp/page" 2>"$temp/warnings"
		if [ -s "$temp/warnings" ]; then
			sed "s|^|$page: |" "$temp/warnings"
			return 1
		fi
	done
}

# In the first line, or the second where the first names the interpreter.
every_file_names_its_licence()
{
	bare=0
	while read -r file; do
		head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' && continue
		echo "$file: expected SPDX-License-Identifier: GPL-3.0-or-later in its first two lines"
		bare=1
	done <"$temp/sources"
	return $bare
}

nothing_is_left_for_later()
{
	# The brackets keep this line from finding itself.
	! xargs -r -d '\n' grep -nwE 'T[O]DO|F[I]XME|X[X]X' <"$temp/sources"
}

python_compiles()
{
	each "$temp/py" /usr/bin/python3 -W error -c 'import sys
with open(sys.argv[1], encoding="utf-8") as f:
    compile(f.read(), sys.argv[1], "exec")'
}

json_parses() { each "$temp/json" /usr/bin/python3 -m json.tool >/dev/null; }

shell_parses()
{
	wrong=0
	while read -r file; do
		case $(head -n 1 "$file") in
		*bash) bash -n "$file" || wrong=1 ;;
		*) sh -n "$file" || wrong=1 ;;
		esac
	done <"$temp/sh"
	return $wrong
}

# The kernel's own rules compile the module of tests/vm, without warnings.
files '*.c' | grep -v '^tests/vm/module/' >"$temp/c"
files '*.h' | grep -v '^tests/vm/module/' >"$temp/h"
files '*.[ch]' | grep '^tests/vm/module/' >"$temp/module"
files '*.py' >"$temp/py"
find workloads profiles -name '*.json' -type f >"$temp/json"
{ files '*.sh'; ls deps.sh .ci/run tests/vm/init 2>/dev/null; } >"$temp/sh"
{ cat "$temp/c" "$temp/h" "$temp/module" "$temp/py" "$temp/sh"; echo Makefile; } >"$temp/sources"

# The compilers get the Makefile's own flags, one in a line, as a response file and for clang-tidy.
# shellcheck disable=SC2016  # make expands these
flags=$(printf '$(info $(ALL_CPPFLAGS) $(ALL_CFLAGS))\nlint-flags:;@:\n' |
	make -s --no-print-directory -f Makefile -f /dev/stdin lint-flags)
eval "printf '%s\n' $flags" | sed "s|^-I\.\$|-I$PWD|" >"$temp/compile_flags.txt"
pkg-config --cflags fuse3 2>/dev/null | xargs -n 1 >>"$temp/compile_flags.txt"
sed 's/["\\]/\\&/g' "$temp/compile_flags.txt" >"$temp/flags"

check "gcc, warnings as errors" gcc_accepts
check "clang, warnings as errors" clang_accepts
check "each header stands alone" headers_stand_alone
check "clang-tidy" clang_tidy_agrees
check "cppcheck" cppcheck_agrees
check "clang-format" layout_is_clang_formats
check "manual pages" manual_pages_have_no_warnings
check "licences" every_file_names_its_licence
check "nothing is left for later" nothing_is_left_for_later
check "python" python_compiles
check "JSON" json_parses
check "shell" shell_parses

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
