#!/usr/bin/env bash
# Boots a Debian kernel in an emulated machine whose root is this machine's (read only, with a layer in memory above it), runs a
# command in it as root, and ends with the command's exit status.
#
#   tests/vm/guest.sh --kernel 6.1|6.12 [--memory MIB] [--silence SECONDS] [--timeout SECONDS] [--console FILE]
#                     [--module 'NAME [PARAMETER=VALUE...]']... [--append KERNEL_ARGUMENTS] COMMAND [WORD...]
#
# A module named with --module is loaded, with the parameters given, before the command runs; those it needs come with it.
# The command's output comes on stdout, the kernel's messages go to the console's FILE (build/vm/console-<kernel>.log). Kernels are downloaded
# once, to build/vm.
#
# A guest hangs, and is ended, when its command has said nothing for --silence seconds (300), not counting those in which the emulator had no
# processor (patience.py). What the kernel says is no progress: it may go on for ever while a test hangs. --timeout (3600) is the last resort.
# Exit status 3: that kernel cannot be had here. 124: the guest did not come to its end by itself; how and where is on stderr.
set -euo pipefail

KP_SCRIPT=guest
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=deploy/lib/common.sh
. "$root/deploy/lib/common.sh"
readonly store=$root/build/vm
modules=(virtio_pci 9p 9pnet_virtio overlay)

kernel='' memory=1024 silence=300 timeout=3600 console=''
# All processors of an emulated machine have one time stamp counter, but the kernel's comparison at start fails when the host is busy, and
# its scheduler clocks may then be a tick apart.
# A kernel that hangs says where, and ends: with "quiet" it would not show the stack.
append='tsc=reliable loglevel=5 softlockup_panic=1 sysctl.kernel.panic_on_rcu_stall=1'
while (($#)); do
  case $1 in
    --kernel) kernel=$2; shift 2 ;;
    --memory) memory=$2; shift 2 ;;
    --silence) silence=$2; shift 2 ;;
    --timeout) timeout=$2; shift 2 ;;
    --console) console=$2; shift 2 ;;
    --append) append+=" $2"; shift 2 ;;
    --module) modules+=("$2"); shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    -*) fail 2 "no option '$1'" ;;
    *) break ;;
  esac
done
(($#)) || fail 2 "a command is missing"

# package_of VERSION: the package with the kernel itself, which the package of that name depends on.
package_of() {
  local name=linux-image-$1-amd64
  [[ $1 != 6.1 ]] || name=linux-image-amd64
  { apt-cache depends "$name" 2>/dev/null || true; } | sed -n 's/^ *Depends: \(linux-image-.*\)/\1/p'
}

# fetch PACKAGE FOLDER: downloads and unpacks it. A half-made folder is never left behind.
fetch() {
  local aside=$2.tmp module
  rm -rf "$aside" && mkdir -p "$aside"
  (cd "$aside" && apt-get -q download "$1" >download.log 2>&1) || fail 3 "cannot download $1: $(tail -n 1 "$aside/download.log")"
  dpkg -x "$aside"/*.deb "$aside"
  rm -f "$aside"/*.deb
  local version
  version=$(basename "$aside"/lib/modules/*)
  # busybox does not read compressed modules.
  find "$aside/lib/modules" -name '*.ko.xz' -print0 | while IFS= read -r -d '' module; do unxz "$module"; done
  depmod -b "$aside" "$version"
  mv "$aside" "$2"
}

# make_initramfs FOLDER TREE: busybox, the modules in the order they depend on each other, and init. Without the command.
make_initramfs() {
  local folder=$1 tree=$2 version module
  version=$(basename "$folder"/lib/modules/*)
  mkdir -p "$tree"/{bin,proc,sys,dev,modules}
  cp "$(command -v busybox)" "$tree/bin/busybox"
  local applet
  for applet in sh mount mkdir insmod ifconfig stty cp chroot echo poweroff; do ln -sf busybox "$tree/bin/$applet"; done
  local name parameters needed
  for module in "${modules[@]}"; do
    read -r name parameters <<<"$module"
    needed=$(modprobe --show-depends -d "$folder" -S "$version" "$name" 2>&1) || fail 2 "--module: $needed"
    sed -nE 's/^insmod ([^ ]*).*/\1/p' <<<"$needed" | sed "\$ s|\$| $parameters|"
  done | awk '!seen[$1]++' | while read -r module parameters; do
    cp "$module" "$tree/modules/"
    echo "${module##*/} $parameters" >>"$tree/modules/order"
  done
  cp "$root/tests/vm/init" "$tree/init"
  chmod 755 "$tree/init"
}

package=$(package_of "$kernel")
[[ -n $package ]] || fail 3 "no Debian package of a kernel '$kernel' here (apt knows 6.1 and 6.12 of Debian 12, after apt-get update)"
folder=$store/$package
mkdir -p "$store"
exec {lock}>"$store/$package.lock"  # another guest of the same kernel may start now, too
flock "$lock"
[[ -d $folder ]] || fetch "$package" "$folder"
exec {lock}>&-
console=${console:-$store/console-$kernel.log}
run=$(mktemp -d "$store/run.XXXXXX")
trap 'rm -rf "$run"' EXIT
make_initramfs "$folder" "$run/initramfs"
{
  printf 'cd %q\n' "$PWD"
  printf 'export PATH=%q HOME=/tmp\n' "$PATH"
  printf '%q ' "$@"
  echo
} >"$run/initramfs/command"
(cd "$run/initramfs" && find . | cpio -o -H newc --quiet | gzip -1) >"$run/initrd"

# No KVM: the processor is emulated, and so is its clock. One CPU more than tests pin themselves to. No guest outlives this script.
ended=$(setpriv --pdeathsig TERM -- python3 -B "$root/tests/vm/patience.py" --silence "$silence" --bound "$timeout" --output "$run/output" \
  setpriv --pdeathsig KILL -- \
  qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m "$memory" -nodefaults -no-reboot -display none \
  -kernel "$folder"/boot/vmlinuz-* -initrd "$run/initrd" -append "console=ttyS0 panic=-1 $append" \
  -virtfs local,path=/,mount_tag=root,security_model=none,readonly=on,multidevs=remap \
  -serial "file:$console" -serial "file:$run/output" </dev/null 2>"$run/qemu.log") || true
status=$(sed -n 's/\r*$//; s/^guest: exit status \([0-9]*\)$/\1/p' "$run/output" 2>/dev/null | tail -n 1)
sed '/^guest: exit status [0-9]*\r*$/d; s/\r$//' "$run/output" 2>/dev/null || true
if [[ -z $status ]]; then
  warn "the guest did not come to its end: ${ended:-its kernel or the emulator ended it} (kernel's messages: $console)"
  tail -n 3 "$run/qemu.log" >&2
  warn "the last the command said:"
  tail -n 5 "$run/output" >&2 || true
  warn "the last the kernel said:"
  tail -n 60 "$console" >&2 || true
  exit 124
fi
exit "$status"
