#!/bin/bash
# bench.sh [--peer]: measures the built daemon in a fresh folder and prints medians beside baseline.tsv, or with --peer beside containerd's and runc's in
# the same run, which are built as Go modules (peer/; two minutes the first time). Takes two to four minutes for each.
# BENCH_SAMPLES (40) sets how many pods and containers, which critest's own benchmark makes; BENCH_PODS (110, what a kubelet allows) how many are
# held for the measurement of memory, which like the rest is by cribench (tools/).
# To measure another program: GANTRY=program that takes the arguments of "gantry serve", BENCH_SHIMS=text in its shims' command lines, BENCH_OUT=folder.
. "$(dirname "$0")/lib.sh"

[ $# = 0 ] || [ "$*" = --peer ] || die "usage: bench.sh [--peer]"
need_root
need_commands jq:jq
SAMPLES=${BENCH_SAMPLES:-40}
OUT=${BENCH_OUT:-$CONFORMANCE/target/bench}
rm -rf "$OUT"
mkdir -p "$OUT"

make_cribench() {
    need_go
    cd "$CONFORMANCE/tools"
    CGO_ENABLED=0 nice go build -o "$1/cribench" ./cribench
    cd - >/dev/null
}
make_peer() {
    need_go
    need_commands pkg-config:pkg-config gcc:gcc
    pkg-config --exists libseccomp || install_packages libseccomp-dev
    say "building containerd and runc (two minutes)"
    cd "$CONFORMANCE/peer"
    CGO_ENABLED=0 nice go build -o "$1/" github.com/containerd/containerd/v2/cmd/containerd github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
    nice go build -tags seccomp -o "$1/runc" github.com/opencontainers/runc
    cp serve "$1/"
    cd - >/dev/null
}
need_cri_tools
CRIBENCH=tools/cribench-$(key "$CONFORMANCE"/tools/cribench/*.go "$CONFORMANCE/tools/go.sum")
once "$CRIBENCH" make_cribench

# What a machine that runs gantry has: a cache trained for it. A build throws the former one away.
DIST=$(dirname "$(dirname "$GANTRY")")
[ ! -r "$DIST/lib/jvm.options" ] || [ -s "$DIST/lib/gantry-$(cat "$DIST/lib/build").aot" ] || "$REPOSITORY/packaging/aot.sh" "$DIST"

if [ "${1:-}" = --peer ]; then
    PEER=tools/peer-$(key "$CONFORMANCE/peer/go.sum" "$CONFORMANCE/peer/serve")
    once "$PEER" make_peer
    say "containerd and runc"
    GANTRY=$CACHE/$PEER/serve BENCH_SHIMS=containerd-shim-runc-v2 BENCH_OUT=$OUT/peer "$0" >/dev/null
    say "gantry"
fi

DIR=$(new_folder bench)
trap 'finish "$DIR" || exit 1' EXIT
"$CONFORMANCE/images.sh" "$DIR" bench >/dev/null
SOCKET=$("$CONFORMANCE/daemon.sh" "$DIR")

IMAGE=registry.k8s.io/e2e-test-images/busybox:1.29-2
crictl_in "$DIR" pull "$IMAGE" >/dev/null
cat >"$DIR/params.yaml" <<EOF
containersNumber: $SAMPLES
containersNumberParallel: 1
podsNumber: $SAMPLES
podsNumberParallel: 1
EOF
say "critest -benchmark, $SAMPLES pods and $SAMPLES containers"
(cd "$DIR" && "$CRITEST" -runtime-endpoint "unix://$SOCKET" -image-endpoint "unix://$SOCKET" -ginkgo.no-color -benchmark \
    -benchmarking-params-file "$DIR/params.yaml" -benchmarking-output-dir "$OUT") >"$OUT/critest.out" 2>&1 || {
    tail -30 "$OUT/critest.out" >&2
    cp "$DIR/log" "$OUT/daemon.log"
    die "critest -benchmark failed; see $OUT"
}
jq -r '.operationsNames as $names | .datapoints[].operationsDurationsNs | to_entries[] | [$names[.key], .value / 1e6] | @tsv' \
    "$OUT"/container_benchmark_data.json "$OUT"/pod_benchmark_data.json >"$OUT/samples.tsv"
say "cribench: ExecSync, pods without a network, memory, a pull of many files"
"$CACHE/$CRIBENCH/cribench" -socket "$SOCKET" -image "$IMAGE" -many gantry.test/many-files:1 -samples "$SAMPLES" -pods "${BENCH_PODS:-110}" \
    -shims "${BENCH_SHIMS:-$DIR/run}" -daemon "$(cat "$DIR/pid")" >>"$OUT/samples.tsv"
for _ in 1 2 3; do
    kill -9 "$(cat "$DIR/pid")"
    START=$(date +%s%N)
    "$CONFORMANCE/daemon.sh" "$DIR" >/dev/null
    printf 'start\t%s\n' $((($(date +%s%N) - START) / 1000000)) >>"$OUT/samples.tsv"
done
cp "$DIR/log" "$OUT/daemon.log"
trap - EXIT
LEFT=
finish "$DIR" || LEFT=something

# Medians and 95th percentiles, in the order of the table.
sort -t$'\t' -k1,1 -k2,2g "$OUT/samples.tsv" | awk -F'\t' '
    function value(p,  i) { i = int(p * n + 0.999999); return v[i < 1 ? 1 : i] }
    function put() { if (n) printf "%s\t%s\t%s\t%d\n", name, (v[int((n + 1) / 2)] + v[int((n + 2) / 2)]) / 2, value(0.95), n }
    $1 != name { put(); name = $1; n = 0 }
    { v[++n] = $2 }
    END { put() }' >"$OUT/medians.tsv"
printf '%-46s %12s %10s %12s %8s %8s\n' '' 'median' 'p95' 'containerd' 'ratio' 'goal'
MET=0 MISSED=0
while IFS=$'\t' read -r SAMPLE WHAT PEER GOAL; do
    case $SAMPLE in '#'*) continue ;; esac
    ROW=$(awk -F'\t' -v sample="$SAMPLE" '$1 == sample' "$OUT/medians.tsv")
    [ -n "$ROW" ] || die "no sample of $SAMPLE"
    IFS=$'\t' read -r _ MEDIAN P95 _ <<<"$ROW"
    [ ! -e "$OUT/peer/medians.tsv" ] || PEER=$(awk -F'\t' -v sample="$SAMPLE" '$1 == sample { printf "%.1f", $2 }' "$OUT/peer/medians.tsv")
    RATIO=$(awk -v a="$MEDIAN" -v b="$PEER" 'BEGIN { if (b > 0) printf "%.2f", a / b; else print "-" }')
    MARK=
    if [ "$GOAL" != - ]; then
        if awk -v a="$MEDIAN" -v b="$GOAL" 'BEGIN { exit !(a <= b) }'; then MET=$((MET + 1)); else MISSED=$((MISSED + 1)) MARK=' missed'; fi
    fi
    case $SAMPLE in daemon-* | shim-* | node-*) UNIT=KiB ;; *) UNIT=ms ;; esac
    printf '%-46s %8.1f %-3s %10.1f %12s %8s %8s%s\n' "$WHAT" "$MEDIAN" $UNIT "$P95" "$PEER" "$RATIO" "$GOAL" "$MARK"
done <"$CONFORMANCE/baseline.tsv"
echo "$MET goals met, $MISSED missed; the samples are in $OUT"
[ -z "$LEFT" ] || die "$LEFT was left behind"
