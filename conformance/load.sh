#!/bin/bash
# load.sh [SEED]: runs LoadTest in full against the built daemon, in a fresh folder: 50 pods made, used and removed by eight clients at
# once while an image of 500 MB is pulled again and again, three clients follow logs and five forward ports. Prints the seed, which
# repeats the choices of a run, and how long lists took. Ends with "N passed, N failed, N skipped". blackbox.sh runs a smaller one.
. "$(dirname "$0")/lib.sh"

[ $# -le 1 ] || die "usage: load.sh [SEED]"
need_root
need_cri_tools
DIR=$(new_folder load)
trap 'finish "$DIR" || exit 1' EXIT
"$CONFORMANCE/images.sh" "$DIR" load >/dev/null
"$CONFORMANCE/daemon.sh" "$DIR" >/dev/null
CODE=0
GANTRY_TEST_DIR=$DIR LOAD_PODS=50 LOAD_IMAGE=gantry.test/large:1 LOAD_SEED=${1:-$((RANDOM * 32768 + RANDOM))} \
    "$CONFORMANCE/blackbox.sh" LoadTest >"$DIR/out" || CODE=$?
mkdir -p "$CONFORMANCE/target/load"
cp "$DIR/log" "$CONFORMANCE/target/load/daemon.log"
cp "$CONFORMANCE"/target/load-report.txt "$CONFORMANCE/target/load/report.txt" && cat "$CONFORMANCE/target/load/report.txt"
trap - EXIT
TOTALS=$(tail -1 "$DIR/out")
if ! finish "$DIR"; then
    echo "FAILED  something was left behind (see above)"
    CODE=1
fi
echo "$TOTALS"
[ $CODE = 0 ]
