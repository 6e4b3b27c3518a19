# What the parts of crictl.sh share: source it after checks.sh above, with DIR set. c runs crictl, check looks at what it did.
# shellcheck shell=bash disable=SC2034

IMAGE=registry.k8s.io/e2e-test-images/busybox:1.29-2
NGINX=registry.k8s.io/e2e-test-images/nginx:1.14-2
STAGING=gcr.io/k8s-staging-cri-tools

CHECKED=$DIR/checked
# Each step sets these.
OUTPUT='' ERROR='' CODE=0
declare -A CALLED=()
BACKGROUND=()

# c SUBCOMMAND ARGUMENT...   runs crictl with its own default timeout of two seconds, which the daemon must meet.
c() {
    CODE=0
    CALLED[$1]=1
    OUTPUT=$(crictl "$@" 2>"$DIR/error" </dev/null) || CODE=$?
    ERROR=$(cat "$DIR/error")
}
# One that hangs is ended; it catches every other signal.
crictl() { timeout -s KILL 60 "$CRICTL" --config /dev/null -r "unix://$DIR/gantry.sock" -i "unix://$DIR/gantry.sock" -t 2s "$@"; }

# background FILE SUBCOMMAND ARGUMENT...   runs crictl beside the script, with its output in a file, until it or the part ends. It
# reads from the file KEYBOARD, if that is set.
background() {
    local file=$1
    shift
    CALLED[$1]=1
    # Without a shell between, the process that is remembered is crictl.
    "$CRICTL" --config /dev/null -r "unix://$DIR/gantry.sock" -i "unix://$DIR/gantry.sock" "$@" <"${KEYBOARD:-/dev/null}" >"$file" 2>"$file.err" &
    BACKGROUND+=($!)
}
# ended PID   whether it ends by itself within ten seconds; its code goes to CODE.
ended() {
    local i
    for ((i = 0; i < 200; i++)); do
        if ! kill -0 "$1" 2>/dev/null; then
            CODE=0
            wait "$1" || CODE=$?
            return 0
        fi
        sleep 0.05
    done
    return 1
}
end_background() {
    local pid
    for pid in "${BACKGROUND[@]}"; do
        # crictl catches every other signal, and in a stream it goes on.
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    BACKGROUND=()
}

# What crictl said in the last step.
explain() {
    echo "code $CODE"
    printf '%s\n%s\n' "$OUTPUT" "$ERROR"
}
ok() { [ "$CODE" = 0 ]; }
fails() { [ "$CODE" != 0 ] && grep -qiE -- "$1" <<<"$ERROR$OUTPUT"; }
prints() { [ "$CODE" = 0 ] && grep -qE -- "$1" <<<"$OUTPUT"; }
prints_exactly() { [ "$CODE" = 0 ] && [ "$OUTPUT" = "$1" ]; }
prints_nothing() { [ "$CODE" = 0 ] && [ -z "$OUTPUT" ]; }
json() { [ "$CODE" = 0 ] && jq -e "$1" <<<"$OUTPUT" >/dev/null; }
is_id() { [ "$CODE" = 0 ] && [[ $OUTPUT =~ ^[0-9a-f]{64}$ ]]; }
# has_lines LINE...   whether these are the lines printed, in any order.
has_lines() { [ "$CODE" = 0 ] && [ "$(sort <<<"$OUTPUT")" = "$(printf '%s\n' "$@" | sort)" ]; }
# told PATTERN   whether the last command wrote it on stderr and succeeded.
told() { [ "$CODE" = 0 ] && grep -qE -- "$1" <<<"$ERROR"; }
# shows FILE PATTERN, times FILE PATTERN COUNT   what a background command has printed.
shows() { grep -qE -- "$2" "$1"; }
times() { [ "$(grep -cE -- "$2" "$1")" = "$3" ]; }
# calls SUBCOMMAND... PATTERN   as prints, for use with soon.
calls() {
    c "${@:1:$#-1}"
    prints "${!#}"
}
short() {
    local id=${1#sha256:}
    echo "${id:0:13}"
}

# ---- Pods and containers

# write_pod NAME [JQ]   writes DIR/NAME.pod.json, a pod on the host's network unless the filter says something else.
write_pod() {
    mkdir -p "$DIR/logs/$1"
    jq -n --arg name "$1" --arg logs "$DIR/logs/$1" '{metadata: {name: $name, namespace: "walk", uid: ("uid-" + $name), attempt: 0},
        log_directory: $logs, labels: {app: $name}, linux: {security_context: {namespace_options: {network: 2}}}}' |
        jq "${2:-.}" >"$DIR/$1.pod.json"
}
# write_container NAME JQ   writes DIR/NAME.json, a container that runs until it is asked to end.
write_container() {
    jq -n --arg name "$1" --arg image "$IMAGE" '{metadata: {name: $name}, image: {image: $image}, log_path: ($name + "/0.log"),
        command: ["sh", "-c", "trap '"'exit 0'"' TERM; echo ready; while :; do sleep 0.1; done"],
        linux: {security_context: {namespace_options: {network: 2}}}}' | jq "${2:-.}" >"$DIR/$1.json"
}
# run_pod NAME [JQ]   sets POD. make_container NAME [JQ]   in that pod, sets CONTAINER; run_container starts it too.
run_pod() {
    POD_NAME=$1
    write_pod "$@"
    c runp "$DIR/$1.pod.json"
    POD=$OUTPUT
    check "runp $1" is_id
}
make_container() {
    write_container "$@"
    c create "$POD" "$DIR/$1.json" "$DIR/$POD_NAME.pod.json"
    CONTAINER=$OUTPUT
    check "create $1" is_id
}
run_container() {
    make_container "$@"
    c start "$CONTAINER"
    check "start $1" prints_exactly "$CONTAINER"
}
pull_image() {
    c pull "${1:-$IMAGE}"
    check "pull ${1:-$IMAGE}" ok
}
run_shell() {
    pull_image
    run_pod "$1"
    run_container shell
}

# The walk is one of every subcommand that this crictl has.
check_all_called() {
    local name missing=''
    while read -r name; do
        [ -n "${CALLED[$name]:-}" ] || missing+=" $name"
    done < <("$CRICTL" --help | sed -n '/^COMMANDS:/,/^GLOBAL/s/^   \([a-z-]*\).*/\1/p' | grep -v '^help$')
    OUTPUT=$missing ERROR='' CODE=0
    check "every subcommand has been called" prints_nothing
}
