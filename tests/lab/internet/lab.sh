#!/bin/bash
# An internet and a customer's machine, on this machine and nowhere else.
#
# Run as:  unshare --mount --net --pid --fork --kill-child --mount-proc bash lab.sh DIRECTORY DOCTOR
#
# Everything lives in the namespaces that unshare made: networks, mounts and processes are gone with this script, however it
# ends, and it ends when its stdin does. It reads commands line by line, runs each, and answers “done STATUS”.
set -u
here=$(cd "$(dirname "$0")" && pwd)
dir=$1
doctor=$2
cd "$dir" || exit 1

# --- mounts: /run and /etc are this lab's own -----------------------------------------------------------------------------
mount --make-rprivate / || exit 1
mount -t tmpfs lab /run && mkdir -p /run/netns /run/squid || exit 1
mkdir -p overlay && mount -t tmpfs lab overlay && mkdir overlay/upper overlay/work || exit 1
mount -t overlay lab -o lowerdir=/etc,upperdir=overlay/upper,workdir=overlay/work /etc || exit 1
# faketime and squid name their shared memory by process id, which two labs have in common.
mount -t tmpfs lab /dev/shm || exit 1
mkdir -p /srv && mount -t tmpfs lab /srv || exit 1
cp /etc/ssl/certs/ca-certificates.crt public.pem 2>/dev/null || : > public.pem

# --- networks: this namespace is the internet, “cust” the customer's machine ------------------------------------------------
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0 2>/dev/null
ip link set lo up
ip netns add cust
ip -n cust link set lo up
ip link add to-cust type veth peer name eth0 netns cust
ip addr add 10.99.0.1/24 dev to-cust
ip addr add 2001:db8:99::1/64 dev to-cust nodad
ip link set to-cust up
ip -n cust addr add 10.99.0.2/24 dev eth0
ip -n cust addr add 2001:db8:99::2/64 dev eth0 nodad
ip -n cust link set eth0 up
routes() {
  ip -n cust route replace default via 10.99.0.1
  ip -n cust -6 route replace default via 2001:db8:99::1
}
routes
# Name servers: .1 works, .53 and .54 are odd, .66 and .67 drop everything, .68 is nobody's but answers for nothing.
for n in 3 53 54 66 67 68; do ip addr add 10.99.0.$n/32 dev lo; done
ip addr add 2001:db8:99::53/64 dev to-cust nodad
service() { ip addr add 203.0.113.$1/32 dev lo; ip addr add 2001:db8:113::$1/128 dev lo nodad; }
for n in 10 11 12 13 30 31 40 41 42 50 51 60 61 62 $(seq 100 112) $(seq 120 138); do service $n; done
ip addr add 137.116.234.60/32 dev lo
ip addr add 52.142.116.113/32 dev lo

