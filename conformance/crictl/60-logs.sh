# logs.
# shellcheck shell=bash

pull_image
run_pod write
run_container lines '.command = ["sh", "-c", "echo two >&2; sleep 0.5; echo one; sleep 0.2; echo three; while read line; do echo $line; done; sleep 1000"] | .stdin = true'
LOG=$DIR/logs/write/lines/0.log
check "logs prints stdout" soon calls logs "$CONTAINER" '^three$'
check "and stderr apart" grep -qx two <<<"$ERROR"
c logs "$(short "$CONTAINER")"
check "logs by a short id" prints_exactly "$(printf 'one\nthree')"
c logs --tail 1 "$CONTAINER"
check "logs --tail 1" test "$OUTPUT$ERROR" = three
c logs --stream stderr "$CONTAINER"
check "logs --stream" test "$OUTPUT$ERROR" = two
c logs -t "$CONTAINER"
check "logs -t puts the time before" prints '^20[0-9-]+T[0-9:]+\.[0-9]+(Z|[+-][0-9:]+) one$'
THIRD=$(sed -n 's/^\([^ ]*\) stdout F three$/\1/p' "$LOG")
c logs --since "$THIRD" "$CONTAINER"
check "logs --since a time" test "$OUTPUT$ERROR" = three
c logs --since 1h "$CONTAINER"
check "logs --since a span" prints_exactly "$(printf 'one\nthree')"
c logs --limit-bytes 3 "$CONTAINER"
check "logs --limit-bytes" test "$OUTPUT$ERROR" = two
c logs -p "$CONTAINER"
check "logs -p of a first attempt" fails 'previous terminated container .*not found'

background "$DIR/followed" logs -f "$CONTAINER"
FOLLOWER=${BACKGROUND[-1]}
check "logs -f prints what is there" soon shows "$DIR/followed" '^three$'
# Attach feeds the container, which writes what it reads.
feed() {
    printf '%s\n' "$1" | "$CRICTL" --config /dev/null -r "unix://$DIR/gantry.sock" attach -i "$CONTAINER" >/dev/null 2>&1 &
    BACKGROUND+=($!)
}
feed four
check "and what comes" soon shows "$DIR/followed" '^four$'
mv "$LOG" "$LOG.1"
c logs -r "$CONTAINER"
check "logs -r reopens" test "$CODE" = 0 -a -e "$LOG"
feed five
check "logs -f goes on in the new file" soon shows "$DIR/followed" '^five$'
check "the old one has its end" test "$(tail -1 "$LOG.1" | cut -d' ' -f4)" = four
c stop "$CONTAINER"
check "logs -f ends when the container does" ended "$FOLLOWER"
check "without an error" test "$CODE" = 0
check "and has printed each line once" test "$(paste -sd' ' "$DIR/followed")" = 'one three four five'
c logs -r "$CONTAINER"
check "logs -r of one that has exited" test -e "$LOG"
c rm "$CONTAINER"
check "rm takes the rotated log too" test ! -e "$LOG" -a ! -e "$LOG.1"

run_container again '.command = ["echo", "first try"]'
c inspect "$CONTAINER"
run_container again '.metadata.attempt = 1 | .log_path = "again/1.log" | .command = ["echo", "second try"]'
check "the second attempt's log" soon calls logs "$CONTAINER" '^second try$'
c logs -p "$CONTAINER"
check "logs -p" prints_exactly 'first try'
