//! The states of the lab, and what the doctor has to say of each.

use super::Scenario;

const DOCKER: &str = "outbound.docker";
const LETSENCRYPT: &str = "outbound.letsencrypt";
const SESAM: &str = "outbound.sesam";
const PYPI: &str = "outbound.pypi";
const PROXY: &str = "outbound.proxy";
const RESOLVERS: &str = "dns.resolvers";
const PORTAL: &str = "portal.sesam.io";

/// A machine without any trouble.
const WELL: Scenario = Scenario {
    name: "",
    arrange: "true",
    arguments: "--timeout 2",
    status: "pass",
    roots: &[],
    items: &[],
    advice: &[],
};

/// One host fails, and its group is the only root cause.
macro_rules! portal_fails {
    ($name:literal, $arrange:literal, $cause:literal, [$($advice:literal),+]) => {
        Scenario {
            name: $name,
            arrange: $arrange,
            status: "fail",
            roots: &[(SESAM, $cause)],
            items: &[(SESAM, PORTAL, "fail", $cause), (SESAM, "downloads.sesam.io", "pass", "")],
            advice: &[$($advice),+],
            ..WELL
        }
    };
}

/// Every host of every group fails in the same way.
macro_rules! all_fail {
    ($name:literal, $arrange:literal, $cause:literal, [$($advice:literal),+]) => {
        Scenario {
            name: $name,
            arrange: $arrange,
            status: "fail",
            roots: &[(DOCKER, $cause), (LETSENCRYPT, $cause), (SESAM, $cause), (PYPI, $cause)],
            items: &[(SESAM, PORTAL, "fail", $cause)],
            advice: &[$($advice),+],
            ..WELL
        }
    };
}

/// The proxy is the only root cause.
macro_rules! proxy_fails {
    ($name:literal, $arrange:literal, $cause:literal, [$($advice:literal),+]) => {
        Scenario {
            name: $name,
            arrange: $arrange,
            status: "fail",
            roots: &[(PROXY, $cause)],
            items: &[(SESAM, PORTAL, "fail", $cause)],
            advice: &[$($advice),+],
            ..WELL
        }
    };
}

/// Something is worth a warning, and nothing fails.
macro_rules! warns {
    ($name:literal, $arrange:literal, $check:expr, $item:literal, $cause:literal, [$($advice:literal),+]) => {
        Scenario {
            name: $name,
            arrange: $arrange,
            status: "warn",
            items: &[($check, $item, "warn", $cause)],
            advice: &[$($advice),+],
            ..WELL
        }
    };
}

