//! What is told apart about what comes in; where the contract has a code for outbound hosts that fits, it is the same.

use crate::checks::Cause;

/// Seen on the machine itself, or in the report of a probe.
pub const PORT_TAKEN: Cause = Cause::new(
    "port-taken",
    "another program than Traefik holds the port; the summary names it",
);
/// See the meaning.
pub const LOOPBACK_ONLY: Cause = Cause::new(
    "loopback-only",
    "what listens is bound to the machine itself, so that nobody else can come to it",
);
/// See the meaning.
pub const FIREWALL_CLOSED: Cause = Cause::new(
    "firewall-closed",
    "the machine's own firewall is active and has no rule that lets the port in",
);
/// See the meaning.
pub const NOT_REACHABLE: Cause = Cause::new(
    "not-reachable",
    "a probe from outside did not get through; the summary says where it ended",
);
/// See the meaning.
pub const PARTLY_REACHABLE: Cause = Cause::new(
    "partly-reachable",
    "a probe from outside got through to some of the addresses, and not to others",
);

macro_rules! causes {
    ($($name:ident $code:literal $meaning:literal)+) => {
        $(
            /// See the meaning.
            pub const $name: Cause = Cause::new($code, $meaning);
        )+
    };
}

// Told apart by `probe`, about one address and port.
causes! {
    DNS_UNREACHABLE "dns-unreachable" "no name server answers"
    DNS_NXDOMAIN "dns-nxdomain" "the name server says that the name does not exist"
    DNS_SERVFAIL "dns-servfail" "the name server failed"
    DNS_REFUSED "dns-refused" "the name server refuses to say"
    DNS_NO_ADDRESS "dns-no-address" "the name exists and has no address"
    TCP_REFUSED "tcp-refused" "the connection is reset at once"
    TCP_TIMEOUT "tcp-timeout" "packets are silently dropped"
    NET_UNREACHABLE "net-unreachable" "there is no route"
    ADMIN_PROHIBITED "admin-prohibited" "a filter says by ICMP that it forbids the connection"
    IPV6_BROKEN "ipv6-broken" "the name has an IPv6 address that cannot be reached, while IPv4 works"
    TLS_CUT "tls-cut" "the connection opens and is cut during the TLS handshake"
    TLS_TIMEOUT "tls-timeout" "the connection opens and TLS hangs"
    NOT_TLS "not-tls" "something answers that does not speak TLS"
    TLS_VERSION "tls-version" "no common version of TLS"
    TLS_INTERCEPTED "tls-intercepted" "another certificate arrives than the machine sends: TLS is broken open on the way"
    TLS_UNKNOWN_ISSUER "tls-unknown-issuer" "no trusted authority signed the certificate"
    TLS_INCOMPLETE_CHAIN "tls-incomplete-chain" "an intermediate certificate is missing"
    TLS_WRONG_NAME "tls-wrong-name" "the certificate is for other names"
    TLS_EXPIRED "tls-expired" "the certificate has expired"
    TLS_NOT_YET_VALID "tls-not-yet-valid" "the certificate is not valid yet"
    DEFAULT_CERTIFICATE "default-certificate" "Traefik serves the certificate that it makes up where it has none"
    HTTP_TIMEOUT "http-timeout" "the connection opens, and the request is never answered"
    BLOCK_PAGE "block-page" "a block page or captive portal answers"
    WRONG_SERVICE "wrong-service" "something answers that is not the node, or not the doctor that listens"
    REDIRECT_LOOP "redirect-loop" "redirects go in a circle, or there are more than Let's Encrypt follows"
    REDIRECT_ELSEWHERE "redirect-elsewhere" "a redirect leads where Let's Encrypt does not follow"
    NO_REDIRECT "no-redirect" "plain HTTP is not redirected to HTTPS"
    SERVICE_ERROR "service-error" "the way is open, and the service answers 5xx"
}
