#!/bin/bash
# crictl.sh [PART...]: goes through every subcommand of crictl against the built daemon, in a fresh folder, and checks what it prints
# and how it ends. PART names files of crictl/, in the order wanted (default: all). Ends with "N passed, N failed, N skipped".
# CRICTL takes another build of crictl.
. "$(dirname "$0")/lib.sh"
. "$CONFORMANCE/checks.sh"

PARTS=("$@")
if [ $# = 0 ]; then
    for PART in "$CONFORMANCE"/crictl/[0-9]*.sh; do PARTS+=("$(basename "$PART" .sh)"); done
fi
for PART in "${PARTS[@]}"; do [ -e "$CONFORMANCE/crictl/$PART.sh" ] || die "no such part: $PART"; done
need_root
need_commands jq:jq curl:curl script:bsdutils pgrep:procps
need_cri_tools
DIR=$(new_folder crictl)
. "$CONFORMANCE/crictl/checks.sh"
trap 'end_background; finish "$DIR" || exit 1' EXIT
REGISTRY=$("$CONFORMANCE/images.sh" "$DIR")
"$CONFORMANCE/daemon.sh" "$DIR" >/dev/null

for PART in "${PARTS[@]}"; do
    say "-- $PART"
    # shellcheck source=/dev/null
    . "$CONFORMANCE/crictl/$PART.sh"
    end_background
    c rmp -f -a
done
[ $# != 0 ] || check_all_called
check "nothing is left on the machine" "$CONFORMANCE/leftovers.sh" "$DIR" --running

trap - EXIT
if ! finish "$DIR"; then
    echo "FAILED  the daemon's end (see above)"
    FAILED=$((FAILED + 1))
fi
totals $PASSED $FAILED 0
[ $FAILED = 0 ]
