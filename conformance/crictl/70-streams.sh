# exec, attach, port-forward, over SPDY and WebSocket; the terminals are in 75-terminals.sh.
# shellcheck shell=bash

run_shell stream
SHELL_ID=$CONTAINER
c exec -s "$SHELL_ID" echo hello
check "exec -s prints the output" test "$(head -1 <<<"$OUTPUT")" = hello -a "$CODE" = 0
c exec -s "$SHELL_ID" sh -c 'echo gone wrong >&2; exit 3'
check "exec -s with a failing command tells its code" fails 'exit code 3|exited with 3|: 3|code 3'
c exec -s --timeout 1 "$SHELL_ID" sleep 100
check "exec -s --timeout ends the command" fails 'deadline|timed out|timeout'
c exec -s "$SHELL_ID" pgrep -f 'sleep 100'
check "and nothing of it runs on" fails ''
c exec -s "$SHELL_ID" no-such-command
check "exec -s of what is not there names it" fails 'no-such-command'
run_container second
SECOND=$CONTAINER

piped() {
    local input=$1
    shift
    CODE=0
    CALLED[$1]=1
    OUTPUT=$(printf '%s' "$input" | crictl "$@" 2>"$DIR/error") || CODE=$?
    ERROR=$(cat "$DIR/error")
}
for TRANSPORT in spdy websocket; do
    c exec -r $TRANSPORT "$(short "$SHELL_ID")" sh -c 'echo out; echo err >&2'
    check "$TRANSPORT: exec by a short id keeps stdout" prints_exactly out
    check "$TRANSPORT: and stderr apart" test "$ERROR" = err
    c exec -r $TRANSPORT "$SHELL_ID" sh -c 'exit 7'
    check "$TRANSPORT: exec tells the exit code" fails 'exit code 7'
    c exec -r $TRANSPORT "$SHELL_ID" no-such-command
    check "$TRANSPORT: exec of what is not there names it" fails 'no-such-command'
    piped "$(printf 'b\na\n ')" exec -i -r $TRANSPORT "$SHELL_ID" sort
    check "$TRANSPORT: exec -i ends with its input" prints_exactly "$(printf ' \na\nb')"
    head -c 3000000 /dev/urandom >"$DIR/sent"
    crictl exec -i -r $TRANSPORT "$SHELL_ID" cat <"$DIR/sent" >"$DIR/received" || true
    check "$TRANSPORT: three megabytes there and back" cmp "$DIR/sent" "$DIR/received"
done
c exec --name 'shell|second' "$POD_NAME"
c exec --name 'shell|second' echo hi
check "exec in several by name" has_lines "$SHELL_ID:" hi "$SECOND:" hi
c exec --pod "$(short "$POD")" -q -x echo hi
check "exec in several at once by a short pod id" has_lines hi hi
c exec --label no=such echo hi
check "exec in none" prints 'USAGE'

# ---- attach
run_container reader '.stdin = true | .command = ["sh", "-c", "while read line; do echo got $line; echo log $line >&2; done; echo bye; sleep 1000"]'
READER=$CONTAINER
for TRANSPORT in spdy websocket; do
    background "$DIR/attached" attach -r $TRANSPORT "$(short "$READER")"
    rm -f "$DIR/typed"
    mkfifo "$DIR/typed"
    KEYBOARD=$DIR/typed background "$DIR/typist" attach -i -r $TRANSPORT "$READER"
    exec {TYPED}>"$DIR/typed"
    # An attached client gets what is written from then on; how soon it is attached nobody tells.
    fed() {
        echo $TRANSPORT >&"$TYPED"
        shows "$DIR/attached" "^got $TRANSPORT$"
    }
    check "$TRANSPORT: attach by a short id shows what another client has typed" soon fed
    check "$TRANSPORT: stderr too" soon shows "$DIR/attached.err" "^log $TRANSPORT$"
    exec {TYPED}>&-
    end_background
    c inspect "$READER"
    check "$TRANSPORT: the container outlives its clients" json '.status.state == "CONTAINER_RUNNING"'
done
run_container once '.stdin = true | .stdin_once = true | .command = ["sh", "-c", "cat; exit 5"]'
piped 'to the end' attach -i "$CONTAINER"
check "with stdin_once the end of the first client's input is the container's" prints 'to the end'
exited() {
    c inspect "$CONTAINER"
    json '.status | .state == "CONTAINER_EXITED" and .exitCode == 5'
}
check "and it exits" soon exited
c attach "$CONTAINER"
check "attach to what has exited is refused" fails 'running|exited|state'

# ---- port-forward
pull_image "$NGINX"
run_pod forward '.linux = {}'
run_container nginx '.image.image = "'"$NGINX"'" | del(.command) | .linux = {}'
welcomes() { grep -q 'Welcome to nginx' <<<"$(curl -s -m 2 "http://127.0.0.1:$1/")"; }
for TRANSPORT in spdy websocket; do
    LOCAL=$(free_port)
    SECOND_LOCAL=$(free_port)
    background "$DIR/forwarded" port-forward -r $TRANSPORT "$(short "$POD")" "$LOCAL:80" "$SECOND_LOCAL:81"
    check "$TRANSPORT: port-forward by a short id" soon welcomes "$LOCAL"
    check "$TRANSPORT: it says what it does" soon shows "$DIR/forwarded" "Forwarding from 127.0.0.1:$LOCAL -> 80"
    refused() { ! curl -s -m 2 -o /dev/null "http://127.0.0.1:$SECOND_LOCAL/"; }
    check "$TRANSPORT: a port that nobody listens on is refused" refused
    check "$TRANSPORT: with the reason" soon shows "$DIR/forwarded.err" '81.*(refused|connect)'
    end_background
done
c port-forward 0123456789ab 8080:80
check "port-forward to what is not there" fails 'not ?found|no such|does not exist'
