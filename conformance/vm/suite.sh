#!/bin/bash
# suite.sh: what vm.sh does without a command: two virtual machines side by side run all that is to be tested on systemd and cgroup v2
# (tests.sh). Ends with "N passed, N failed, N skipped"; the logs are in conformance/target/vm.
. "$(dirname "$0")/../lib.sh"

need_root
# One CPU has to do for a whole machine; where this bound is met, something hangs.
export GANTRY_START_SECONDS=${GANTRY_START_SECONDS:-120}
OUT=$CONFORMANCE/target/vm
if [ "$(uname -m)" != x86_64 ]; then
    echo "SKIPPED virtual machine: user-mode-linux is for x86-64 alone, this is $(uname -m)"
    totals 0 0 1
    exit
fi
[ -e "$(echo "$REPOSITORY"/packaging/target/gantry_*.deb)" ] || die "no .deb is built; run: mvn -q -DskipTests -pl packaging -am package"
# What the guests would have to fetch or build, they find.
need_cri_tools
need_docker_registry
DIR=$(new_folder vmsuite)
"$CONFORMANCE/images.sh" "$DIR" >/dev/null
finish "$DIR"
"$CONFORMANCE/vm.sh" true || die "the virtual machine does not start"
rm -rf "$OUT"
mkdir -p "$OUT"

# The Java tests' class path is Maven's own store.
STORE=$(sed 's,.*:\(/[^:]*\)/org/junit/platform/junit-platform-console/.*,\1,' "$REPOSITORY/sandbox/target/test-classpath")
[ -d "$STORE" ] || die "no test classes are built; run: mvn -q -DskipTests -am package"
export GANTRY_VM_FOLDERS="${GANTRY_VM_FOLDERS:-} $STORE"

mapfile -t CPUS < <(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r FIRST LAST; do seq "$FIRST" "${LAST:-$FIRST}"; done)
CODES=()
GANTRY_VM_CPU=${CPUS[0]} "$CONFORMANCE/vm.sh" conformance/vm/tests.sh deb systemd blackbox >"$OUT/one.log" 2>&1 &
ONE=$!
GANTRY_VM_CPU=${CPUS[-1]} "$CONFORMANCE/vm.sh" conformance/vm/tests.sh cgroupfs driver java >"$OUT/two.log" 2>&1 &
TWO=$!
trap 'kill "$ONE" "$TWO" 2>/dev/null' EXIT
wait "$ONE" || CODES+=("one: $?")
wait "$TWO" || CODES+=("two: $?")
trap - EXIT

PASSED=0 FAILED=0 SKIPPED=0
for LOG in one two; do
    grep -E '^(FAILED |SKIPPED |[a-z-]+: )' "$OUT/$LOG.log" || true
    NUMBERS=(0 1 0)
    LINE=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$OUT/$LOG.log" | tail -1 || true)
    if [ -n "$LINE" ]; then
        read -ra NUMBERS < <(tr -dc '0-9 \n' <<<"$LINE")
    else
        echo "FAILED virtual machine $LOG: it came to no result: $(tail -1 "$OUT/$LOG.log")"
    fi
    PASSED=$((PASSED + NUMBERS[0])) FAILED=$((FAILED + NUMBERS[1])) SKIPPED=$((SKIPPED + NUMBERS[2]))
done
if [ ${#CODES[@]} != 0 ] && [ $FAILED = 0 ]; then
    echo "FAILED virtual machines: ended with code ${CODES[*]}"
    FAILED=1
fi
totals $PASSED $FAILED $SKIPPED
[ $FAILED = 0 ]
