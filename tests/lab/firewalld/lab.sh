#!/bin/bash
# A machine with a real firewalld, in namespaces of its own and on a layer above this machine's files: nothing is installed
# here, and all is gone when this script ends.
#
# Run as:  unshare --mount --net --pid --fork --kill-child --mount-proc bash lab.sh PACKAGES DIRECTORY DOCTOR
#
# Writes the doctor's reports to DIRECTORY: closed.json, open.json, rich.json, stopped.json.
set -eu
packages=$1 directory=$2 doctor=$3

mount --make-rprivate /
mkdir -p "$directory/layer"
mount -t tmpfs lab "$directory/layer"
mkdir "$directory/layer/upper" "$directory/layer/work" "$directory/layer/root"
root=$directory/layer/root
mount -t overlay lab -o "lowerdir=/,upperdir=$directory/layer/upper,workdir=$directory/layer/work" "$root"
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs lab "$root/run"
mkdir -p "$root/run/dbus" "$root/run/packages"
cp "$doctor" "$root/run/doctor"
mount --bind "$packages" "$root/run/packages"
# No service of a package is started by its installation.
printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c 'dpkg -i /run/packages/*.deb' > "$directory/dpkg.log" 2>&1

ip link set lo up
ip link add eth0 type veth peer name wall
ip link set eth0 up
chroot "$root" dbus-daemon --system --fork --nopidfile
chroot "$root" /usr/sbin/firewalld --nofork --nopid > "$directory/firewalld.log" 2>&1 &
firewalld=$!
await() { # COMMAND…: until it succeeds, a minute at most
  for _ in $(seq 300); do "$@" > /dev/null 2>&1 && return 0; sleep 0.2; done
  return 1
}
await chroot "$root" firewall-cmd --state
command() { chroot "$root" firewall-cmd --zone=public "$@" > /dev/null; }
report() { # NAME
  chroot "$root" /run/doctor check inbound --offline --no-progress --timeout 30 --format json > "$directory/$1.json" 2> "$directory/$1.err" || true
}
command --add-interface=eth0
report closed
command --add-service=http
command --add-port=443/tcp
report open
command --remove-service=http
command --add-rich-rule='rule family="ipv4" source address="10.0.0.0/8" port port="80" protocol="tcp" accept'
report rich
kill "$firewalld"
wait "$firewalld" || true
report stopped
