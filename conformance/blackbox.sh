#!/bin/bash
# blackbox.sh [TEST]: runs the JUnit tests over the socket against the built daemon. TEST is a pattern for Maven's -Dtest.
# Ends with "N passed, N failed, N skipped"; the XML is in conformance/target/surefire-reports.
. "$(dirname "$0")/lib.sh"

[ $# -le 1 ] || die "usage: blackbox.sh [TEST]"
need_root
need_commands mvn:maven ip:iproute2
# Everything that a test would otherwise fetch or build while it runs.
need_cri_tools
DIR=$(new_folder blackbox)
trap 'finish "$DIR" || exit 1' EXIT
"$CONFORMANCE/images.sh" "$DIR" >/dev/null
finish "$DIR"
trap - EXIT

REPORTS=$CONFORMANCE/target/surefire-reports
rm -rf "$REPORTS"
ARGUMENTS=(-B -q -pl conformance -am verify -Dgantry.excluded.groups= -Dgroups=blackbox -Dsurefire.failIfNoSpecifiedTests=false
    -Dmaven.test.failure.ignore=true -Dspotless.check.skip=true)
[ $# = 0 ] || ARGUMENTS+=("-Dtest=$1")
export CRICTL CRITEST
CODE=0
(cd "$REPOSITORY" && mvn "${ARGUMENTS[@]}") >&2 || CODE=$?

TOTAL=0 FAILED=0 SKIPPED=0
for REPORT in "$REPORTS"/TEST-*.xml; do
    [ -e "$REPORT" ] || continue
    # The counts of the suite's opening tag.
    HEAD=$(grep -m1 -o '<testsuite .*' "$REPORT")
    count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$HEAD"; }
    TOTAL=$((TOTAL + $(count tests)))
    FAILED=$((FAILED + $(count failures) + $(count errors)))
    SKIPPED=$((SKIPPED + $(count skipped)))
done
if [ "$TOTAL" = 0 ] || { [ $CODE != 0 ] && [ $FAILED = 0 ]; }; then
    echo "FAILED  Maven ended with code $CODE after $TOTAL tests"
    FAILED=$((FAILED + 1)) TOTAL=$((TOTAL + 1))
fi
totals $((TOTAL - FAILED - SKIPPED)) "$FAILED" "$SKIPPED"
[ "$FAILED" = 0 ]
