#!/bin/bash
# test.sh: runs every test of gantry, as root on Debian 12 or 13: unit and privileged tests, the C tests, the distribution, the black-box
# tests over the socket, crictl, critest by itself, in parallel and over WebSocket; and, in a virtual machine with systemd and cgroup v2, the
# package, the systemd driver, the privileged and black-box tests and critest. The log of each part is in target/test-logs. The last line sums up: N passed,
# N failed, N skipped; before it stand each failure and each skip with its reason. It fails if a test fails, or if a part ran none.
# Not in it yet, since some of its cases still depend on how fast the machine is: conformance/kubelet.sh, by hand.
# Missing Debian packages are installed, and named; what is fetched or built besides goes to ${GANTRY_CACHE:-/var/cache/gantry}.
. "$(dirname "$0")/conformance/lib.sh"
. "$REPOSITORY/packaging/prerequisites.sh"

LOGS=$REPOSITORY/target/test-logs
PASSED=0
FAILED=0
SKIPPED=0
FAILURES=()
SKIPS=()

# count PART PASSED FAILED SKIPPED CODE   adds a part's results; one that failed without a failed test, or ran none, is a failure.
count() {
    local part=$1 failed=$3 code=$5 why=''
    if [ "$code" != 0 ] && [ "$failed" = 0 ]; then
        why="ended with code $code"
    elif [ $(($2 + failed)) = 0 ]; then
        why="ran no test"
    fi
    if [ -n "$why" ]; then
        failed=$((failed + 1))
        FAILURES+=("$part: $why")
    fi
    PASSED=$((PASSED + $2))
    FAILED=$((FAILED + failed))
    SKIPPED=$((SKIPPED + $4))
    printf '%s: %s, %d s\n' "$part" "$(totals "$2" "$failed" "$4")" $((SECONDS - START))
    # The tests that failed are named at the end; where none is, the log must tell.
    [ -z "$why" ] || tail -40 "$LOGS/$part.log" | sed 's/^/    /'
}

# run PART COMMAND...   runs it with its output in the part's log; CODE is its exit code.
run() {
    local part=$1
    shift
    START=$SECONDS
    CODE=0
    echo "$part ..."
    "$@" >"$LOGS/$part.raw" 2>&1 || CODE=$?
    # Maven leaves colours behind even in a file.
    sed 's/\x1b\[[0-9;]*m//g' "$LOGS/$part.raw" >"$LOGS/$part.log"
    rm "$LOGS/$part.raw"
}

# script PART COMMAND...   runs a script that ends with its totals and prints FAILED and SKIPPED lines.
script() {
    local part=$1 line numbers=(0 0 0)
    run "$@"
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$LOGS/$part.log" | tail -1 || true)
    [ -z "$line" ] || read -ra numbers < <(tr -dc '0-9 \n' <<<"$line")
    while IFS= read -r line; do FAILURES+=("$part: ${line#FAILED }"); done < <(grep '^FAILED ' "$LOGS/$part.log" || true)
    while IFS= read -r line; do SKIPS+=("$part: ${line#SKIPPED }"); done < <(grep '^SKIPPED ' "$LOGS/$part.log" || true)
    count "$part" "${numbers[@]}" "$CODE"
}

read_reports() { find "$1" -path '*/target/surefire-reports/TEST-*.xml' -exec cat {} + | awk -f "$CONFORMANCE/reports.awk"; }

java_tests() {
    local code=0
    rm -rf "$REPOSITORY"/*/target/surefire-reports
    mvn -B -f "$REPOSITORY/pom.xml" -Dmaven.test.failure.ignore=true -Dgantry.shim.check.skip=true verify || code=$?
    read_reports "$REPOSITORY"
    return $code
}

blackbox_tests() {
    local code=0
    "$CONFORMANCE/blackbox.sh" || code=$?
    read_reports "$CONFORMANCE"
    return $code
}

# The C runner has a line for each of its programs.
c_tests() {
    local code=0
    make -s -C "$REPOSITORY/sandbox/src/main/c" check >"$LOGS/c.out" 2>&1 || code=$?
    cat "$LOGS/c.out"
    sed -nE 's/^.*: ([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$LOGS/c.out" | awk '{ passed += $1; failed += $2 } END { print passed + 0 " passed, " failed + 0 " failed, 0 skipped" }'
    return $code
}

need_build_tools
# For what the Java tests ask about files.
need_commands lsattr:e2fsprogs
need_cri_tools
need_docker_registry
mkdir -p "$LOGS"

script java java_tests
if [ -x "$REPOSITORY/packaging/target/dist/bin/gantry" ]; then
    script c c_tests
    script distribution "$REPOSITORY/packaging/test-dist.sh"
    script blackbox blackbox_tests
    script crictl "$CONFORMANCE/crictl.sh"
    script critest "$CONFORMANCE/critest.sh"
    script critest-parallel env CRITEST_OUT="$CONFORMANCE/target/critest-parallel" CRITEST_ARGS="-parallel 4" "$CONFORMANCE/critest.sh"
    script critest-websocket env CRITEST_OUT="$CONFORMANCE/target/critest-websocket" \
        CRITEST_ARGS="-websocket-exec -websocket-attach -websocket-portforward" "$CONFORMANCE/critest.sh" Streaming
    if [ "$(uname -m)" = x86_64 ]; then
        script vm "$CONFORMANCE/vm.sh"
    else
        SKIPS+=("vm: user-mode-linux is for x86-64 alone, this is $(uname -m)")
        SKIPPED=$((SKIPPED + 1))
    fi
else
    FAILURES+=("all other parts: there is no distribution to test")
    FAILED=$((FAILED + 1))
fi

echo
[ ${#FAILURES[@]} = 0 ] || printf 'FAILED %s\n' "${FAILURES[@]}"
[ ${#SKIPS[@]} = 0 ] || printf 'SKIPPED %s\n' "${SKIPS[@]}"
totals $PASSED $FAILED $SKIPPED
[ $FAILED = 0 ]