pub const ALL: &[Scenario] = &[
    Scenario {
        name: "all is well",
        items: &[
            (DOCKER, "registry-1.docker.io", "pass", ""),
            (DOCKER, "blobs.storage.example", "pass", ""),
            (LETSENCRYPT, "acme-v02.api.letsencrypt.org", "pass", ""),
            (PYPI, "index.pypi.example", "pass", ""),
            (RESOLVERS, "10.99.0.1", "pass", ""),
        ],
        ..WELL
    },
    Scenario {
        name: "without IPv6 on the machine all is well",
        arrange: "ip -n cust -6 route del default",
        ..WELL
    },
    Scenario {
        name: "names without IPv6 addresses are well",
        arrange: "for name in ${!at[@]}; do [[ ${at[$name]} == *.* ]] || at[$name]=203.0.113.${at[$name]}; done",
        ..WELL
    },
    Scenario {
        name: "a machine with IPv6 only is well",
        arrange: "use 2001:db8:99::53; ip -n cust route del default; extra+=(listen-address=2001:db8:99::53)",
        ..WELL
    },
    // --- names
    Scenario {
        name: "no name server answers",
        arrange: "use 10.99.0.66 10.99.0.67",
        status: "fail",
        roots: &[(RESOLVERS, "silent")],
        items: &[
            (RESOLVERS, "10.99.0.66", "fail", "silent"),
            (RESOLVERS, "10.99.0.67", "fail", "silent"),
            (SESAM, PORTAL, "fail", "dns-unreachable"),
        ],
        advice: &["port 53", "10.99.0.66"],
        ..WELL
    },
    Scenario {
        name: "one name server of three is dead",
        arrange: "use 10.99.0.1 10.99.0.66 10.99.0.3; extra+=('listen-address=10.99.0.3')",
        status: "warn",
        items: &[
            (RESOLVERS, "10.99.0.66", "warn", "silent"),
            (RESOLVERS, "10.99.0.1", "pass", ""),
            (RESOLVERS, "10.99.0.3", "pass", ""),
        ],
        advice: &["10.99.0.66"],
        ..WELL
    },
    warns!(
        "the first name server is dead",
        "use 10.99.0.66 10.99.0.1",
        RESOLVERS,
        "10.99.0.66",
        "silent",
        ["10.99.0.66"]
    ),
    warns!(
        "one name server refuses packets",
        "use 10.99.0.1 10.99.0.68",
        RESOLVERS,
        "10.99.0.68",
        "rejected",
        ["10.99.0.68"]
    ),
    warns!(
        "one name server answers garbage",
        "use 10.99.0.1 10.99.0.54",
        RESOLVERS,
        "10.99.0.54",
        "garbage",
        ["10.99.0.54"]
    ),
    Scenario {
        name: "the name server answers over TCP only",
        arrange: "use 10.99.0.1; nft add rule inet lab from_customer ip daddr 10.99.0.1 udp dport 53 drop; use 10.99.0.1",
        status: "fail",
        roots: &[(RESOLVERS, "tcp-only")],
        items: &[(RESOLVERS, "10.99.0.1", "fail", "tcp-only")],
        advice: &["10.99.0.1"],
        ..WELL
    },
    warns!(
        "a line names no address",
        "echo 'nameserver dns.acme' >> /etc/resolv.conf",
        RESOLVERS,
        "dns.acme",
        "unusable",
        ["dns.acme"]
    ),
    Scenario {
        name: "every name server answers garbage",
        arrange: "use 10.99.0.54",
        status: "fail",
        roots: &[(RESOLVERS, "garbage")],
        items: &[(SESAM, PORTAL, "fail", "dns-unreachable")],
        advice: &["10.99.0.54"],
        ..WELL
    },
    portal_fails!(
        "a name does not exist",
        "at[portal.sesam.io]=-",
        "dns-nxdomain",
        ["10.99.0.1", "portal.sesam.io"]
    ),
    portal_fails!(
        "a name is refused",
        "at[portal.sesam.io]=-; unknown=",
        "dns-refused",
        ["10.99.0.1", "portal.sesam.io"]
    ),
    portal_fails!(
        "a name has no address",
        "at[portal.sesam.io]=-; extra+=(local=/portal.sesam.io/ 'txt-record=portal.sesam.io,here')",
        "dns-no-address",
        ["10.99.0.1", "portal.sesam.io"]
    ),
    Scenario {
        name: "a name server fails",
        arrange: "use 10.99.0.53; echo servfail > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-servfail")],
        items: &[(SESAM, PORTAL, "fail", "dns-servfail")],
        advice: &["its own forwarders"],
        ..WELL
    },
    Scenario {
        name: "a name server cannot validate and says so",
        arrange: "use 10.99.0.53; echo dnssec-ede > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-servfail")],
        advice: &["DNSSEC"],
        ..WELL
    },
    Scenario {
        name: "a name server cannot validate and answers unvalidated",
        arrange: "use 10.99.0.53; echo dnssec-cd > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-servfail")],
        advice: &["DNSSEC"],
        ..WELL
    },
    Scenario {
        name: "aliases go in a circle",
        arrange: "use 10.99.0.53; echo loop > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-no-address")],
        advice: &["10.99.0.53"],
        ..WELL
    },
    Scenario {
        name: "a name server filters and says so",
        arrange: "use 10.99.0.53; echo filtered > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-nxdomain")],
        advice: &["10.99.0.53"],
        ..WELL
    },
    Scenario {
        name: "garbage for one name",
        arrange: "use 10.99.0.53; echo garbage > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-unreachable")],
        advice: &["port 53"],
        ..WELL
    },
    Scenario {
        name: "cut packets for one name",
        arrange: "use 10.99.0.53; echo truncated-packet > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-unreachable")],
        advice: &["port 53"],
        ..WELL
    },
    Scenario {
        name: "replies to other questions",
        arrange: "use 10.99.0.53; echo wrong-id > dns-mode",
        status: "fail",
        roots: &[(SESAM, "dns-unreachable")],
        advice: &["port 53"],
        ..WELL
    },
    Scenario {
        name: "a reply that only fits TCP is well",
        arrange: "use 10.99.0.53; echo tc > dns-mode",
        ..WELL
    },
    portal_fails!(
        "a name leads to this machine",
        "at[portal.sesam.io]=127.0.0.1",
        "dns-sinkhole",
        ["10.99.0.1", "portal.sesam.io"]
    ),
    portal_fails!(
        "a name leads to a private address",
        "at[portal.sesam.io]='10.99.0.1 fd00::1'",
        "dns-sinkhole",
        ["10.99.0.1"]
    ),
    portal_fails!(
        "a name leads to a block address",
        "at[portal.sesam.io]=146.112.61.106",
        "dns-sinkhole",
        ["10.99.0.1"]
    ),
    portal_fails!(
        "a name leads to a null address",
        "at[portal.sesam.io]='0.0.0.0 ::'",
        "dns-sinkhole",
        ["10.99.0.1"]
    ),
    warns!(
        "the hosts file pins a name",
        "echo 203.0.113.51 portal.sesam.io >> /etc/hosts",
        SESAM,
        "portal.sesam.io",
        "dns-differs",
        ["/etc/hosts"]
    ),
    Scenario {
        name: "the system does not ask name servers",
        arrange: "echo 'hosts: files' > /etc/nsswitch.conf",
        status: "fail",
        roots: &[
            (DOCKER, "dns-differs"),
            (LETSENCRYPT, "dns-differs"),
            (SESAM, "dns-differs"),
            (PYPI, "dns-differs"),
        ],
        advice: &["/etc/nsswitch.conf"],
        ..WELL
    },
    Scenario {
        name: "the node's name leads here, and logs have a host of their own",
        arrange: "node node.acme.example; at[node.acme.example]='10.99.0.2 2001:db8:99::2'",
        items: &[
            ("dns.node-domain", "10.99.0.2", "pass", ""),
            ("dns.node-domain", "2001:db8:99::2", "pass", ""),
            (SESAM, "logs.sesam.io", "pass", ""),
        ],
        ..WELL
    },
    Scenario {
        name: "the node's name does not exist",
        arrange: "node node.acme.example",
        status: "fail",
        roots: &[("dns.node-domain", "dns-nxdomain")],
        advice: &["node.acme.example"],
        ..WELL
    },
    Scenario {
        name: "the node's name leads elsewhere",
        arrange: "node node.acme.example; at[node.acme.example]='10.99.0.2 203.0.113.31'",
        status: "fail",
        roots: &[("dns.node-domain", "other-address")],
        items: &[("dns.node-domain", "203.0.113.31", "fail", "other-address")],
        advice: &["public_addresses"],
        ..WELL
    },
    Scenario {
        name: "another authority may issue",
        arrange: "node node.acme.example; at[node.acme.example]='10.99.0.2'; extra+=(dns-rr=acme.example,257,000569737375656f746865722e6578616d706c65)",
        status: "fail",
        roots: &[("dns.caa", "forbidden")],
        advice: &["letsencrypt.org"],
        ..WELL
    },
    Scenario {
        name: "the name server refuses to speak of CAA records",
        arrange: "node node.acme.example; at[node.acme.example]='10.99.0.2'; use 10.99.0.53; echo no-caa > dns-mode",
        status: "unknown",
        advice: &["dig CAA node.acme.example"],
        ..WELL
    },
    Scenario {
        name: "Let's Encrypt is dropped, and the profile says that nobody needs it",
        arrange: "fw 'ip daddr 203.0.113.30 drop' 'ip6 daddr 2001:db8:113::30 drop'; profile=$dir/own.toml; { cat lab.toml; printf '[certificates]\\nmode = \"self-signed\"\\n'; } > own.toml",
        ..WELL
    },
    Scenario {
        name: "Let's Encrypt is forbidden and dropped, and the stack shows that nobody needs it",
        arrange: "node node.acme.example; own_certificate; at[node.acme.example]='10.99.0.2'; extra+=(dns-rr=acme.example,257,000569737375656f746865722e6578616d706c65); fw 'ip daddr 203.0.113.30 drop' 'ip6 daddr 2001:db8:113::30 drop'",
        items: &[("dns.node-domain", "10.99.0.2", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "pebble answers as Let's Encrypt",
        arrange: "acme_server; at[acme-v02.api.letsencrypt.org]=137",
        items: &[(LETSENCRYPT, "acme-v02.api.letsencrypt.org", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "the registry does not know the layer by which it is followed",
        arrange: "at[registry-1.docker.io]=138",
        items: &[(DOCKER, "registry-1.docker.io", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "the host for logs is dropped",
        arrange: "node node.acme.example; at[node.acme.example]='10.99.0.2'; at[logs.sesam.io]=31; fw 'ip daddr 203.0.113.31 drop' 'ip6 daddr 2001:db8:113::31 drop'",
        status: "fail",
        roots: &[(SESAM, "tcp-timeout")],
        items: &[(SESAM, "logs.sesam.io", "fail", "tcp-timeout")],
        advice: &["logs.sesam.io port 443/tcp"],
        ..WELL
    },
    // --- the packet filter
    portal_fails!(
        "connections are reset",
        "fwin 'ip daddr 203.0.113.50 tcp dport 443 reject with tcp reset' 'ip6 daddr 2001:db8:113::50 tcp dport 443 reject with tcp reset'",
        "tcp-refused",
        ["portal.sesam.io port 443/tcp", "203.0.113.50"]
    ),
    portal_fails!(
        "packets are dropped",
        "fwin 'ip daddr 203.0.113.50 drop' 'ip6 daddr 2001:db8:113::50 drop'",
        "tcp-timeout",
        ["portal.sesam.io port 443/tcp", "203.0.113.50"]
    ),
    portal_fails!(
        "a filter says that it forbids",
        "fwin 'ip daddr 203.0.113.50 reject with icmp type admin-prohibited' 'ip6 daddr 2001:db8:113::50 reject with icmpv6 type admin-prohibited'",
        "admin-prohibited",
        ["portal.sesam.io port 443/tcp"]
    ),
    portal_fails!(
        "a filter says that the port is unreachable",
        "fwin 'ip daddr 203.0.113.50 reject' 'ip6 daddr 2001:db8:113::50 reject'",
        "admin-prohibited",
        ["portal.sesam.io port 443/tcp"]
    ),
    portal_fails!(
        "a router knows no way",
        "fwin 'ip daddr 203.0.113.50 reject with icmp type host-unreachable' 'ip6 daddr 2001:db8:113::50 reject with icmpv6 type no-route'",
        "net-unreachable",
        ["routing"]
    ),
    all_fail!(
        "the machine has no route",
        "ip -n cust route del default; ip -n cust -6 route del default",
        "net-unreachable",
        ["default route"]
    ),
    all_fail!(
        "everything but names is dropped",
        "fw 'tcp dport 443 drop'",
        "tcp-timeout",
        [
            "portal.sesam.io port 443/tcp",
            "registry-1.docker.io port 443/tcp"
        ]
    ),
    Scenario {
        name: "everything is dropped",
        arrange: "fw 'drop'",
        status: "fail",
        roots: &[(RESOLVERS, "silent")],
        advice: &["10.99.0.1"],
        ..WELL
    },
    Scenario {
        name: "IPv6 is dropped",
        arrange: "fw 'ip6 daddr 2001:db8:113::/64 drop'",
        status: "warn",
        items: &[
            (SESAM, "portal.sesam.io (IPv6)", "warn", "ipv6-broken"),
            // Where layers come from is found out over the family that answers.
            (
                DOCKER,
                "blobs.storage.example (IPv6)",
                "warn",
                "ipv6-broken",
            ),
        ],
        advice: &["2001:db8:99::2"],
        ..WELL
    },
    warns!(
        "IPv6 is reset",
        "fwin 'ip6 daddr 2001:db8:113::/64 tcp dport 443 reject with tcp reset'",
        DOCKER,
        "auth.docker.io (IPv6)",
        "ipv6-broken",
        ["IPv6"]
    ),
    warns!(
        "IPv6 is dropped for one host",
        "fw 'ip6 daddr 2001:db8:113::50 drop'",
        SESAM,
        "portal.sesam.io (IPv6)",
        "tcp-timeout",
        ["portal.sesam.io"]
    ),
    Scenario {
        name: "IPv4 is dropped for one host",
        arrange: "fw 'ip daddr 203.0.113.50 drop'",
        status: "fail",
        roots: &[(SESAM, "tcp-timeout")],
        items: &[
            (SESAM, PORTAL, "pass", ""),
            (SESAM, "portal.sesam.io (IPv4)", "fail", "tcp-timeout"),
        ],
        advice: &["203.0.113.50"],
        ..WELL
    },
    Scenario {
        name: "IPv4 and IPv6 fail differently",
        arrange: "fwin 'ip daddr 203.0.113.50 drop' 'ip6 daddr 2001:db8:113::50 tcp dport 443 reject with tcp reset'",
        status: "fail",
        roots: &[(SESAM, "tcp-timeout")],
        items: &[
            (SESAM, "portal.sesam.io (IPv4)", "fail", "tcp-timeout"),
            (SESAM, "portal.sesam.io (IPv6)", "fail", "tcp-refused"),
        ],
        advice: &["203.0.113.50", "2001:db8:113::50"],
        ..WELL
    },
    Scenario {
        name: "only the addresses are open",
        arrange: "fwin 'ip daddr { 203.0.113.50, 203.0.113.51 } drop' 'ip6 daddr { 2001:db8:113::50, 2001:db8:113::51 } drop'",
        status: "warn",
        items: &[
            (SESAM, "137.116.234.60", "pass", ""),
            (SESAM, "52.142.116.113", "pass", ""),
            (SESAM, PORTAL, "warn", "tcp-timeout"),
        ],
        advice: &["137.116.234.60"],
        ..WELL
    },
    // --- TLS
    portal_fails!(
        "TLS is cut",
        "at[portal.sesam.io]=100",
        "tls-cut",
        ["portal.sesam.io port 443/tcp"]
    ),
    portal_fails!(
        "TLS hangs",
        "at[portal.sesam.io]=101",
        "tls-timeout",
        ["path MTU"]
    ),
    portal_fails!(
        "TLS comes a byte a second",
        "at[portal.sesam.io]=103",
        "tls-timeout",
        ["path MTU"]
    ),
    portal_fails!(
        "plain HTTP answers",
        "at[portal.sesam.io]=102",
        "not-tls",
        ["203.0.113.102"]
    ),
    portal_fails!(
        "SSH answers",
        "at[portal.sesam.io]=107",
        "not-tls",
        ["203.0.113.107"]
    ),
    portal_fails!(
        "16 MB of certificates",
        "at[portal.sesam.io]=104",
        "not-tls",
        ["203.0.113.104"]
    ),
    portal_fails!(
        "only TLS 1.1",
        "at[portal.sesam.io]=125",
        "tls-version",
        ["203.0.113.125"]
    ),
    portal_fails!(
        "an unknown issuer on one host",
        "at[portal.sesam.io]=120",
        "tls-unknown-issuer",
        ["Inspector CA"]
    ),
    portal_fails!(
        "a self-signed certificate",
        "at[portal.sesam.io]=130",
        "tls-unknown-issuer",
        ["portal.sesam.io"]
    ),
    portal_fails!(
        "a missing intermediate",
        "at[portal.sesam.io]=121",
        "tls-incomplete-chain",
        ["Lab Intermediate"]
    ),
    portal_fails!(
        "a certificate for other names",
        "at[portal.sesam.io]=122",
        "tls-wrong-name",
        ["203.0.113.122"]
    ),
    portal_fails!(
        "an expired certificate",
        "at[portal.sesam.io]=123",
        "tls-expired",
        ["renew"]
    ),
    portal_fails!(
        "a certificate of the future",
        "at[portal.sesam.io]=124",
        "tls-not-yet-valid",
        ["renew"]
    ),
    Scenario {
        name: "a whole chain with an intermediate is well",
        arrange: "at[portal.sesam.io]=133",
        ..WELL
    },
    all_fail!(
        "TLS is broken open",
        "redirect 120",
        "tls-intercepted",
        ["Inspector CA", "registry-1.docker.io"]
    ),
    all_fail!(
        "the machine trusts nobody",
        "rm -f /etc/ssl/certs/ca-certificates.crt; variables+=(SSL_CERT_FILE=)",
        "tls-unknown-issuer",
        ["ca-certificates"]
    ),
    Scenario {
        name: "the clock is ahead",
        arrange: "wrap=(faketime -f '+600d'); variables+=(FAKETIME_DONT_FAKE_MONOTONIC=1)",
        arguments: "system.clock --timeout 2",
        status: "fail",
        roots: &[("system.clock", "off")],
        items: &[(SESAM, PORTAL, "fail", "tls-expired")],
        advice: &["timedatectl set-ntp true"],
    },
    Scenario {
        name: "the clock is behind",
        arrange: "wrap=(faketime -f '-600d'); variables+=(FAKETIME_DONT_FAKE_MONOTONIC=1)",
        arguments: "system.clock --timeout 2",
        status: "fail",
        roots: &[("system.clock", "off")],
        items: &[(SESAM, PORTAL, "fail", "tls-not-yet-valid")],
        advice: &["timedatectl set-ntp true"],
    },
    Scenario {
        name: "the clock is two minutes ahead",
        arrange: "wrap=(faketime -f '+2m'); variables+=(FAKETIME_DONT_FAKE_MONOTONIC=1)",
        arguments: "system.clock --timeout 2",
        status: "fail",
        roots: &[("system.clock", "off")],
        items: &[(SESAM, PORTAL, "pass", "")],
        advice: &["timedatectl set-ntp true"],
    },
    Scenario {
        name: "the clock is wrong and nobody looks at the clock itself",
        arrange: "wrap=(faketime -f '+600d'); variables+=(FAKETIME_DONT_FAKE_MONOTONIC=1)",
        status: "fail",
        roots: &[
            (DOCKER, "tls-expired"),
            (LETSENCRYPT, "tls-expired"),
            (SESAM, "tls-expired"),
            (PYPI, "tls-expired"),
        ],
        advice: &["set this machine's clock"],
        ..WELL
    },
    // --- the answer
    portal_fails!(
        "a block page",
        "at[portal.sesam.io]=126",
        "block-page",
        ["web filter of Acme"]
    ),
    portal_fails!(
        "a block page with a certificate of its own",
        "at[portal.sesam.io]=132",
        "block-page",
        ["web filter of Acme"]
    ),
    Scenario {
        name: "another service answers for the registry",
        arrange: "at[registry-1.docker.io]=127",
        status: "fail",
        roots: &[(DOCKER, "wrong-service")],
        items: &[(DOCKER, "registry-1.docker.io", "fail", "wrong-service")],
        advice: &["203.0.113.127"],
        ..WELL
    },
    Scenario {
        name: "another service answers for Let's Encrypt",
        arrange: "at[acme-v02.api.letsencrypt.org]=127",
        status: "fail",
        roots: &[(LETSENCRYPT, "wrong-service")],
        advice: &["203.0.113.127"],
        ..WELL
    },
    Scenario {
        name: "redirects in a circle instead of the directory",
        arrange: "at[acme-v02.api.letsencrypt.org]=134",
        status: "fail",
        roots: &[(LETSENCRYPT, "wrong-service")],
        advice: &["203.0.113.134"],
        ..WELL
    },
    portal_fails!(
        "an endless head",
        "at[portal.sesam.io]=105",
        "wrong-service",
        ["portal.sesam.io"]
    ),
    portal_fails!(
        "no answer to the request",
        "at[portal.sesam.io]=108",
        "http-timeout",
        ["portal.sesam.io"]
    ),
    portal_fails!(
        "an answer byte by byte",
        "at[portal.sesam.io]=109",
        "http-timeout",
        ["portal.sesam.io"]
    ),
    portal_fails!(
        "no HTTP in TLS",
        "at[portal.sesam.io]=111",
        "wrong-service",
        ["portal.sesam.io"]
    ),
    portal_fails!(
        "closed instead of an answer",
        "at[portal.sesam.io]=112",
        "wrong-service",
        ["portal.sesam.io"]
    ),
    warns!(
        "the service is down",
        "at[portal.sesam.io]=128",
        SESAM,
        "portal.sesam.io",
        "service-error",
        ["portal.sesam.io"]
    ),
    warns!(
        "the service is asked too often",
        "at[auth.docker.io]=129",
        DOCKER,
        "auth.docker.io",
        "rate-limited",
        ["limit"]
    ),
    Scenario {
        name: "a slow service",
        arrange: "at[portal.sesam.io]=110",
        arguments: "--timeout 5",
        status: "warn",
        items: &[(SESAM, PORTAL, "warn", "slow")],
        advice: &["portal.sesam.io"],
        ..WELL
    },
    Scenario {
        name: "the host that the registry leads to is dropped",
        arrange: "fw 'ip daddr 203.0.113.13 drop' 'ip6 daddr 2001:db8:113::13 drop'",
        status: "fail",
        roots: &[(DOCKER, "tcp-timeout")],
        items: &[(DOCKER, "blobs.storage.example", "fail", "tcp-timeout")],
        advice: &["blobs.storage.example port 443/tcp"],
        ..WELL
    },
    // --- proxies
    Scenario {
        name: "a proxy lets everything through",
        arrange: "proxies; fw 'tcp dport 443 drop'; variables+=(HTTPS_PROXY=http://203.0.113.40:3129)",
        items: &[(PROXY, "203.0.113.40:3129", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "a proxy takes the login",
        arrange: "proxies; fw 'tcp dport 443 drop'; variables+=(https_proxy=http://lab:Geheim-4711@proxy.lab:3128/)",
        items: &[(PROXY, "proxy.lab:3128", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "a proxy over TLS lets everything through",
        arrange: "proxies; fw 'tcp dport 443 drop'; variables+=(https_proxy=https://proxy.lab:3132)",
        items: &[(PROXY, "proxy.lab:3132", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "a proxy over TLS takes the login",
        arrange: "proxies; fw 'tcp dport 443 drop'; variables+=(https_proxy=https://lab:Geheim-4711@proxy.lab:3134)",
        items: &[(PROXY, "proxy.lab:3134", "pass", "")],
        ..WELL
    },
    proxy_fails!(
        "a proxy over TLS wants a login",
        "proxies; variables+=(https_proxy=https://proxy.lab:3134)",
        "proxy-auth",
        ["name and password", "proxy.lab:3134"]
    ),
    proxy_fails!(
        "a proxy over TLS presents a certificate that nobody trusts",
        "proxies; variables+=(https_proxy=https://lab:Geheim-4711@proxy.lab:3133)",
        "proxy-error",
        ["Inspector CA", "proxy.lab:3133"]
    ),
    proxy_fails!(
        "a proxy over TLS is asked by a name that its certificate is not for",
        "proxies; variables+=(https_proxy=https://203.0.113.40:3132)",
        "proxy-error",
        ["203.0.113.40:3132"]
    ),
    proxy_fails!(
        "a plain proxy is set as one over TLS",
        "proxies; variables+=(https_proxy=https://203.0.113.40:3129)",
        "proxy-error",
        ["http:// instead of https://"]
    ),
    proxy_fails!(
        "a proxy over TLS is set as a plain one",
        "proxies; variables+=(https_proxy=http://proxy.lab:3132)",
        "proxy-error",
        ["proxy.lab:3132"]
    ),
    Scenario {
        name: "a SOCKS proxy lets everything through",
        arrange: "socks; fw 'tcp dport 443 drop'; variables+=(all_proxy=socks5h://203.0.113.42)",
        items: &[(PROXY, "203.0.113.42:1080", "pass", "")],
        ..WELL
    },
    Scenario {
        name: "a SOCKS proxy takes the login",
        arrange: "socks; fw 'tcp dport 443 drop'; variables+=(https_proxy=socks5://lab:Geheim-4711@203.0.113.42:1081)",
        items: &[(PROXY, "203.0.113.42:1081", "pass", "")],
        ..WELL
    },
    proxy_fails!(
        "a SOCKS proxy wants a login",
        "socks; variables+=(https_proxy=socks5h://203.0.113.42:1081)",
        "proxy-auth",
        ["name and password", "203.0.113.42:1081"]
    ),
    proxy_fails!(
        "a SOCKS proxy refuses the login",
        "socks; variables+=(https_proxy=socks5h://lab:Falsch-0815@203.0.113.42:1081)",
        "proxy-auth",
        ["correct the name"]
    ),
    proxy_fails!(
        "a SOCKS proxy forbids everything",
        "variables+=(https_proxy=socks5h://203.0.113.41:1080)",
        "proxy-forbidden",
        ["203.0.113.41:1080"]
    ),
    Scenario {
        name: "a SOCKS proxy finds no way to one host",
        arrange: "socks; at[portal.sesam.io]=-; variables+=(https_proxy=socks5h://203.0.113.42)",
        status: "fail",
        roots: &[(SESAM, "proxy-error")],
        items: &[
            (SESAM, PORTAL, "fail", "proxy-error"),
            (SESAM, "downloads.sesam.io", "pass", ""),
        ],
        advice: &["its own name servers"],
        ..WELL
    },
    proxy_fails!(
        "an HTTP proxy is set as a SOCKS proxy",
        "proxies; variables+=(https_proxy=socks5h://203.0.113.40:3129)",
        "proxy-error",
        ["SOCKS 5"]
    ),
    proxy_fails!(
        "a SOCKS proxy is silent",
        "variables+=(https_proxy=socks5h://203.0.113.41:3128)",
        "proxy-error",
        ["203.0.113.41:3128"]
    ),
    Scenario {
        name: "a SOCKS proxy of a version that is not examined",
        arrange: "variables+=(https_proxy=socks4://203.0.113.42)",
        status: "unknown",
        items: &[(PROXY, "203.0.113.42:1080", "unknown", "proxy-unsupported")],
        advice: &["socks5h://"],
        ..WELL
    },
    proxy_fails!(
        "a proxy wants a login",
        "proxies; variables+=(https_proxy=http://203.0.113.40:3128)",
        "proxy-auth",
        ["name and password", "203.0.113.40:3128"]
    ),
    proxy_fails!(
        "a proxy refuses the login",
        "proxies; variables+=(https_proxy=http://lab:Falsch-0815@203.0.113.40:3128)",
        "proxy-auth",
        ["correct the name"]
    ),
    proxy_fails!(
        "a proxy forbids everything",
        "proxies; variables+=(https_proxy=http://203.0.113.40:3130)",
        "proxy-forbidden",
        ["203.0.113.40:3130"]
    ),
    Scenario {
        name: "a proxy forbids one host",
        arrange: "proxies 'http_access deny forbids_portal portal'; variables+=(https_proxy=http://203.0.113.40:3129)",
        status: "fail",
        roots: &[(PROXY, "proxy-forbidden")],
        items: &[
            (PROXY, PORTAL, "fail", "proxy-forbidden"),
            (SESAM, PORTAL, "fail", "proxy-forbidden"),
            (SESAM, "downloads.sesam.io", "pass", ""),
        ],
        advice: &["portal.sesam.io port 443/tcp"],
        ..WELL
    },
    proxy_fails!(
        "a proxy is not there",
        "variables+=(https_proxy=http://203.0.113.41:3199)",
        "proxy-unreachable",
        ["203.0.113.41:3199"]
    ),
    proxy_fails!(
        "a proxy is dropped",
        "fw 'ip daddr 203.0.113.40 drop'; variables+=(https_proxy=http://203.0.113.40:3128)",
        "proxy-unreachable",
        ["203.0.113.40:3128"]
    ),
    proxy_fails!(
        "a proxy's name does not resolve",
        "variables+=(https_proxy=http://proxy.acme:3128)",
        "proxy-unreachable",
        ["proxy.acme"]
    ),
    proxy_fails!(
        "a proxy is silent",
        "variables+=(https_proxy=http://203.0.113.41:3128)",
        "proxy-error",
        ["203.0.113.41:3128"]
    ),
    proxy_fails!(
        "a proxy answers binary",
        "variables+=(https_proxy=http://203.0.113.41:3129)",
        "proxy-error",
        ["203.0.113.41:3129"]
    ),
    proxy_fails!(
        "a proxy answers with a head without end",
        "variables+=(https_proxy=http://203.0.113.41:3132)",
        "proxy-error",
        ["203.0.113.41:3132"]
    ),
    proxy_fails!(
        "a proxy answers 502",
        "variables+=(https_proxy=http://203.0.113.41:3130)",
        "proxy-error",
        ["203.0.113.41:3130"]
    ),
    proxy_fails!(
        "a proxy cuts",
        "variables+=(https_proxy=http://203.0.113.41:3131)",
        "proxy-error",
        ["203.0.113.41:3131"]
    ),
    all_fail!(
        "a proxy breaks TLS open",
        "proxies; variables+=(https_proxy=http://203.0.113.40:3131)",
        "tls-intercepted",
        ["Inspector CA"]
    ),
    Scenario {
        name: "a proxy is excepted for the names",
        arrange: "variables+=(https_proxy=http://203.0.113.41:3199 'no_proxy=.io,docker.com, letsencrypt.org ,pypi.example:443,storage.example')",
        ..WELL
    },
    Scenario {
        name: "only the Docker daemon has a proxy, and it is not there",
        arrange: "mkdir -p /etc/docker; echo '{\"proxies\": {\"https-proxy\": \"http://lab:Geheim-4711@203.0.113.41:3199\"}}' > /etc/docker/daemon.json",
        status: "fail",
        roots: &[(PROXY, "proxy-unreachable")],
        items: &[
            (DOCKER, "registry-1.docker.io", "fail", "proxy-unreachable"),
            (SESAM, PORTAL, "pass", ""),
        ],
        advice: &["/etc/docker/daemon.json"],
        ..WELL
    },
];
