#!/bin/bash
# Runs in the virtual machine, called by its only service: sets the machine up, runs the command of vm.sh, and leaves its exit code.
run=/run/gantry-vm
# The host's output is no terminal: a line ends with a newline alone.
stty -opost </dev/console
export HOME=/root LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

code=0
while IFS= read -r folder; do
    mkdir -p "$folder"
    mount -t hostfs -o "hostfs=$folder" none "$folder" || code=125
done <$run/folders

# An address that is not loopback's and a default route: a node has them, and what asks for its own address finds one. Nothing answers there.
ip link add eth0 type dummy && ip address add 10.0.2.15/24 dev eth0 && ip link set eth0 up && ip route add default via 10.0.2.2 || code=125

if [ $code = 0 ]; then
    # Through a pipe, so that programs do not take the console for a terminal.
    (. $run/command) </dev/null 2>&1 | cat
    code=${PIPESTATUS[0]}
fi
journalctl -b --no-pager >$run/journal 2>/dev/null
sync
echo $code >$run/code
sync
