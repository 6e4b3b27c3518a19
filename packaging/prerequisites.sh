# What it takes to build gantry on a fresh Debian. Sourced by demo.sh and test.sh, after conformance/lib.sh.
# shellcheck shell=bash

# Runs Maven itself on JDK 25 too: its formatter wants that. The build and the launcher look in the same places.
has_jdk_25() {
    local home
    for home in "${JAVA_HOME:-}" /usr/lib/jvm/*25*; do
        if [ -x "$home/bin/javac" ] && grep -q '^JAVA_VERSION="25[."]' "$home/release" 2>/dev/null; then
            export JAVA_HOME=$home
            return 0
        fi
    done
    return 1
}

# In a pipe no grep -q: it ends at the first match, what still writes to it gets SIGPIPE, and under pipefail that is the pipe's result.
has_package() { apt-cache -q policy "$1" 2>/dev/null | grep '^ *Candidate: [^(]' >/dev/null; }

need_jdk_25() {
    has_jdk_25 && return
    if ! has_package openjdk-25-jdk-headless; then
        apt-get -qq update || say "apt-get update had errors; trying with what there is"
    fi
    if has_package openjdk-25-jdk-headless; then install_packages openjdk-25-jdk-headless; fi
    has_jdk_25 || die "JDK 25 is missing, and this release of Debian has no package of it (Debian 13 has openjdk-25-jdk-headless):" \
        "put any build of JDK 25 below /usr/lib/jvm, in a folder with 25 in its name, or set JAVA_HOME to it"
}

need_build_tools() {
    need_root
    need_commands mvn:maven gcc:gcc make:make tar:tar gzip:gzip curl:curl ip:iproute2 iptables:iptables setsid:util-linux find:findutils openssl:openssl
    [ -e /usr/lib/x86_64-linux-gnu/libc.a ] || [ -e /usr/lib/aarch64-linux-gnu/libc.a ] || install_packages libc6-dev
    [ -e /usr/include/linux/if.h ] || install_packages linux-libc-dev
    # Optional for gantry, which inflates layers two times faster with it; its tests want it.
    ldconfig -p | grep 'libisal\.so\.2 ' >/dev/null || install_packages libisal2
    [ -x /usr/lib/cni/bridge ] || install_packages containernetworking-plugins
    need_jdk_25
}
