# exec -it and attach -it in a real terminal, which script(1) provides.
# shellcheck shell=bash disable=SC2034

# terminal COMMAND...   runs crictl on a terminal of 33 lines and 97 columns; type TEXT writes to it, SCREEN is a file of what it shows.
SCREEN=$DIR/screen
terminal() {
    CALLED[$1]=1
    printf '%q ' "$CRICTL" --config /dev/null -r "unix://$DIR/gantry.sock" -i "unix://$DIR/gantry.sock" "$@" >"$DIR/terminal.sh"
    rm -f "$DIR/keys" "$SCREEN" "$DIR/tty"
    mkfifo "$DIR/keys"
    # shellcheck disable=SC2016
    script -qefc "stty rows 33 cols 97; tty >$DIR/tty; exec sh $DIR/terminal.sh" /dev/null <"$DIR/keys" >"$SCREEN" 2>&1 &
    TERMINAL=$!
    BACKGROUND+=("$TERMINAL")
    exec {KEYS}>"$DIR/keys"
}
type_in() { printf '%s' "$1" >&"$KEYS"; }
hang_up() { exec {KEYS}>&-; }
# The screen has what was typed too: what a command prints must differ from its own text.
on_screen() { tr -d '\r' <"$SCREEN" | grep -E -- "$1" >/dev/null; }

run_shell terminal
for TRANSPORT in spdy websocket; do
    terminal exec -it -r $TRANSPORT "$CONTAINER" sh
    type_in $'echo "ready"now\n'
    check "$TRANSPORT: exec -it gives a shell" soon on_screen '^readynow$'
    type_in $'stty size\n'
    check "$TRANSPORT: of the terminal's size" soon on_screen '^33 97$'
    stty -F "$(cat "$DIR/tty")" rows 40 cols 111
    resized() {
        type_in $'stty size\n'
        sleep 0.1
        on_screen '^40 111$'
    }
    check "$TRANSPORT: which follows a change" soon resized
    type_in $'tty; sleep 1000\n'
    check "$TRANSPORT: on a terminal of its own" soon on_screen '^/dev/pts/[0-9]+$'
    sleep 0.3
    type_in $'\003'
    type_in $'echo "code"=$?\n'
    check "$TRANSPORT: Ctrl-C interrupts the command only" soon on_screen '^code=130$'
    type_in $'exit 6\n'
    check "$TRANSPORT: exit ends it" ended "$TERMINAL"
    check "$TRANSPORT: with a failure that tells the code" on_screen 'exit code 6'
    hang_up
done

# A terminal that goes away takes what runs on it along.
terminal exec -it "$CONTAINER" sh -c 'echo "my"" pid"; sleep 4242'
check "exec -it that is to be hung up" soon on_screen '^my pid$'
c exec -s "$CONTAINER" pgrep -f 'sleep 4242'
check "runs" ok
kill -KILL "$(pgrep -P "$TERMINAL" -x crictl || pgrep -P "$TERMINAL")" 2>/dev/null || true
hang_up
ended "$TERMINAL" || true
gone() {
    c exec -s "$CONTAINER" pgrep -f 'sleep 4242'
    [ "$CODE" != 0 ]
}
check "and ends when its client does" soon gone

run_container tty '.tty = true | .stdin = true | .command = ["sh"]'
for TRANSPORT in spdy websocket; do
    terminal attach -it -r $TRANSPORT "$CONTAINER"
    type_in $'echo "attached"here $((6*7))\n'
    check "$TRANSPORT: attach -it reaches the container's shell" soon on_screen 'attachedhere 42$'
    type_in $'stty size\n'
    check "$TRANSPORT: which gets the terminal's size" soon on_screen '^33 97$'
    kill -KILL "$(pgrep -P "$TERMINAL" -x crictl || pgrep -P "$TERMINAL")" 2>/dev/null || true
    hang_up
    ended "$TERMINAL" || true
    c inspect "$CONTAINER"
    check "$TRANSPORT: and goes on without it" json '.status.state == "CONTAINER_RUNNING"'
done
