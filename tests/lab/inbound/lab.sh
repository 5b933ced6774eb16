#!/bin/bash
# A machine that is probed, and one that probes it, joined by a cable, on this machine and nowhere else.
#
# Run as:  unshare --mount --net --pid --fork --kill-child --mount-proc bash lab.sh DIRECTORY DOCTOR
#
# This network namespace is the outside, “node” the machine. All lives in the namespaces that unshare made: networks, mounts
# and processes are gone with this script, however it ends, and it ends when its stdin does. It reads commands line by line,
# runs each, and answers “done STATUS”.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
doctor=$2
cd "$dir" || exit 1

mount --make-rprivate / || exit 1
mount -t tmpfs lab /run && mkdir -p /run/netns || exit 1
printf '127.0.0.1 localhost\n10.99.1.2 node.example.com four.example.com\n2001:db8:1::2 node.example.com six.example.com\n' > hosts
echo 'nameserver 10.99.1.53' > resolv.conf
mount --bind hosts /etc/hosts || exit 1
mount --bind resolv.conf "$(readlink -f /etc/resolv.conf)" || exit 1

ip link set lo up
ip netns add node
ip -n node link set lo up
ip link add to-node type veth peer name eth0 netns node
ip addr add 10.99.1.1/24 dev to-node
ip addr add 2001:db8:1::1/64 dev to-node nodad
ip link set to-node up
ip -n node addr add 10.99.1.2/24 dev eth0
ip -n node addr add 2001:db8:1::2/64 dev eth0 nodad
ip -n node link set eth0 up

# A program is what its file is called: a server that plays Traefik is the interpreter under that name.
python=$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))') || exit 1
for name in traefik webserver docker-proxy; do ln -s "$python" "$name"; done

# As a prefix and not as a function, so that a program in the background is itself the job that is ended.
in_node='nsenter --net=/run/netns/node --'
await() { # COMMAND…: until it succeeds
  for _ in $(seq 600); do "$@" && return 0; sleep 0.05; done
  return 1
}
heard() { # COUNT WORDS: so many lines of what the listening doctor says hold these words
  test "$(grep -c -- "$2" listen.jsonl)" -ge "$1"
}
serve() { # PROGRAM MODE ADDRESS PORT [ARGUMENT…]: a server on the machine; returns when it listens
  rm -f ready
  local program=$1; shift
  $in_node "$dir/$program" "$here/server.py" "$dir" "$@" > server.log 2>&1 &
  await test -e ready
}
fail_listen() { $in_node "$doctor" listen --format json "$@" > listen.jsonl 2> listen.err; }
listen() { # ARGUMENTS: the doctor listens on the machine; returns when it does, with its token in the file “token”
  : > listen.jsonl
  $in_node "$doctor" listen --format json "$@" > listen.jsonl 2> listen.err &
  listener=$!
  await grep -q '"event":"begun"' listen.jsonl && sed -n 's/.*"token":"\([0-9a-f]*\)".*/\1/p' listen.jsonl > token
}
listened() { wait "$listener"; echo $? > listen.status; }
stop_listening() { kill -TERM "$listener"; wait "$listener"; echo $? > listen.status; }
timeout=15 # seconds; enough for a busy machine, and less where silence is what is looked for
probe() { # ARGUMENTS
  SSL_CERT_FILE=$dir/ca.pem "$doctor" probe --timeout "$timeout" --no-progress --format json "$@" > probe.json 2> probe.err
  echo $? > probe.status
}
check() { # ARGUMENTS
  $in_node "$doctor" check inbound --offline --no-progress --format json --root "$dir/root" "$@" > report.json 2> report.err
  echo $? > report.status
}
reset() {
  { for job in $(jobs -p); do kill -KILL "$job"; done; wait; } 2>/dev/null
  nft flush ruleset; $in_node nft flush ruleset
  rm -rf root probe.json report.json listen.jsonl token; mkdir -p root/etc
}
filter() { # RULE: one rule for what comes in to the machine
  $in_node nft "add table inet lab; add chain inet lab come_in { type filter hook input priority 0; policy accept; }; add rule inet lab come_in $1"
}
ufw() { # RULES: ufw as its files say; rules in its own words
  mkdir -p root/etc/ufw root/etc/default
  echo 'ENABLED=yes' > root/etc/ufw/ufw.conf
  printf 'IPV6=yes\nDEFAULT_INPUT_POLICY="DROP"\n' > root/etc/default/ufw
  printf '%b' "$1" > root/etc/ufw/user.rules
  : > root/etc/ufw/user6.rules
}
firewalld() { # ZONE
  mkdir -p root/etc/firewalld/zones root/etc/systemd/system/multi-user.target.wants
  ln -s /usr/lib/systemd/system/firewalld.service root/etc/systemd/system/multi-user.target.wants/firewalld.service
  echo 'DefaultZone=public' > root/etc/firewalld/firewalld.conf
  echo "$1" > root/etc/firewalld/zones/public.xml
}
report_at_hand() { # the probe's report, where the machine's settings name it
  mkdir -p root/etc/sesam-doctor root/var
  cp probe.json root/var/probe.json
  echo 'probe_report = "/var/probe.json"' > root/etc/sesam-doctor/config.toml
}

echo ready
while read -r line; do
  eval "$line"
  echo "done $?"
done
