#!/bin/bash
# kubelet.sh [host|vm] [FOCUS]: runs a kubelet on a fresh daemon, and checks what becomes of the pods. Most are static pods of a kubelet
# without an API server; what that cannot do, the kubelet does with a small one that belongs to the cases.
# host (the default, ten minutes) is this machine; vm is conformance/vm.sh's, one with each cgroup driver, side by side (an hour, and 10 GB
# of memory). FOCUS is a regular expression on the cases' names ("group: what"). Ends with "N passed, N failed, N skipped"; the logs are in
# conformance/target/kubelet.
#
#   KUBELET               another kubelet than the one of tools/kubelet/go.mod
#   KUBELET_DRIVER        cgroupfs or systemd: the daemon's cgroup driver (default cgroupfs; systemd needs systemd and cgroup v2)
#   KUBELET_SCALE         how many times longer than usual the cases wait (default 1)
#   KUBELET_DISK          the size of the node's disk, a sparse file (default 6G)
#   KUBELET_CASES_ARGS    more arguments for the program of the cases, e.g. "-parallel 4"
#
# One kubelet at a time may run on a machine: its cgroups are /kubepods and its iptables chains KUBE-*, whose folder it may be.
. "$(dirname "$0")/lib.sh"

[ $# -le 2 ] || die "usage: kubelet.sh [host|vm] [FOCUS]"
WHERE=${1:-host}
FOCUS=${2:-.}
need_root
DRIVER=${KUBELET_DRIVER:-cgroupfs}
OUT=$CONFORMANCE/target/kubelet/${KUBELET_OUT:-host}
MODULE=$CONFORMANCE/tools/kubelet

make_kubelet() {
    need_go
    local version
    version=$(awk '$2 == "k8s.io/kubernetes" { print $3 } $1 == "k8s.io/kubernetes" { print $2 }' "$MODULE/go.mod")
    say "building the kubelet $version (190 s of CPU time the first time)"
    (cd "$MODULE" && nice go build -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=$version" -o "$1/kubelet" .)
}

# It runs inside pods too, so it may need no library.
make_cases() {
    need_go
    (cd "$MODULE" && CGO_ENABLED=0 nice go build -ldflags '-s -w' -o "$1/cases" ./cases)
}

need_kubelet() {
    local name
    name=tools/kubelet-$(key "$MODULE"/go.* "$MODULE"/main.go)
    [ -n "${KUBELET:-}" ] || once "$name" make_kubelet
    KUBELET=${KUBELET:-$CACHE/$name/kubelet}
    [ -x "$KUBELET" ] || die "KUBELET=$KUBELET cannot be run"
    name=tools/kubelet-cases-$(key "$MODULE"/go.* "$MODULE"/cases/*.go)
    once "$name" make_cases
    CASES=$CACHE/$name/cases
}

# The pods' network has both families, unlike daemon.sh's own.
write_network() {
    mkdir -p "$DIR/cni.d"
    cat >"$DIR/cni.d/10-kubelet.conflist" <<END
{
  "cniVersion": "1.0.0",
  "name": "$(network_name "$DIR")",
  "plugins": [
    {
      "type": "bridge", "bridge": "$(bridge_name "$DIR")", "isGateway": true, "ipMasq": true, "hairpinMode": true,
      "ipam": {
        "type": "host-local", "dataDir": "$DIR/cni-addresses",
        "ranges": [[{"subnet": "$(subnet "$DIR")"}], [{"subnet": "fd00:$(network_hash "$DIR" | cut -c1-4)::/64"}]],
        "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
      }
    },
    {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
  ]
}
END
}

# A disk of the node's own, so that it can be filled. The file is sparse.
make_disk() {
    truncate -s "${KUBELET_DISK:-6G}" "$BASE/disk"
    mkfs.ext4 -q -F -O ^has_journal -E nodiscard -m 0 "$BASE/disk"
    mount -o loop "$BASE/disk" "$DIR"
    chmod 755 "$DIR"
}

# What a kubelet sets on its machine, to be put back.
SYSCTLS=(vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes
    net/ipv4/ip_forward net/ipv6/conf/all/forwarding net/ipv4/conf/all/route_localnet)
save_sysctls() { for NAME in "${SYSCTLS[@]}"; do [ ! -e "/proc/sys/$NAME" ] || echo "$NAME $(cat "/proc/sys/$NAME")"; done >"$BASE/sysctls"; }
restore_sysctls() { while read -r NAME VALUE; do [ "$(cat "/proc/sys/$NAME")" = "$VALUE" ] || echo "$VALUE" >"/proc/sys/$NAME"; done <"$BASE/sysctls"; }

# A kubelet never takes its own mounts, cgroups and chains away.
unmount_kubelet() {
    local mount
    while read -r mount; do umount -l "$mount" || return 1; done < <(awk -v dir="$DIR/kubelet" 'index($5 "/", dir "/") == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

clean_kubelet() {
    local family chain table dir
    for family in iptables ip6tables; do
        command -v $family >/dev/null || continue
        for table in mangle nat filter; do
            $family-save -t $table 2>/dev/null | sed -n 's/^-A \(.* -j KUBE-.*\)/-D \1/p' | while read -r chain; do
                # The rules' own quotes must be read as the shell reads them.
                eval "$family -w -t $table $chain"
            done
            for chain in $($family-save -t $table 2>/dev/null | sed -n 's/^:\(KUBE-[^ ]*\).*/\1/p'); do
                $family -w -t $table -F "$chain"
            done
            for chain in $($family-save -t $table 2>/dev/null | sed -n 's/^:\(KUBE-[^ ]*\).*/\1/p'); do
                $family -w -t $table -X "$chain"
            done
        done
    done
    for dir in /sys/fs/cgroup/kubepods* /sys/fs/cgroup/*/kubepods*; do
        [ ! -d "$dir" ] || find "$dir" -depth -type d -exec rmdir {} + || return 1
    done
}

take_down() {
    local bad=0
    # A program of the cases that was broken off has left its kubelet.
    [ ! -e "$DIR/kubelet.pid" ] || end_process "$DIR/kubelet.pid" "$DIR" 15 || bad=1
    mkdir -p "$OUT"
    cp "$DIR/kubelet.log" "$OUT/kubelet.log" 2>/dev/null || true
    cp "$DIR/log" "$OUT/daemon.log" 2>/dev/null || true
    unmount_kubelet || bad=1
    "$CONFORMANCE/stop.sh" "$DIR" >&2 || bad=1
    clean_kubelet || bad=1
    restore_sysctls
    ! mountpoint -q "$DIR" || umount "$DIR" || bad=1
    rm -rf --one-file-system "$BASE" || bad=1
    return $bad
}

# A kubelet does not start without the CPU's clock, of which user-mode-linux knows nothing: the kubelet sees another /proc/cpuinfo there.
# It alone does: the kernel lets no user namespace mount a proc while something covers a part of the one that it sees. Its other mounts are the machine's.
give_clock() {
    ! grep -q '^cpu MHz' /proc/cpuinfo && grep -q 'User Mode Linux' /proc/cpuinfo || return 0
    sed 's/^bogomips/cpu MHz\t\t: 2000.000\n&/' /proc/cpuinfo >"$DIR/cpuinfo"
    printf '#!/bin/sh\nexec unshare -m --propagation unchanged sh -c %q kubelet "$@"\n' \
        "mount --make-slave /proc && mount --bind $DIR/cpuinfo /proc/cpuinfo && exec $KUBELET \"\$@\"" >"$DIR/kubelet-with-clock"
    chmod 755 "$DIR/kubelet-with-clock"
    KUBELET=$DIR/kubelet-with-clock
}

# The virtual machine has no swap of its own. The disk of this run holds it, and what is on it is thrown away.
give_swap() {
    grep -q 'User Mode Linux' /proc/cpuinfo && [ "$(wc -l </proc/swaps)" = 1 ] || return 0
    dd if=/dev/zero of=/var/swap bs=1M count=512 status=none
    chmod 600 /var/swap
    mkswap -q /var/swap
    swapon /var/swap
}

host() {
    need_commands ip:iproute2 iptables:iptables mount:mount mkfs.ext4:e2fsprogs
    need_cri_tools
    need_kubelet
    exec {LOCK}>/run/lock/gantry-kubelet
    flock -n "$LOCK" || die "another kubelet.sh is running"
    BASE=$(new_folder kubelet)
    DIR=$BASE/n
    mkdir "$DIR"
    trap 'take_down || exit 1' EXIT
    save_sysctls
    make_disk
    "$CONFORMANCE/images.sh" "$DIR" >/dev/null
    write_network
    printf '[cgroup]\ndriver = "%s"\n' "$DRIVER" >"$DIR/config.toml"
    "$CONFORMANCE/daemon.sh" "$DIR" >/dev/null
    install -m 755 "$CASES" "$DIR/tool"
    give_clock
    give_swap

    local code=0 numbers
    # shellcheck disable=SC2086
    "$CASES" -dir "$DIR" -kubelet "$KUBELET" -scripts "$CONFORMANCE" -driver "$DRIVER" -focus "$FOCUS" -scale "${KUBELET_SCALE:-1}" ${KUBELET_CASES_ARGS:-} \
        {LOCK}>&- | tee "$BASE/results" || code=$?
    read -ra numbers < <(tail -1 "$BASE/results" | tr -dc '0-9 \n')
    [ ${#numbers[@]} = 3 ] || numbers=(0 1 0)
    trap - EXIT
    if ! take_down; then
        echo "FAILED  something was left behind (see above)"
        numbers[1]=$((numbers[1] + 1))
    fi
    totals "${numbers[@]}"
    [ "${numbers[1]}" = 0 ] && [ $code = 0 ]
}

# One CPU of a virtual machine does less than a tenth of what the host does meanwhile. With half of the memory its kernel has panicked here.
in_vm() {
    GANTRY_VM_CPU=$2 GANTRY_VM_SECONDS=${GANTRY_VM_SECONDS:-7200} GANTRY_VM_MEMORY=${GANTRY_VM_MEMORY:-5000M} "$CONFORMANCE/vm.sh" env "KUBELET=$KUBELET" "KUBELET_DRIVER=$1" "KUBELET_OUT=vm-$1" KUBELET_DISK=2500M \
        "KUBELET_SCALE=${KUBELET_SCALE:-3}" "KUBELET_CASES_ARGS=${KUBELET_CASES_ARGS:--parallel 6}" conformance/kubelet.sh host "$FOCUS" >"$OUT/$1.log" 2>&1
}

vm() {
    if [ "$(uname -m)" != x86_64 ]; then
        echo "SKIPPED virtual machine: user-mode-linux is for x86-64 alone, this is $(uname -m)"
        totals 0 0 1
        return
    fi
    OUT=$CONFORMANCE/target/kubelet
    mkdir -p "$OUT"
    # What the guests would have to fetch or build, they find.
    need_cri_tools
    need_kubelet
    DIR=$(new_folder kubeletvm)
    "$CONFORMANCE/images.sh" "$DIR" >/dev/null
    finish "$DIR"
    "$CONFORMANCE/vm.sh" true || die "the virtual machine does not start"
    local cpus driver line numbers passed=0 failed=0 skipped=0 pids=()
    mapfile -t cpus < <(taskset -pc $$ | sed 's/.*: //' | tr ',' '\n' | while IFS=- read -r FIRST LAST; do seq "$FIRST" "${LAST:-$FIRST}"; done)
    in_vm systemd "${cpus[0]}" &
    pids+=($!)
    in_vm cgroupfs "${cpus[-1]}" &
    pids+=($!)
    # shellcheck disable=SC2064
    trap "kill ${pids[*]} 2>/dev/null" EXIT
    wait "${pids[0]}" || true
    wait "${pids[1]}" || true
    trap - EXIT
    for driver in systemd cgroupfs; do
        sed -nE "s/^(FAILED|SKIPPED) +/\1 $driver: /p" "$OUT/$driver.log"
        numbers=(0 1 0)
        line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$' "$OUT/$driver.log" | tail -1 || true)
        if [ -n "$line" ]; then
            read -ra numbers < <(tr -dc '0-9 \n' <<<"$line")
        else
            echo "FAILED $driver: it came to no result: $(tail -1 "$OUT/$driver.log")"
        fi
        passed=$((passed + numbers[0])) failed=$((failed + numbers[1])) skipped=$((skipped + numbers[2]))
    done
    totals $passed $failed $skipped
    [ $failed = 0 ]
}

case $WHERE in
    host) host ;;
    vm) vm ;;
    *) die "usage: kubelet.sh [host|vm] [FOCUS]" ;;
esac
