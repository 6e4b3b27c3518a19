#!/bin/bash
# critest.sh [FOCUS]: runs critest against the built daemon, in a fresh folder, with a local registry that has the images.
# FOCUS is a regular expression on the specs' full names. Ends with "N passed, N failed, N skipped"; fails if a spec fails.
#
#   CRITEST, CRICTL   other builds of the programs         CRITEST_ARGS   more arguments, e.g. "-parallel 4"
#   CRITEST_OUT       where logs and reports go (default conformance/target/critest)
#   CRITEST_JUNIT     where to write the JUnit XML (default junit.xml there)
. "$(dirname "$0")/lib.sh"

[ $# -le 1 ] || die "usage: critest.sh [FOCUS]"
need_root
need_commands jq:jq ipcmk:util-linux sleep:coreutils
FOCUS=${1:-}
OUT=${CRITEST_OUT:-$CONFORMANCE/target/critest}
JUNIT=${CRITEST_JUNIT:-$OUT/junit.xml}
case $JUNIT in /*) ;; *) JUNIT=$PWD/$JUNIT ;; esac
mkdir -p "$OUT" "$(dirname "$JUNIT")"

# Specs that are left out, by name, each with its reason.
LEFT_OUT=$CONFORMANCE/critest-left-out.tsv

need_cri_tools
case " ${CRITEST_ARGS:-} " in *"-parallel"*) need_ginkgo ;; esac
DIR=$(new_folder critest)
trap 'finish "$DIR" || exit 1' EXIT
"$CONFORMANCE/images.sh" "$DIR" >/dev/null
SOCKET=$("$CONFORMANCE/daemon.sh" "$DIR")
mkdir "$DIR/tmp"

ARGUMENTS=(-runtime-endpoint "unix://$SOCKET" -image-endpoint "unix://$SOCKET" -ginkgo.no-color
    -ginkgo.json-report "$OUT/critest.json" -ginkgo.junit-report "$JUNIT")
while IFS=$'\t' read -r NAME _; do ARGUMENTS+=(-ginkgo.skip "$NAME"); done <"$LEFT_OUT"
[ -z "$FOCUS" ] || ARGUMENTS+=(-ginkgo.focus "$FOCUS")
say "running critest; its output goes to $OUT/critest.out"
CODE=0
rm -f "$OUT/critest.json"
# shellcheck disable=SC2086
(cd "$DIR" && TMPDIR=$DIR/tmp "$CRITEST" "${ARGUMENTS[@]}" ${CRITEST_ARGS:-}) >"$OUT/critest.out" 2>&1 || CODE=$?
cp "$DIR/log" "$OUT/daemon.log"
[ -s "$OUT/critest.json" ] || {
    tail -30 "$OUT/critest.out" >&2
    die "critest made no report (exit code $CODE)"
}

# A spec that was filtered out has no message; one that skipped itself has.
jq -r '.[].SpecReports[]? | [(((.ContainerHierarchyTexts // []) + [.LeafNodeText]) | join(" ") | gsub("\\s+"; " ")), .State, .LeafNodeType,
    ((.Failure.Message // "") | gsub("[\\n\\t]+"; " | ")), ((.Failure.Location.FileName // "") | split("/") | last // ""), (.Failure.Location.LineNumber // 0 | tostring)]
    | @tsv' "$OUT/critest.json" >"$OUT/specs.tsv"
awk -F'\t' '$2 ~ /^(failed|panicked|timedout|interrupted|aborted)$/ { print "FAILED  " $1 " (" $5 ":" $6 "): " substr($4, 1, 600) }' "$OUT/specs.tsv"
awk -F'\t' '$2 == "skipped" && $4 != "" { print "SKIPPED " $1 ": " $4 }' "$OUT/specs.tsv"
PASSED=$(awk -F'\t' '$3 == "It" && $2 == "passed"' "$OUT/specs.tsv" | wc -l)
FAILED=$(awk -F'\t' '$2 ~ /^(failed|panicked|timedout|interrupted|aborted)$/' "$OUT/specs.tsv" | wc -l)
SKIPPED=$(awk -F'\t' '$3 == "It" && $2 == "skipped" && $4 != ""' "$OUT/specs.tsv" | wc -l)
while IFS=$'\t' read -r NAME REASON; do
    while read -r SPEC; do
        if [ -z "$FOCUS" ] || grep -qE -- "$FOCUS" <<<"$SPEC"; then
            echo "SKIPPED $SPEC: $REASON"
            SKIPPED=$((SKIPPED + 1))
        fi
    done < <(awk -F'\t' '$3 == "It" { print $1 }' "$OUT/specs.tsv" | grep -E -- "$NAME")
done <"$LEFT_OUT"
if [ $CODE != 0 ] && [ "$FAILED" = 0 ]; then
    echo "FAILED  critest ended with code $CODE"
    FAILED=1
fi
if [ "$PASSED" = 0 ] && [ "$FAILED" = 0 ]; then
    echo "FAILED  no spec ran"
    FAILED=1
fi
trap - EXIT
if ! finish "$DIR"; then
    echo "FAILED  something was left behind (see above)"
    FAILED=$((FAILED + 1))
fi
echo "JUnit XML: $JUNIT"
totals "$PASSED" "$FAILED" "$SKIPPED"
[ "$FAILED" = 0 ]