# --- authorities and certificates -----------------------------------------------------------------------------------------
mkdir -p ca
registry_names=DNS:*.docker.io,DNS:*.docker.com,DNS:*.cloudflare.docker.com,DNS:blobs.storage.example
names=$registry_names,DNS:*.letsencrypt.org,DNS:*.api.letsencrypt.org,DNS:*.sesam.io,DNS:*.pypi.example,DNS:relay.example.com
key() { openssl ecparam -name prime256v1 -genkey -noout -out "ca/$1.key" 2>/dev/null; }
authority() { # NAME SUBJECT
  key "$1"
  openssl req -x509 -new -key "ca/$1.key" -subj "$2" -days 3650 -addext basicConstraints=critical,CA:TRUE -out "ca/$1.pem" 2>/dev/null
}
signed() { # NAME ISSUER SUBJECT NAMES [EXTENSION] [faketime…]
  local name=$1 issuer=$2 subject=$3 sans=$4 extension=${5:-}; shift 5
  key "$name"
  openssl req -new -key "ca/$name.key" -subj "$subject" -out "ca/$name.csr" 2>/dev/null
  printf 'subjectAltName=%s\n%s\n' "$sans" "$extension" > "ca/$name.ext"
  "$@" openssl x509 -req -in "ca/$name.csr" -CA "ca/$issuer.pem" -CAkey "ca/$issuer.key" -CAcreateserial -days "${days:-365}" \
    -extfile "ca/$name.ext" -out "ca/$name.pem" 2>/dev/null
}
authority root "/O=Lab Authority/CN=Lab Root"
authority inspector "/O=Inspector Inc/CN=Inspector CA"
authority private "/O=Acme/CN=Acme Private Root"
signed good root "/CN=services.lab" "$names" "" env
signed inspected inspector "/CN=inspected.lab" "$names" "" env
signed proxy root "/CN=proxy.lab" DNS:proxy.lab "" env
signed proxy-odd inspector "/CN=proxy.lab" DNS:proxy.lab "" env
signed relay private "/CN=relay.example.com" DNS:relay.example.com "" env
signed other root "/CN=other.lab" DNS:www.other.example "" env
days=30 signed expired root "/CN=expired.lab" "$names" "" faketime '400 days ago'
signed future root "/CN=future.lab" "$names" "" faketime '300 days'
key middle
openssl req -new -key ca/middle.key -subj "/O=Lab Authority/CN=Lab Intermediate" -out ca/middle.csr 2>/dev/null
printf 'basicConstraints=critical,CA:TRUE\n' > ca/middle.ext
openssl x509 -req -in ca/middle.csr -CA ca/root.pem -CAkey ca/root.key -CAcreateserial -days 365 -extfile ca/middle.ext -out ca/middle.pem 2>/dev/null
signed leaf middle "/CN=leaf.lab" "$names" "" env
key own
openssl req -x509 -new -key ca/own.key -subj "/CN=portal.sesam.io" -days 365 -addext "subjectAltName=$names" -out ca/own.pem 2>/dev/null
cat ca/leaf.pem ca/middle.pem > ca/whole.pem
cat ca/own.pem ca/own.key > ca/own-both.pem
cat ca/good.pem ca/good.key > ca/good-both.pem
cat ca/inspector.pem ca/inspector.key > ca/inspector-both.pem
trust() { cat public.pem ca/root.pem > bundle.pem; install -D -m 644 bundle.pem /etc/ssl/certs/ca-certificates.crt; }
trust

# --- services: nginx for what answers properly, odd.py for what does not ----------------------------------------------------
site() { # LAST-OCTET CERTIFICATE KEY BODY
  echo "server { listen 203.0.113.$1:443 ssl; listen [2001:db8:113::$1]:443 ssl; server_name _; ssl_certificate $dir/ca/$2; ssl_certificate_key $dir/ca/$3; $4 }"
}
registry='location = /v2/ { add_header Docker-Distribution-Api-Version registry/2.0 always; add_header WWW-Authenticate "Bearer realm=\"https://auth.docker.io/token\"" always; return 401 "{}"; }'
blob='location /v2/library/ { if ($http_authorization != "Bearer lab-token-4711") { return 401; } return 307 https://blobs.storage.example/blob?signature=geheim; }'
index='location /simple/ { default_type text/html; return 200 "<a href=x>pip</a>"; }'
token='location /token { default_type application/json; return 200 "{\"token\": \"lab-token-4711\"}"; }'
acme='location /directory { default_type application/json; return 200 "{\"newNonce\": \"x\", \"newOrder\": \"y\"}"; }'
all="$registry $blob $token $acme $index location / { return 200 \"lab\"; }"
blocked='location / { default_type text/html; return 403 "<html><title>Blocked</title><p>Access to this site has been blocked by the web filter of Acme</p></html>"; }'
{
  echo "pid $dir/nginx.pid; error_log $dir/nginx.log; worker_processes 1; user root; daemon off; events { worker_connections 512; }"
  echo "http { access_log off; server_tokens off;"
  for t in client_body proxy fastcgi uwsgi scgi; do echo "${t}_temp_path $dir/temp-$t;"; done
  for n in 10 11 12 13 30 31 50 51 60 61 62; do site $n good.pem good.key "$all"; done
  site 120 inspected.pem inspected.key "$all"
  site 121 leaf.pem leaf.key "$all"
  site 122 other.pem other.key "$all"
  site 123 expired.pem expired.key "$all"
  site 124 future.pem future.key "$all"
  site 125 good.pem good.key "ssl_protocols TLSv1.1; ssl_ciphers ALL:@SECLEVEL=0; $all"
  site 126 good.pem good.key "$blocked"
  site 127 good.pem good.key 'location / { return 200 "It works!"; }'
  site 128 good.pem good.key 'location / { return 503 "down"; }'
  site 129 good.pem good.key 'location / { add_header Retry-After 60 always; return 429 "slow down"; }'
  site 130 own.pem own.key "$all"
  site 131 relay.pem relay.key "$all"
  site 132 inspected.pem inspected.key "$blocked"
  site 133 whole.pem leaf.key "$all"
  site 134 good.pem good.key 'location / { return 302 https://$host$request_uri; }'
  # Pebble's directory, at the path that Let's Encrypt has for it.
  site 137 good.pem good.key 'location = /directory { proxy_pass https://203.0.113.42:14000/dir; }'
  site 138 good.pem good.key "$registry location /v2/library/ { return 404; }"
  for address in 137.116.234.60 52.142.116.113; do
    echo "server { listen $address:443 ssl; ssl_certificate $dir/ca/good.pem; ssl_certificate_key $dir/ca/good.key; location / { return 200 lab; } }"
  done
  echo "}"
} > nginx.conf
nginx -c "$dir/nginx.conf" -e "$dir/nginx.log" 2>> nginx.log &
python3 "$here/odd.py" "$dir" > odd.log 2>&1 &

