# shellcheck shell=bash
# The distribution's packages kpulse is built from and runs with: apt (Debian, Ubuntu) and pacman (Arch). Needs common.sh.

# package_manager: prints apt or pacman; fails when there is neither.
package_manager() {
  if command -v apt-get >/dev/null; then
    echo apt
  elif command -v pacman >/dev/null; then
    echo pacman
  else
    return 1
  fi
}

# package_names MANAGER GROUP: prints the names of a group (build, services, broker, test, load).
package_names() {
  case $1/$2 in
    apt/build)
      echo build-essential cmake ninja-build pkg-config clang bpftool libbpf-dev protobuf-compiler libprotobuf-dev \
        libmosquitto-dev libcli11-dev libtomlplusplus-dev libspdlog-dev libfmt-dev libexpected-dev nlohmann-json3-dev \
        libcurl4-openssl-dev libmicrohttpd-dev libdeflate-dev libgtest-dev libgmock-dev libbenchmark-dev
      ;;
    apt/services) echo mosquitto influxdb curl ;;
    apt/broker) echo mosquitto curl ;;
    apt/test)
      echo mosquitto influxdb curl python3 util-linux libcap2-bin nbdkit libnbd-bin fuse3 fio \
        qemu-system-x86 busybox-static cpio kmod xz-utils dmsetup
      ;;
    apt/load | pacman/load) echo stress-ng ;;
    pacman/build)
      echo base-devel cmake ninja pkgconf clang bpf libbpf protobuf mosquitto cli11 tomlplusplus spdlog fmt tl-expected \
        nlohmann-json curl libmicrohttpd libdeflate gtest benchmark
      ;;
    pacman/services) echo mosquitto influxdb curl ;;
    pacman/broker) echo mosquitto curl ;;
    pacman/test) echo mosquitto influxdb curl python util-linux libcap nbdkit libnbd fuse3 fio ;;
    *) return 1 ;;
  esac
}

package_installed() {
  case $1 in
    apt) [[ $(dpkg-query -W -f '${db:Status-Status}' "$2" 2>/dev/null) == installed ]] ;;
    pacman) pacman -Qg "$2" >/dev/null 2>&1 || pacman -T "$2" >/dev/null 2>&1 ;;
  esac
}

# Ubuntu before 24.10 has no package bpftool: there it is part of the kernel's tools.
real_names() {
  local manager=$1 name
  shift
  for name in "$@"; do
    if [[ $manager/$name == apt/bpftool ]] && ! apt_has bpftool; then
      echo linux-tools-common linux-tools-generic
      ! apt_has "linux-tools-$(uname -r)" || echo "linux-tools-$(uname -r)"
    else
      echo "$name"
    fi
  done
}

# No pipe into `grep -q`: it stops reading at the first match, apt-cache dies of SIGPIPE, and with pipefail that reads as "no".
apt_has() { [[ $(apt-cache policy "$1" 2>/dev/null) == *'Candidate: '[^\(]* ]]; }

# missing_packages MANAGER GROUP...: prints what is not installed yet.
missing_packages() {
  local manager=$1 group name names=()
  shift
  for group in "$@"; do
    read -ra names <<<"$(package_names "$manager" "$group")"
    for name in "${names[@]}"; do
      # bpftool may come from a package of another name.
      [[ $name == bpftool ]] && command -v bpftool >/dev/null && continue
      package_installed "$manager" "$name" || echo "$name"
    done
  done | sort -u
}

# A service that a package would start on being installed is not wanted: the scripts start their own, on ports of their own.
# Debian asks /usr/sbin/policy-rc.d; one that is there already stays as it is.
KP_POLICY=/usr/sbin/policy-rc.d

hold_services() {
  [[ ! -e $KP_POLICY ]] || return 0
  printf '#!/bin/sh\n# kpulse: for the time of one installation\nexit 101\n' >"$KP_POLICY" && chmod 755 "$KP_POLICY"
}

release_services() {
  [[ -e $KP_POLICY ]] && grep -q '^# kpulse:' "$KP_POLICY" && rm -f "$KP_POLICY"
  return 0
}

apt_install() {
  export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
  apt-get -q update || return
  local names status=0
  mapfile -t names < <(real_names apt "$@" | tr ' ' '\n')
  hold_services
  apt-get -q -y --no-install-recommends -o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=120 \
    install "${names[@]}" || status=$?
  release_services
  return "$status"
}

install_named() {
  case $1 in
    apt) apt_install "${@:2}" ;;
    pacman) pacman -Sy --noconfirm --needed "${@:2}" ;;
  esac
}

# install_missing LOG GROUP...: installs what is not there. Fails (status 1, one line) when that is not possible.
install_missing() {
  local log=$1 manager missing
  shift
  manager=$(package_manager) || fail 1 "neither apt nor pacman here: install by hand what docs/OPERATIONS.md lists"
  mapfile -t missing < <(missing_packages "$manager" "$@")
  ((${#missing[@]})) || return 0
  ((EUID == 0)) || fail 1 "not root, and these packages are missing: ${missing[*]}"
  say "installing ${missing[*]}"
  run_with_progress installing "$log" install_named "$manager" "${missing[@]}" ||
    fail 1 "installing ${missing[*]} failed: $(grep -m1 -E '^(E:|error:)' "$log" || last_line "$log") (log: $log)"
}
