# stats, statsp, metricsp, metricdescs, events.
# shellcheck shell=bash

pull_image
background "$DIR/events" events
soon test -e "$DIR/events"
run_pod count '.linux = {}'
run_container busy '.labels = {kind: "busy"} | .linux = {} | .command = ["sh", "-c", "echo x > /file; while :; do :; done"]'
BUSY=$CONTAINER
run_container idle '.linux = {}'
IDLE=$CONTAINER
run_pod other
OTHER=$POD
c pods --name count -q
POD=$OUTPUT

c stats
check "stats lists what runs" prints "^$(short "$BUSY") +busy "
busy() { awk '$2 == "busy" && $3 > 0 { found = 1 } END { exit !found }' <<<"$OUTPUT"; }
check "with the CPU used between two samples" busy
for FILTER in "--id $(short "$BUSY")" "$(short "$BUSY")" '--label kind=busy'; do
    # shellcheck disable=SC2086
    c stats -o json $FILTER
    check "stats $FILTER" json '[.stats[].attributes.id] == ["'"$BUSY"'"]'
done
c stats -o json --pod "$(short "$POD")"
check "stats by a short pod id" json '[.stats[].attributes.id] | sort == (["'"$BUSY"'", "'"$IDLE"'"] | sort)'
check "stats has CPU, memory, swap, PSI or none, and the writable layer" json '.stats[] | select(.attributes.id == "'"$BUSY"'") | (.cpu.usageCoreNanoSeconds.value | tonumber) > 0
    and (.memory.workingSetBytes.value | tonumber) > 0 and (.writableLayer.usedBytes.value | tonumber) > 0 and (.writableLayer.inodesUsed.value | tonumber) > 0 and .writableLayer.fsId.mountpoint != ""'
usage() { jq '[.stats[] | select(.attributes.id == "'"$BUSY"'").cpu | .timestamp, .usageCoreNanoSeconds.value | tonumber]' <<<"$OUTPUT"; }
BEFORE=$(usage)
c stats -o json "$BUSY"
check "stats that are asked again have gone on" test "$(jq -n "$BEFORE as \$a | $(usage) as \$b | \$a[0] < \$b[0] and \$a[1] < \$b[1]")" = true
c stats -o json 0123456789ab
check "stats of what is not there lists none" json '(.stats // []) == []'

c statsp
check "statsp lists the pods" prints "^count +$(short "$POD") "
c statsp -o json --id "$(short "$POD")"
check "statsp by a short id" json '[.stats[].attributes.id] == ["'"$POD"'"]'
check "statsp has CPU, memory, network, processes and containers" json '.stats[0].linux | (.cpu.usageCoreNanoSeconds.value | tonumber) > 0 and (.memory.workingSetBytes.value | tonumber) > 0
    and .network.defaultInterface.name == "eth0" and (.process.processCount.value | tonumber) >= 2 and (.containers | length) == 2'
c statsp -o json --label app=other
check "statsp by label" json '[.stats[].attributes.id] == ["'"$OTHER"'"]'

c metricdescs
check "metricdescs has cAdvisor's names" json '[.descriptors[].name] | length >= 45 and index("container_cpu_usage_seconds_total") != null and index("container_network_receive_bytes_total") != null'
NAMES=$(jq -c '[.descriptors[] | {key: .name, value: (.labelKeys | length)}] | from_entries' <<<"$OUTPUT")
c metricsp
check "metricsp has every pod" json '[.podMetrics[].podSandboxId] | sort == (["'"$POD"'", "'"$OTHER"'"] | sort)'
check "with the containers" json '[.podMetrics[].containerMetrics[]?.containerId] | sort == (["'"$BUSY"'", "'"$IDLE"'"] | sort)'
check "each value has its name and labels in metricdescs" json "$NAMES"' as $names | [.podMetrics[] | (.metrics[]?, .containerMetrics[]?.metrics[]?) | select($names[.name] != (.labelValues | length))] == []'
c metricsp -o yaml
check "metricsp -o yaml" prints '^podMetrics:'

c stop "$IDLE"
c rm "$IDLE"
kinds() { jq -r 'select(.containerId == "'"$1"'").containerEventType' "$DIR/events" 2>/dev/null | tr '\n' ' '; }
lived() { [ "$(kinds "$1")" = "$2" ]; }
check "events has all of a container's life, in order" soon lived "$IDLE" 'CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT CONTAINER_STOPPED_EVENT CONTAINER_DELETED_EVENT '
check "and the pod with its containers" test "$(jq -s '[.[] | select(.containerId == "'"$BUSY"'" and .containerEventType == "CONTAINER_STARTED_EVENT")][0] | .podSandboxStatus.id == "'"$POD"'"
    and ([.containersStatuses[].id] | index("'"$BUSY"'")) != null' "$DIR/events")" = true
check "and the pod's own" lived "$POD" 'CONTAINER_CREATED_EVENT CONTAINER_STARTED_EVENT '
