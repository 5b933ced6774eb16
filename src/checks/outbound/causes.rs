//! What is told apart about outbound hosts; the codes are fixed by the contract.

use crate::checks::Cause;

macro_rules! causes {
    ($($name:ident $code:literal $meaning:literal)+) => {
        $(pub const $name: Cause = Cause::new($code, $meaning);)+

        /// All of them, in the order in which a connection can meet them.
        pub const ALL: &[Cause] = &[$($name,)+];
    };
}

causes! {
    DNS_UNREACHABLE "dns-unreachable" "no name server answers"
    DNS_NXDOMAIN "dns-nxdomain" "the name server says that the name does not exist"
    DNS_SERVFAIL "dns-servfail" "the name server failed; the summary tells DNSSEC validation from a broken server"
    DNS_REFUSED "dns-refused" "the name server refuses to say"
    DNS_NO_ADDRESS "dns-no-address" "the name exists and has no address"
    DNS_DIFFERS "dns-differs" "programs on this machine are told something else than the name servers say"
    DNS_SINKHOLE "dns-sinkhole" "a public name resolves to a private, loopback, null or known block address"
    TCP_REFUSED "tcp-refused" "the connection is reset at once"
    TCP_TIMEOUT "tcp-timeout" "packets are silently dropped"
    NET_UNREACHABLE "net-unreachable" "there is no route"
    ADMIN_PROHIBITED "admin-prohibited" "a filter says by ICMP that it forbids the connection"
    IPV6_BROKEN "ipv6-broken" "IPv6 has addresses and a route but does not work, IPv4 does"
    PROXY_UNREACHABLE "proxy-unreachable" "the proxy cannot be connected to"
    PROXY_AUTH "proxy-auth" "the proxy asks for a login, or refuses the one it got (407)"
    PROXY_FORBIDDEN "proxy-forbidden" "the proxy forbids the host (403)"
    PROXY_ERROR "proxy-error" "the proxy answers something else than that the way is open"
    TLS_CUT "tls-cut" "the connection opens and is cut during the TLS handshake"
    TLS_TIMEOUT "tls-timeout" "the connection opens and TLS hangs, as with a path MTU problem"
    NOT_TLS "not-tls" "something answers that does not speak TLS"
    TLS_VERSION "tls-version" "no common version of TLS"
    TLS_INTERCEPTED "tls-intercepted" "an unknown authority signs the certificates of unrelated hosts: TLS is broken open on the way"
    TLS_UNKNOWN_ISSUER "tls-unknown-issuer" "an unknown authority signed the certificate of this host only"
    TLS_INCOMPLETE_CHAIN "tls-incomplete-chain" "the server does not send an intermediate certificate"
    TLS_WRONG_NAME "tls-wrong-name" "the certificate is for other names"
    TLS_EXPIRED "tls-expired" "the certificate has expired, or this machine's clock is ahead"
    TLS_NOT_YET_VALID "tls-not-yet-valid" "the certificate is not valid yet, or this machine's clock is behind"
    BLOCK_PAGE "block-page" "a block page or captive portal answers"
    WRONG_SERVICE "wrong-service" "something answers that is not the service"
    HTTP_TIMEOUT "http-timeout" "TLS is done, and the request is never answered"
    RATE_LIMITED "rate-limited" "the service answers that it was asked too often (429)"
    SERVICE_ERROR "service-error" "the path is open and the service itself has trouble (5xx)"
    SLOW "slow" "far slower than the profile allows"
    ADDRESS_ONLY "address-only" "only the addresses are open that stand in for the names, and they may change"
    NO_HOSTS "no-hosts" "the profile names no host for this group"
    PROXY_UNSUPPORTED "proxy-unsupported" "a proxy of a kind that the doctor does not speak to"
}
