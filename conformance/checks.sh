# Checks that are counted: source it after lib.sh, and set CHECKED to a file for what a check prints.
# shellcheck shell=bash disable=SC2034

PASSED=0
FAILED=0

# check WHAT COMMAND...   counts whether the command succeeds, and shows what it printed, and what explain adds, if it does not.
check() {
    local what=$1
    shift
    if "$@" >"$CHECKED" 2>&1; then
        PASSED=$((PASSED + 1))
        say "ok      $what"
    else
        FAILED=$((FAILED + 1))
        echo "FAILED  $what: $*"
        { cat "$CHECKED" && explain; } | tail -40 | sed 's/^/        /'
    fi
}
explain() { :; }

# soon TEST...   whether a test becomes true within ten seconds.
soon() {
    local i
    for ((i = 0; i < 200; i++)); do
        if "$@"; then return 0; fi
        sleep 0.05
    done
    return 1
}
is() { [ "$1" = "$2" ] || { echo "'$1' is not '$2'"; return 1; }; }
# says WANTED COMMAND...   whether it prints that, whatever its exit code is.
says() {
    local wanted=$1 said
    shift
    said=$("$@" 2>&1) || true
    echo "$said"
    grep -qF -- "$wanted" <<<"$said"
}
