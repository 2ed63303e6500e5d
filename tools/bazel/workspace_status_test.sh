#!/usr/bin/env bash
# What programs are told of their commit: in a clean checkout, a changed one, a tree without history, one inside another's.
set -euo pipefail
status=$PWD/$1
tree=$TEST_TMPDIR/tree
mkdir -p "$tree" && cd "$tree"
unset FEEDFARM_COMMIT
export GIT_CEILING_DIRECTORIES=$TEST_TMPDIR GIT_CONFIG_GLOBAL=/dev/null
failed=0
expect() {
  local what=$1 wanted="STABLE_FEEDFARM_COMMIT $2 STABLE_FEEDFARM_DIRTY $3" said
  said=$("$status" | tr '\n' ' ')
  [[ $said == "$wanted " ]] || { echo "$what: said '$said', wanted '$wanted'"; failed=1; }
}

expect "no history" unknown false
FEEDFARM_COMMIT=0123abcd expect "an unpacked archive" 0123abcd false
git init -q .
expect "no commit yet" unknown false
echo a >a
git add a
git -c user.name=t -c user.email=t@t commit -q -m first
head=$(git rev-parse HEAD)
expect "clean" "$head" false
FEEDFARM_COMMIT=0123abcd expect "the history counts more" "$head" false
echo b >>a
expect "changed" "$head" true
git checkout -q a
echo c >c
expect "a file that is not in the commit" "$head" true
mkdir inner && cd inner
expect "another tree's history" unknown false
((failed == 0))
