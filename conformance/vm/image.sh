# The virtual machine's disk: sourced by vm.sh.
# shellcheck shell=bash

# What the tests and a kubelet want in the machine, beside Debian's smallest system.
VM_PACKAGES=(systemd systemd-sysv dbus iproute2 iptables nftables kmod procps util-linux e2fsprogs ca-certificates curl jq openssl xz-utils conntrack ethtool socat strace
    openjdk-25-jre-headless libisal2 containernetworking-plugins apparmor sudo)
# They wait for hardware, or put in order what is new at each start.
VM_MASKED=(apparmor.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer kmod-static-nodes.service ldconfig.service
    proc-sys-fs-binfmt_misc.automount sys-fs-fuse-connections.mount sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service
    systemd-firstboot.service systemd-journal-catalog-update.service systemd-journal-flush.service systemd-modules-load.service systemd-pcrextend.socket
    systemd-random-seed.service systemd-sysusers.service systemd-tmpfiles-clean.timer systemd-update-done.service tmp.mount)

# Sets VM_IMAGE to the file of an ext4 file system; it is never written to.
need_vm_image() {
    local name
    name=vm/image-$(key "$CONFORMANCE/vm/image.sh")
    once "$name" make_vm_image
    VM_IMAGE=$CACHE/$name/root.ext4
}

# The mirror that apt takes Debian itself from.
debian_mirror() {
    local mirror try
    for try in 1 2; do
        mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | sed -n 1p)
        [ -z "$mirror" ] || break
        [ $try = 2 ] || apt-get -qq update || say "apt-get update had errors; trying with what there is"
    done
    [ -n "$mirror" ] || die "apt has no source of Debian"
    echo "${mirror%/}"
}

make_vm_image() {
    need_commands debootstrap:debootstrap mkfs.ext4:e2fsprogs unshare:util-linux
    local tree=$1/tree packages unit
    packages=$(IFS=,; echo "${VM_PACKAGES[*]}")
    say "making the virtual machine's disk from Debian trixie (two minutes, once)"
    # What debootstrap mounts ends with its own mount namespace.
    if ! unshare -m --propagation private debootstrap --variant=minbase --include="$packages" trixie "$tree" "$(debian_mirror)" >"$1/log" 2>&1; then
        tail -20 "$1/log" >&2
        die "debootstrap failed"
    fi
    rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/* "$tree"/usr/share/{doc,man,locale}/*
    echo vm >"$tree/etc/hostname"
    printf '127.0.0.1 localhost vm\n::1 localhost\n' >"$tree/etc/hosts"
    : >"$tree/etc/fstab"
    tr -d - </proc/sys/kernel/random/uuid >"$tree/etc/machine-id"
    mkdir -p "$tree/etc/systemd/journald.conf.d"
    printf '[Journal]\nStorage=volatile\nRateLimitBurst=0\n' >"$tree/etc/systemd/journald.conf.d/volatile.conf"
    for unit in "${VM_MASKED[@]}"; do ln -sfn /dev/null "$tree/etc/systemd/system/$unit"; done

    # The host's folder of this run has all else that the machine is to do.
    cat >"$tree/usr/local/sbin/gantry-vm" <<'GUEST'
#!/bin/bash
exec >/dev/console 2>&1
run=$(sed -n 's/.*gantry\.run=\([^ ]*\).*/\1/p' /proc/cmdline)
mkdir -p /run/gantry-vm
mount -t hostfs -o "hostfs=$run" none /run/gantry-vm && exec bash /run/gantry-vm/guest.sh
GUEST
    chmod 755 "$tree/usr/local/sbin/gantry-vm"
    cat >"$tree/etc/systemd/system/gantry-vm.service" <<'UNIT'
[Unit]
After=dbus.socket
Wants=dbus.socket
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/usr/local/sbin/gantry-vm
Delegate=yes
TimeoutStartSec=infinity
TasksMax=infinity
LimitNOFILE=1048576
UNIT
    cat >"$tree/etc/systemd/system/gantry-vm.target" <<'UNIT'
[Unit]
Requires=basic.target
Wants=gantry-vm.service
After=basic.target gantry-vm.service
AllowIsolate=yes
UNIT
    ln -sfn gantry-vm.target "$tree/etc/systemd/system/default.target"

    truncate -s 6G "$1/root.ext4"
    mkfs.ext4 -q -F -O ^has_journal -E nodiscard -m 0 -d "$tree" "$1/root.ext4"
    rm -rf --one-file-system "$tree"
}