# --- proxies: 3128 wants a login, 3129 none, 3130 forbids, 3131 breaks TLS open; over TLS 3132 wants none, 3133 presents -----
# --- a certificate that nobody trusts, 3134 wants a login -------------------------------------------------------------------
mkdir -p squid && chown proxy: squid
htpasswd -bc squid/passwords lab 'Geheim-4711' 2>/dev/null || printf 'lab:%s\n' "$(openssl passwd -apr1 'Geheim-4711')" > squid/passwords
rm -rf squid/forged && /usr/lib/squid/security_file_certgen -c -s "$dir/squid/forged" -M 4MB > /dev/null 2>&1
chown -R proxy: squid
chmod 755 "$dir" ca; chmod 644 ca/*
cat > squid.conf <<EOF
http_port 203.0.113.40:3128
http_port 203.0.113.40:3129
http_port 203.0.113.40:3130
http_port 203.0.113.40:3131 ssl-bump tls-cert=$dir/ca/inspector-both.pem generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
https_port 203.0.113.40:3132 tls-cert=$dir/ca/proxy.pem tls-key=$dir/ca/proxy.key
https_port 203.0.113.40:3133 tls-cert=$dir/ca/proxy-odd.pem tls-key=$dir/ca/proxy-odd.key
https_port 203.0.113.40:3134 tls-cert=$dir/ca/proxy.pem tls-key=$dir/ca/proxy.key
sslcrtd_program /usr/lib/squid/security_file_certgen -s $dir/squid/forged -M 4MB
sslcrtd_children 1
tls_outgoing_options flags=DONT_VERIFY_PEER
ssl_bump bump all
auth_param basic program /usr/lib/squid/basic_ncsa_auth $dir/squid/passwords
auth_param basic children 1
auth_param basic realm lab
acl wants_login localport 3128 3134
acl forbids localport 3130
acl portal dstdomain portal.sesam.io
acl forbids_portal localport 3129
acl filtered dstdomain .forbidden.example
acl authed proxy_auth REQUIRED
http_access deny forbids
http_access deny filtered
include $dir/squid-extra.conf
http_access allow wants_login authed
http_access deny wants_login
http_access allow all
dns_nameservers 10.99.0.1
dns_v4_first on
pid_filename $dir/squid/squid.pid
access_log none
cache_log $dir/squid/cache.log
cache deny all
coredump_dir $dir/squid
pinger_enable off
max_filedescriptors 1024
cache_effective_user proxy
shutdown_lifetime 0 seconds
forward_max_tries 1
connect_timeout 1 second
EOF
: > squid-extra.conf
squid_pid=
proxies() { # [EXTRA RULES] start squid, once somebody needs it, or with other rules
  if [ -n "$squid_pid" ]; then kill "$squid_pid" 2>/dev/null; wait "$squid_pid" 2>/dev/null; fi
  printf '%s\n' "${1:-}" > squid-extra.conf
  rm -f squid/squid.pid
  squid -N -f "$dir/squid.conf" > squid.log 2>&1 &
  squid_pid=$!
  opened 203.0.113.40 3134
}
opened() { # ADDRESS PORT  waits until somebody listens there
  for _ in $(seq 1500); do (: < "/dev/tcp/$1/$2") 2>/dev/null && return 0; sleep 0.02; done
  return 1
}
socks_pid=
socks() { # SOCKS 5, once somebody needs it: 1080 wants no login, 1081 wants one
  [ -n "$socks_pid" ] && return 0
  microsocks -i 203.0.113.42 -p 1080 > socks.log 2>&1 &
  microsocks -i 203.0.113.42 -p 1081 -u lab -P Geheim-4711 >> socks.log 2>&1 &
  socks_pid=$!
  opened 203.0.113.42 1080 && opened 203.0.113.42 1081
}
acme_pid=
acme_server() { # pebble, once somebody needs it
  [ -n "$acme_pid" ] && return 0
  cat > pebble.json <<EOF
{"pebble": {"listenAddress": "203.0.113.42:14000", "managementListenAddress": "203.0.113.42:15000",
  "certificate": "$dir/ca/good.pem", "privateKey": "$dir/ca/good.key", "httpPort": 80, "tlsPort": 443,
  "ocspResponderURL": "", "externalAccountBindingRequired": false}}
EOF
  pebble -config pebble.json > pebble.log 2>&1 &
  acme_pid=$!
  opened 203.0.113.42 14000
}

# --- names ------------------------------------------------------------------------------------------------------------------
declare -A at
names_reset() {
  at=(
    [registry-1.docker.io]=10 [auth.docker.io]=11 [production.cloudflare.docker.com]=12 [blobs.storage.example]=13
    [acme-v02.api.letsencrypt.org]=30 [letsencrypt.org]=31 [proxy.lab]=203.0.113.40
    [portal.sesam.io]=50 [downloads.sesam.io]=51 [logs.sesam.io]=51
    [index.pypi.example]=60 [legacy.pypi.example]=61 [files.pypi.example]=62 [relay.example.com]=131
  )
  extra=()
  unknown="address=/#/"
}
dnsmasq_pid=
names() { # put the names into effect; what is “-” is left to the extra lines
  if [ -n "$dnsmasq_pid" ]; then kill "$dnsmasq_pid" 2>/dev/null; wait "$dnsmasq_pid" 2>/dev/null; fi
  {
    printf 'port=53\nlisten-address=10.99.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\ncache-size=0\nuser=root\n%s\n' "$unknown"
    for name in "${!at[@]}"; do
      case ${at[$name]} in
        -) ;;
        *[.:]*) for address in ${at[$name]}; do echo "address=/$name/$address"; done ;;
        *) echo "address=/$name/203.0.113.${at[$name]}"; echo "address=/$name/2001:db8:113::${at[$name]}" ;;
      esac
    done
    printf '%s\n' "${extra[@]}"
  } > dnsmasq.conf
  dnsmasq -C dnsmasq.conf 2> dnsmasq.log &
  dnsmasq_pid=$!
  for _ in $(seq 3000); do ss -Hltn 'src 10.99.0.1:53' 2>/dev/null | grep -q . && return 0; sleep 0.01; done
  cat dnsmasq.log >&2
  return 1
}
use() { # ADDRESS…  the customer's name servers
  rm -f /etc/resolv.conf; : > /etc/resolv.conf
  for server in "$@"; do echo "nameserver $server" >> /etc/resolv.conf; done
}

far_pid=
far() { # MS  the internet is so far away, each way; the name servers stay near; until the next reset
  python3 "$here/far.py" cust "$1" > far.log 2>&1 &
  far_pid=$!
  for _ in $(seq 500); do grep -q ready far.log && break; sleep 0.02; done
  ip addr add 10.98.0.1/24 dev far0 && ip addr add 2001:db8:98::1/64 dev far0 nodad && ip link set far0 up &&
    ip -n cust addr add 10.98.0.2/24 dev far1 && ip -n cust addr add 2001:db8:98::2/64 dev far1 nodad && ip -n cust link set far1 up &&
    ip -n cust route replace default via 10.98.0.1 && ip -n cust -6 route replace default via 2001:db8:98::1
}

node() { # NAME  the customer's .env, with this name for the node
  mkdir -p /srv/data
  cat > /srv/data/.env <<EOF
TRAEFIK_DOCKER_IMAGE_TAG=v3.1
SESAM_NODE_IMAGE_TAG=weekly-prod
FLUENTBIT_IMAGE_TAG=1.9.4
FLUENTBIT_HOST=logs.sesam.io
FLUENTBIT_AUTH_HEADER=Geheim-4711
USER_ID=1001
NODE_DOMAIN=$1
APPLIANCE_ID=6f1c3a52-4a0e-4d9c-9a54-0b7f3e1d2c4b
SUBSCRIPTION_ID=12345
EOF
}
own_certificate() { # the stack serves a certificate of the customer's own
  mkdir -p /srv/data/traefik/certs
  cat > /srv/data/docker-compose.yml <<'EOF'
services:
  traefik:
    image: traefik:v3.1
    command: [--entrypoints.websecure.address=:443, --providers.file.filename=/traefik.yml]
    volumes: [/srv/data/traefik/certs:/certs:ro]
EOF
}

# --- the packet filter --------------------------------------------------------------------------------------------------------
fw() { # RULE…  rules for what comes from the customer
  { echo 'table inet lab { chain from_customer { type filter hook prerouting priority -150; policy accept; iifname != "to-cust" accept;'
    printf '%s\n' "$@" '}' '}'; } | nft -f -
}
fwin() { # RULE…  the same where only rejecting is allowed (hook input)
  { echo 'table inet labin { chain from_customer { type filter hook input priority 0; policy accept; iifname != "to-cust" accept;'
    printf '%s\n' "$@" '}' '}'; } | nft -f -
}
redirect() { # LAST-OCTET  every 443 of the customer ends there
  nft -f - <<EOF
table ip labnat { chain c { type nat hook prerouting priority -100; iifname "to-cust" tcp dport 443 dnat to 203.0.113.$1
}
}
table ip6 labnat { chain c { type nat hook prerouting priority -100; iifname "to-cust" tcp dport 443 dnat to 2001:db8:113::$1
}
}
EOF
}

# --- scenarios ----------------------------------------------------------------------------------------------------------------
reset() {
  nft flush ruleset
  if [ -n "$far_pid" ]; then kill "$far_pid" 2>/dev/null; wait "$far_pid" 2>/dev/null; far_pid=; fi
  fw 'ip daddr { 10.99.0.66, 10.99.0.67 } drop'
  routes
  trust
  names_reset
  use 10.99.0.1
  rm -rf /etc/docker /srv/data
  printf '127.0.0.1 localhost\n::1 localhost\n' > /etc/hosts
  printf 'hosts: files dns\n' > /etc/nsswitch.conf
  printf 'PATH=/usr/bin\n' > /etc/environment
  unset "${!odd_@}" 2>/dev/null
  profile=$dir/lab.toml
  wrap=()
  variables=()
  return 0
}
customer() { # COMMAND…  runs it on the customer's machine
  ip netns exec cust env -i PATH="$PATH" HOME=/root "${variables[@]}" "${wrap[@]}" "$@"
}
examine() { # ARGUMENT…  runs the doctor as the customer; the report goes to report.json
  customer "$doctor" check dns outbound "$@" --profile "$profile" --format json --no-progress > report.json 2> stderr.txt
}
cp "$here/lab.toml" lab.toml
names_reset
for _ in $(seq 3000); do (: < /dev/tcp/203.0.113.10/443) 2>/dev/null && grep -q ready odd.log && break; sleep 0.02; done
(: < /dev/tcp/203.0.113.10/443) 2>/dev/null && grep -q ready odd.log || { cat odd.log nginx.log >&2; exit 1; }
reset
echo ready
while IFS= read -r line; do
  eval "$line"
  echo "done $?"
done
