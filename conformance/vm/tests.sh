#!/bin/bash
# tests.sh PART...: runs in the virtual machine, called by suite.sh: each part of gantry's tests that this machine is for. A line a test that
# failed or was skipped, and "N passed, N failed, N skipped" of all in the end.
#
#   deb       the package's life (packaging/test-deb.sh)       systemd, cgroupfs  critest on the installed package, with this cgroup driver
#   driver    the systemd driver (conformance/systemd.sh)       java  the Java tests that want root, on cgroup v2
#   blackbox  the tests over the socket, with the systemd driver and AppArmor
. "$(dirname "$0")/../lib.sh"

OUT=$CONFORMANCE/target/vm
PASSED=0 FAILED=0 SKIPPED=0
DEB=$(echo "$REPOSITORY"/packaging/target/gantry_*_"$(dpkg --print-architecture)".deb)

# part NAME COMMAND...   shows a part's lines under its name, and adds its numbers.
part() {
    local name=$1 code=0 line numbers=(0 0 0) start=$SECONDS
    shift
    "$@" >"$OUT/$name.log" 2>&1 || code=$?
    grep -E '^(FAILED|SKIPPED) ' "$OUT/$name.log" | sed -E "s/^(FAILED|SKIPPED) +/\1 $name: /" || true
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$OUT/$name.log" | tail -1 || true)
    [ -z "$line" ] || read -ra numbers < <(tr -dc '0-9 \n' <<<"$line")
    if [ $code != 0 ] && [ "${numbers[1]}" = 0 ]; then
        echo "FAILED $name: ended with code $code: $(tail -1 "$OUT/$name.log")"
        numbers[1]=1
    elif [ $((numbers[0] + numbers[1])) = 0 ]; then
        echo "FAILED $name: ran no test"
        numbers[1]=1
    fi
    PASSED=$((PASSED + numbers[0])) FAILED=$((FAILED + numbers[1])) SKIPPED=$((SKIPPED + numbers[2]))
    echo "$name: $(totals "${numbers[@]}"), $((SECONDS - start)) s"
}

installed() { dpkg-query -W gantry >/dev/null 2>&1 || dpkg -i "$DEB"; }

critest_with() {
    installed || return 1
    GANTRY_UNIT=gantry.service GANTRY_CGROUP_DRIVER=$1 CRITEST_OUT=$OUT/critest-$1 "$CONFORMANCE/critest.sh"
}

# junit MODULE REPORTS ARGUMENT...   as Maven runs it: in the module's folder, with the module's class path.
junit() {
    local module=$1 reports=$OUT/$2/$(basename "$1") arguments
    shift 2
    read -ra arguments < <(sed -n 's,.*<gantry.test.args>\(.*\)</gantry.test.args>.*,\1,p' "$REPOSITORY/pom.xml")
    (cd "$module" && java "${arguments[@]}" "-Dconformance.dir=$CONFORMANCE" -cp "target/test-classes:target/classes:$(cat target/test-classpath)" \
        org.junit.platform.console.ConsoleLauncher execute --scan-classpath target/test-classes --disable-banner --details=none --reports-dir "$reports" "$@")
}

# junit_totals REPORTS SKIPPED   SKIPPED are those that the caller left out, and has told.
junit_totals() { find "$OUT/$1" -name 'TEST-*.xml' -exec cat {} + | awk -f "$CONFORMANCE/reports.awk" | awk -v more="$2" '/ passed, / { $5 += more } { print }'; }

java_tests() {
    local module code=0
    rm -rf "$OUT/java-reports"
    for module in "$REPOSITORY"/*/; do
        [ -e "$module/target/test-classpath" ] && grep -rlq '@Tag("privileged")' "$module/src/test" 2>/dev/null || continue
        junit "${module%/}" java-reports --include-tag privileged --exclude-classname '.*\.CgroupV1Test' || code=$?
    done
    # The class is counted as one test.
    echo "SKIPPED CgroupV1Test: is for machines with cgroup v1; the host's part of test.sh runs it"
    junit_totals java-reports 1
    return $code
}

blackbox_tests() {
    local code=0
    need_cri_tools
    export CRICTL
    rm -rf "$OUT/blackbox-reports"
    junit "$CONFORMANCE" blackbox-reports --include-tag blackbox --exclude-methodname '.*#aFileSystemOfHugePagesComesThrough' \
        --exclude-methodname '.*#manyThatPrintAsMuchAsIsKeptAreAllAnswered' || code=$?
    echo "SKIPPED MountsTest.aFileSystemOfHugePagesComesThrough: user-mode-linux has no huge pages; the host's part of test.sh runs it"
    echo "SKIPPED ExecTest.manyThatPrintAsMuchAsIsKeptAreAllAnswered: with that much in its heap the tests' JVM hangs on user-mode-linux; the host's part of test.sh runs it"
    junit_totals blackbox-reports 2
    return $code
}

need_root
mkdir -p "$OUT"
for PART in "$@"; do
    case $PART in
        deb) part deb "$REPOSITORY/packaging/test-deb.sh" ;;
        systemd | cgroupfs) part "critest-$PART" critest_with "$PART" ;;
        driver) part systemd-driver "$CONFORMANCE/systemd.sh" ;;
        java) part java java_tests ;;
        blackbox) part blackbox blackbox_tests ;;
        *) die "no part is called $PART" ;;
    esac
done
totals $PASSED $FAILED $SKIPPED
[ $FAILED = 0 ]
