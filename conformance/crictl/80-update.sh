# update, checkpoint.
# shellcheck shell=bash

run_shell change
LIMITS='{}'
# changed FLAG VALUE FIELD   updates one limit; the status must tell it, and all that was set before.
changed() {
    c update "--$1" "$2" "$(short "$CONTAINER")"
    check "update --$1 by a short id" prints_exactly "$(short "$CONTAINER")"
    LIMITS=$(jq -c --arg field "$3" --arg value "$2" '.[$field] = $value' <<<"$LIMITS")
    c inspect "$CONTAINER"
    check "inspect tells it" json "$LIMITS"' as $want | .status.resources.linux as $have | [$want | keys[] | select($want[.] != ($have[.] | tostring))] == []'
}
changed memory 67108864 memoryLimitInBytes
changed memory 134217728 memoryLimitInBytes
changed cpu-share 512 cpuShares
changed cpu-period 50000 cpuPeriod
changed cpu-quota 25000 cpuQuota
changed cpuset-cpus 0 cpusetCpus
changed cpuset-mems 0 cpusetMems
allowed() { grep -qE ':[[:space:]]0$' <<<"$(crictl exec "$CONTAINER" grep Cpus_allowed_list /proc/self/status)"; }
check "the kernel has them" allowed
c update --oom-score-adj 0 "$CONTAINER"
check "update --oom-score-adj" prints_exactly "$CONTAINER"
c update --memory 268435456 --cpu-share 1024 "$CONTAINER"
check "two at once" ok
c update --cpuset-cpus 4000 --memory 301989888 "$CONTAINER"
check "what the machine does not have is refused" fails 'cpuset'
c inspect "$CONTAINER"
check "and changes nothing" json '.status.resources.linux | .memoryLimitInBytes == "268435456" and .cpusetCpus == "0" and .cpuShares == "1024"'
c update --memory 67108864 0123456789ab
check "update of what is not there" fails 'not ?found|no such|does not exist'

c checkpoint --export "$DIR/checkpoint.tar" "$CONTAINER"
check "checkpoint is not served, and says so in words" fails 'Unimplemented.*does not serve checkpoints yet'
check "and writes nothing" test ! -e "$DIR/checkpoint.tar"
c stop "$CONTAINER"
c update --memory 67108864 "$CONTAINER"
check "update of what has exited is refused" fails 'exited'
