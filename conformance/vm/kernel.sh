# The virtual machine's kernel: sourced by vm.sh.
# shellcheck shell=bash

# Sets VM_KERNEL to a user-mode-linux kernel that can be run.
need_vm_kernel() {
    local name
    [ "$(uname -m)" = x86_64 ] || die "user-mode-linux is for x86-64 alone, this is $(uname -m)"
    case ${GANTRY_VM_KERNEL:-} in
        '')
            name=vm/kernel-$(key "$CONFORMANCE/vm/kernel.config")
            once "$name" make_vm_kernel
            VM_KERNEL=$CACHE/$name/linux
            ;;
        *.xz)
            name=vm/kernel-$(key "$GANTRY_VM_KERNEL")
            need_commands xz:xz-utils
            once "$name" unpack_vm_kernel
            VM_KERNEL=$CACHE/$name/linux
            ;;
        *) VM_KERNEL=$GANTRY_VM_KERNEL ;;
    esac
    [ -x "$VM_KERNEL" ] || die "the kernel $VM_KERNEL cannot be run"
}

unpack_vm_kernel() {
    xz -dc "$GANTRY_VM_KERNEL" >"$1/linux"
    chmod 755 "$1/linux"
}

# From testing's source: the mode that needs no ptrace, which alone works on today's CPUs, came with Linux 6.16.
make_vm_kernel() {
    need_commands gcc:gcc make:make flex:flex bison:bison bc:bc xz:xz-utils
    [ -e /usr/include/stdio.h ] || install_packages libc6-dev
    local work=$1/work package
    mkdir "$work"
    testing_apt "$work"
    package=$("${TESTING_APT[@]/#apt-get/apt-cache}" depends linux-source | sed -n 's/^ *Depends: \(linux-source-[0-9.]*\)$/\1/p')
    [ -n "$package" ] || die "Debian's testing has no linux-source that names a version"
    say "building the virtual machine's kernel from $package (20 CPU minutes, once; 2 GB)"
    (cd "$work" && "${TESTING_APT[@]}" download "$package") || die "cannot download $package"
    dpkg-deb -x "$work/$package"_*.deb "$work/package"
    mkdir "$work/source" "$work/objects"
    tar -xf "$work/package/usr/src/$package.tar.xz" -C "$work/source" --strip-components 1
    local make=(nice make -s -C "$work/source" ARCH=um "O=$work/objects")
    if ! { "${make[@]}" x86_64_defconfig && cat "$CONFORMANCE/vm/kernel.config" >>"$work/objects/.config" && "${make[@]}" olddefconfig && "${make[@]}" -j"$(nproc)" linux; } >"$work/log" 2>&1; then
        tail -30 "$work/log" >&2
        die "the kernel does not build"
    fi
    strip -o "$1/linux" "$work/objects/linux"
    rm -rf "$work"
}

# testing_apt DIR   sets TESTING_APT to an apt-get that knows Debian's testing alone, and keeps all that it knows in DIR.
# A mirror that is frozen at a day (a snapshot) outlives the week for which testing's lists are valid; signatures are checked all the same.
testing_apt() {
    mkdir -p "$1/lists/partial" "$1/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(debian_mirror) testing main" >"$1/sources.list"
    TESTING_APT=(apt-get -qq -o Dir::Etc::SourceList="$1/sources.list" -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists="$1/lists"
        -o Dir::Cache="$1/cache" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false)
    "${TESTING_APT[@]}" update
}
