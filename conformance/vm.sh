#!/bin/bash
# vm.sh [COMMAND [ARGUMENT...]]: runs COMMAND as root in a virtual machine with systemd and nothing but cgroup v2, and ends with its exit code.
# The machine is Debian trixie on a user-mode-linux kernel with one CPU: no KVM, no image server; it is there after two seconds.
# In it the repository and the cache are at their own paths, writable and the host's own: what COMMAND writes there is what it brings out.
# All else is the machine's, and gone with it. COMMAND starts in this folder if it is in the repository, else at the repository's top.
# Without COMMAND two of them run all tests that are for such a machine, and the last line is "N passed, N failed, N skipped" (vm/suite.sh).
#
#   GANTRY_VM_KERNEL   a user-mode-linux kernel, plain or .xz; without it one is built from Debian's source (once, 20 CPU minutes)
#   GANTRY_VM_SECONDS  after so long the machine is ended (default 1800)     GANTRY_VM_MEMORY  its memory (2500M)
#   GANTRY_VM_CPU      the host's CPU that it runs on (default: the last)    GANTRY_VM_FOLDERS more of the host's folders, apart by spaces
#   GANTRY_VM_OPTIONS  further kernel arguments
#
# Variables GANTRY_*, CRITEST* and CRICTL* are COMMAND's too. Exit code 125: the machine did not start, or did not come to an end.
. "$(dirname "$0")/lib.sh"
. "$CONFORMANCE/vm/image.sh"
. "$CONFORMANCE/vm/kernel.sh"

[ $# -ge 1 ] || exec "$CONFORMANCE/vm/suite.sh"
need_root
need_commands taskset:util-linux timeout:coreutils
need_vm_kernel
need_vm_image

RUN=$(new_folder vm)
VM=
# The kernel's processes are timeout's children and end with it.
end_vm() {
    [ -z "$VM" ] || { kill "$VM" && wait "$VM"; } 2>/dev/null || true
    rm -rf --one-file-system "$RUN"
}
trap end_vm EXIT
trap 'exit 143' TERM INT HUP

cp "$CONFORMANCE/vm/guest.sh" "$RUN/"
printf '%s\n' "$REPOSITORY" "$CACHE" ${GANTRY_VM_FOLDERS:-} >"$RUN/folders"
{
    case $PWD/ in "$REPOSITORY"/*) printf 'cd %q\n' "$PWD" ;; *) printf 'cd %q\n' "$REPOSITORY" ;; esac
    export GANTRY_CACHE=$CACHE
    export -p | grep -E '^declare -x (GANTRY|CRITEST|CRICTL)[A-Z_]*=' || true
    printf 'exec'
    printf ' %q' "$@"
    echo
} >"$RUN/command"

# What is written there is thrown away: no flush need reach the disk. One CPU, since the kernel's threads hand over to each other all the time: on two it takes five times as long.
CPU=${GANTRY_VM_CPU:-$(taskset -pc $$ | sed 's/.*[ ,-]//')}
# shellcheck disable=SC2086
timeout -k 10 "${GANTRY_VM_SECONDS:-1800}" taskset -c "$CPU" "$VM_KERNEL" "mem=${GANTRY_VM_MEMORY:-2500M}" seccomp=on "uml_dir=$RUN/" umid=uml \
    "ubd0=$RUN/cow,$VM_IMAGE" root=/dev/ubda rw rootflags=nobarrier con=null con0=null,fd:1 panic=1 quiet systemd.show_status=0 "gantry.run=$RUN" \
    TERM=dumb ${GANTRY_VM_OPTIONS:-} </dev/null 2>"$RUN/stderr" > >(sed -u '/^reboot: Power down$/d') &
VM=$!
wait "$VM" || true
VM=
if [ ! -s "$RUN/code" ]; then
    cat "$RUN/stderr" >&2
    say "the virtual machine did not come to its end"
    exit 125
fi
exit "$(cat "$RUN/code")"
