//! The authorities, and the table of chains: what OpenSSL says of each, and what we say.

use super::openssl::{Spec, Workshop};

const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";

const ROOT: Spec = Spec {
    subject: "Root",
    key: "rsa-root",
    issuer: "root",
    from: -1000,
    to: 1000,
    digest: "sha256",
    extensions: AUTHORITY,
};

const BETWEEN: Spec = Spec {
    subject: "Between",
    key: "rsa-authority",
    from: -500,
    to: 500,
    ..ROOT
};

/// Authorities that the examined system trusts.
pub const TRUSTED: &[&str] = &["root", "root-ended", "root-sha1", "root-ec"];

/// Makes every authority that the table names.
#[rustfmt::skip] // one row a line
pub fn establish(workshop: &mut Workshop) {
    let pathlen0 = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let only_com = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;DNS:example.com\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let only_org = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;DNS:example.org\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let not_com = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,excluded;DNS:example.com\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let no_authority = "basicConstraints=critical,CA:FALSE\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let no_signing = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,digitalSignature\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid";
    let bare = "basicConstraints=critical,CA:TRUE\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none";
    for (name, spec) in [
        ("root", ROOT),
        ("root-ended", Spec { subject: "Root that has ended", issuer: "root-ended", to: -10, ..ROOT }),
        ("root-sha1", Spec { subject: "Root over SHA-1", issuer: "root-sha1", digest: "sha1", ..ROOT }),
        ("root-ec", Spec { subject: "Root on a curve", issuer: "root-ec", key: "p384", ..ROOT }),
        ("root-foreign", Spec { subject: "Foreign Root", issuer: "root-foreign", key: "rsa-other", ..ROOT }),
        ("between", BETWEEN),
        ("second", Spec { subject: "Second", issuer: "between", key: "rsa-3072", ..BETWEEN }),
        ("third", Spec { subject: "Third", issuer: "second", key: "p256-other", ..BETWEEN }),
        ("ended", Spec { subject: "Ended", to: -1, ..BETWEEN }),
        ("coming", Spec { subject: "Coming", from: 1, ..BETWEEN }),
        ("sha1", Spec { subject: "Over SHA-1", digest: "sha1", ..BETWEEN }),
        ("md5", Spec { subject: "Over MD5", digest: "md5", ..BETWEEN }),
        ("short", Spec { subject: "Short", key: "rsa-1024", ..BETWEEN }),
        ("curve", Spec { subject: "On a curve", issuer: "root-ec", key: "p256-other", ..BETWEEN }),
        ("edwards", Spec { subject: "Edwards", key: "ed25519-other", ..BETWEEN }),
        ("p521", Spec { subject: "P-521", key: "p521-other", ..BETWEEN }),
        ("no-authority", Spec { subject: "No authority", extensions: no_authority, ..BETWEEN }),
        ("no-signing", Spec { subject: "No signing", extensions: no_signing, ..BETWEEN }),
        ("pathlen0", Spec { subject: "Pathlen 0", extensions: pathlen0, ..BETWEEN }),
        ("below-pathlen0", Spec { subject: "Below pathlen 0", issuer: "pathlen0", key: "rsa-3072", ..BETWEEN }),
        ("only-com", Spec { subject: "Only example.com", extensions: only_com, ..BETWEEN }),
        ("only-org", Spec { subject: "Only example.org", extensions: only_org, ..BETWEEN }),
        ("not-com", Spec { subject: "Not example.com", extensions: not_com, ..BETWEEN }),
        ("bare", Spec { subject: "Bare", extensions: bare, ..BETWEEN }),
        ("bare-other-key", Spec { subject: "Bare", extensions: bare, key: "rsa-other", ..BETWEEN }),
        ("between-other-key", Spec { key: "rsa-other", ..BETWEEN }),
        ("by-foreign", Spec { subject: "By foreign", issuer: "root-foreign", ..BETWEEN }),
        ("root-crossed", Spec { issuer: "root-foreign", ..ROOT }),
        ("by-ended-root", Spec { subject: "By ended root", issuer: "root-ended", ..BETWEEN }),
        ("by-sha1-root", Spec { subject: "By SHA-1 root", issuer: "root-sha1", ..BETWEEN }),
    ] {
        workshop.establish(name, &spec);
    }
}

const SERVER: &str = "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nsubjectAltName=DNS:node.example.com";

/// A server's certificate as it should be.
pub const LEAF: Spec = Spec {
    subject: "node.example.com",
    key: "rsa",
    issuer: "between",
    from: -30,
    to: 60,
    digest: "sha256",
    extensions: SERVER,
};

const WITHOUT_IDENTIFIERS: Spec = saying(
    "extendedKeyUsage=serverAuth\nsubjectKeyIdentifier=none\nauthorityKeyIdentifier=none\nsubjectAltName=DNS:node.example.com",
);

/// One chain, and the two judgements on it.
#[derive(Clone, Copy)]
pub struct Row {
    pub name: &'static str,
    /// The server's certificate; it is its own issuer where that is `leaf`.
    pub leaf: Spec,
    /// What the file holds, in order: `leaf`, or the name of an authority.
    pub file: &'static [&'static str],
    /// The name or address that a client asks for.
    pub host: &'static str,
    /// The number of OpenSSL's complaint; 0 where it has none.
    pub openssl: u32,
    /// Our cause; `ok` where there is none.
    pub ours: &'static str,
    /// Why we mean to judge otherwise than OpenSSL does.
    pub differs: Option<&'static str>,
}

const ROW: Row = Row {
    name: "",
    leaf: LEAF,
    file: &["leaf", "between"],
    host: "node.example.com",
    openssl: 0,
    ours: "ok",
    differs: None,
};

const fn good(name: &'static str, leaf: Spec, file: &'static [&'static str]) -> Row {
    Row {
        name,
        leaf,
        file,
        ..ROW
    }
}

const fn bad(
    name: &'static str,
    leaf: Spec,
    file: &'static [&'static str],
    openssl: u32,
    ours: &'static str,
) -> Row {
    Row {
        name,
        leaf,
        file,
        openssl,
        ours,
        ..ROW
    }
}

const fn by(issuer: &'static str) -> Spec {
    Spec { issuer, ..LEAF }
}

const fn keyed(key: &'static str, issuer: &'static str) -> Spec {
    Spec {
        key,
        issuer,
        ..LEAF
    }
}

const fn saying(extensions: &'static str) -> Spec {
    Spec { extensions, ..LEAF }
}

/// A reason to differ, added to a row.
const fn since(row: Row, why: &'static str) -> Row {
    Row {
        differs: Some(why),
        ..row
    }
}

const ORDER: &str = "OpenSSL takes a pile of certificates in any order; TLS 1.2 and older clients do not, and Go's server refuses a key that fits another certificate than the first";
const LEAF_NOT_FIRST: &str =
    "OpenSSL judges the first certificate of the file, which is not the server's";
const FEWER: &str =
    "Traefik and old clients do not mind, but nobody who measures by today's rules makes such keys";

/// Chains that differ in whom they lead to, in their dates, order, keys and digests.
#[rustfmt::skip] // one row a line
pub const CHAINS: &[Row] = &[
    good("good", LEAF, &["leaf", "between"]),
    good("with its root", LEAF, &["leaf", "between", "root"]),
    good("twice the same", LEAF, &["leaf", "between", "between"]),
    good("with a stranger behind", LEAF, &["leaf", "between", "root-foreign"]),
    good("two between", by("second"), &["leaf", "second", "between"]),
    good("three between", by("third"), &["leaf", "third", "second", "between"]),
    good("by the root itself", by("root"), &["leaf"]),
    good("by the root itself, which is there", by("root"), &["leaf", "root"]),
    good("crossed root behind", LEAF, &["leaf", "between", "root-crossed"]),
    good("trusted root over SHA-1", by("by-sha1-root"), &["leaf", "by-sha1-root"]),
    good("short path as it should be", by("pathlen0"), &["leaf", "pathlen0"]),
    good("name within constraints", by("only-com"), &["leaf", "only-com"]),
    good("without key identifiers", Spec { issuer: "bare", ..WITHOUT_IDENTIFIERS }, &["leaf", "bare"]),
    // Keys and signatures.
    good("RSA 3072", keyed("rsa-3072", "between"), &["leaf", "between"]),
    good("P-256", keyed("p256", "between"), &["leaf", "between"]),
    good("P-384", keyed("p384", "between"), &["leaf", "between"]),
    good("P-521", keyed("p521", "between"), &["leaf", "between"]),
    good("Ed25519", keyed("ed25519", "between"), &["leaf", "between"]),
    good("P-256 all along", keyed("p256", "curve"), &["leaf", "curve"]),
    good("Ed25519 between", keyed("p256", "edwards"), &["leaf", "edwards"]),
    good("P-521 between", by("p521"), &["leaf", "p521"]),
    good("SHA-384", Spec { digest: "sha384", ..LEAF }, &["leaf", "between"]),
    good("SHA-512", Spec { digest: "sha512", ..LEAF }, &["leaf", "between"]),
    bad("RSA 1024", keyed("rsa-1024", "between"), &["leaf", "between"], 66, "weak"),
    bad("RSA 1024 between", by("short"), &["leaf", "short"], 67, "weak"),
    since(bad("P-224", keyed("p224", "between"), &["leaf", "between"], 0, "weak"), "browsers and Go know no such curve any more, and TLS 1.3 has none"),
    bad("SHA-1", Spec { digest: "sha1", ..LEAF }, &["leaf", "between"], 68, "weak"),
    bad("SHA-1 between", by("sha1"), &["leaf", "sha1"], 68, "weak"),
    bad("MD5", Spec { digest: "md5", ..LEAF }, &["leaf", "between"], 68, "weak"),
    bad("MD5 between", by("md5"), &["leaf", "md5"], 68, "weak"),
    bad("SHA-1 on a curve", Spec { digest: "sha1", ..keyed("p256", "curve") }, &["leaf", "curve"], 68, "weak"),
    // Dates.
    bad("expired", Spec { to: -1, ..LEAF }, &["leaf", "between"], 10, "expired"),
    bad("expired this very second", Spec { to: 0, ..LEAF }, &["leaf", "between"], 10, "expired"),
    good("begins this very second", Spec { from: 0, ..LEAF }, &["leaf", "between"]),
    bad("not yet valid", Spec { from: 1, ..LEAF }, &["leaf", "between"], 9, "not-yet-valid"),
    bad("expired on a curve", Spec { to: -1, ..keyed("p256", "curve") }, &["leaf", "curve"], 10, "expired"),
    bad("expired intermediate", by("ended"), &["leaf", "ended"], 10, "expired"),
    bad("intermediate to come", by("coming"), &["leaf", "coming"], 9, "not-yet-valid"),
    bad("expired root", by("by-ended-root"), &["leaf", "by-ended-root"], 10, "expired"),
    bad("all expired", Spec { to: -2, ..by("ended") }, &["leaf", "ended"], 10, "expired"),
    since(bad("less than a third left", Spec { from: -80, to: 10, ..LEAF }, &["leaf", "between"], 0, "renewal-overdue"), "OpenSSL does not look ahead"),
    // Order and completeness.
    since(bad("reversed", LEAF, &["between", "leaf"], 26, "wrong-order"), LEAF_NOT_FIRST),
    since(bad("reversed, with root", LEAF, &["root", "between", "leaf"], 26, "wrong-order"), LEAF_NOT_FIRST),
    since(bad("root between", LEAF, &["leaf", "root", "between"], 0, "wrong-order"), ORDER),
    since(bad("two between, swapped", by("second"), &["leaf", "between", "second"], 0, "wrong-order"), ORDER),
    since(bad("leaf in the middle", by("second"), &["second", "leaf", "between"], 26, "wrong-order"), LEAF_NOT_FIRST),
    bad("intermediate missing", LEAF, &["leaf"], 20, "incomplete-chain"),
    bad("intermediate missing, root there", LEAF, &["leaf", "root"], 20, "incomplete-chain"),
    bad("lower intermediate missing", by("second"), &["leaf", "between"], 20, "incomplete-chain"),
    bad("both intermediates missing", by("second"), &["leaf"], 20, "incomplete-chain"),
    bad("upper intermediate missing, root there", by("second"), &["leaf", "second", "root"], 20, "incomplete-chain"),
    bad("upper intermediate missing", by("second"), &["leaf", "second"], 20, "untrusted"),
    bad("intermediate on a curve missing", keyed("p256", "curve"), &["leaf"], 20, "incomplete-chain"),
    bad("another intermediate", LEAF, &["leaf", "curve"], 20, "incomplete-chain"),
    bad("same name, other key", LEAF, &["leaf", "between-other-key"], 20, "incomplete-chain"),
    // Trust.
    bad("foreign root", by("by-foreign"), &["leaf", "by-foreign", "root-foreign"], 19, "untrusted"),
    bad("foreign root not there", by("by-foreign"), &["leaf", "by-foreign"], 20, "untrusted"),
    bad("foreign root itself", by("root-foreign"), &["leaf", "root-foreign"], 19, "untrusted"),
    bad("self-signed", Spec { issuer: "leaf", ..LEAF }, &["leaf"], 18, "self-signed"),
    bad("self-signed on a curve", keyed("p256", "leaf"), &["leaf"], 18, "self-signed"),
    bad("self-signed Ed25519", keyed("ed25519", "leaf"), &["leaf"], 18, "self-signed"),
    bad("self-signed beside an intermediate", Spec { issuer: "leaf", ..LEAF }, &["leaf", "between"], 18, "self-signed"),
    bad("same name without identifiers, other key", Spec { issuer: "bare", ..WITHOUT_IDENTIFIERS }, &["leaf", "bare-other-key"], 7, "untrusted"),
    bad("signed by a server's certificate", by("no-authority"), &["leaf", "no-authority"], 79, "untrusted"),
    bad("signed without the right to", by("no-signing"), &["leaf", "no-signing"], 79, "untrusted"),
    bad("path too long", by("below-pathlen0"), &["leaf", "below-pathlen0", "pathlen0"], 25, "untrusted"),
    bad("name outside constraints", by("only-org"), &["leaf", "only-org"], 47, "untrusted"),
    bad("name excluded", by("not-com"), &["leaf", "not-com"], 48, "untrusted"),
    bad("for clients only", saying("extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\nsubjectAltName=DNS:node.example.com"), &["leaf", "between"], 26, "untrusted"),
    good("for servers and clients", saying("extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:node.example.com"), &["leaf", "between"]),
    good("for anything", saying("subjectAltName=DNS:node.example.com"), &["leaf", "between"]),
    bad("unknown critical extension", saying("1.2.3.4=critical,ASN1:NULL\nsubjectAltName=DNS:node.example.com"), &["leaf", "between"], 34, "untrusted"),
    good("unknown extension", saying("1.2.3.4=ASN1:NULL\nsubjectAltName=DNS:node.example.com"), &["leaf", "between"]),
    since(
        bad("an authority as a server", saying("basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:node.example.com"), &["leaf", "between"], 0, "untrusted"),
        "Firefox and every client of webpki refuse an authority's certificate as a server's",
    ),
    since(bad("secp256k1", keyed("secp256k1", "between"), &["leaf", "between"], 0, "ok"), FEWER),
    good("Ed448", keyed("ed448", "between"), &["leaf", "between"]),
];

/// An identifier, the name that is asked for, OpenSSL's complaint, ours, and why they differ.
pub type NameRow = (
    &'static str,
    &'static str,
    u32,
    &'static str,
    Option<&'static str>,
);

const PARTIAL: Option<&str> = Some("RFC 9525 has no partial wildcards any more (6.3)");
const COMMON_NAME: Option<&str> =
    Some("RFC 9525 does not look at the common name; browsers and Go stopped in 2017 and 2020");

/// Names: the subject alternative name, and what is asked for.
#[rustfmt::skip] // one row a line
pub const NAMES: &[NameRow] = &[
    ("DNS:node.example.com", "node.example.com", 0, "ok", None),
    ("DNS:NODE.Example.COM", "node.example.com", 0, "ok", None),
    ("DNS:node.example.com", "NODE.EXAMPLE.com", 0, "ok", None),
    ("DNS:other.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:node.example.com", "example.com", 62, "wrong-name", None),
    ("DNS:node.example.com", "a.node.example.com", 62, "wrong-name", None),
    ("DNS:node.example.com.evil.org", "node.example.com", 62, "wrong-name", None),
    ("DNS:other.example.com,DNS:node.example.com", "node.example.com", 0, "ok", None),
    ("DNS:a.example.com,DNS:b.example.com,DNS:c.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:*.example.com", "node.example.com", 0, "ok", None),
    ("DNS:*.EXAMPLE.com", "node.example.com", 0, "ok", None),
    ("DNS:*.example.com", "example.com", 62, "wrong-name", None),
    ("DNS:*.example.com", "a.node.example.com", 62, "wrong-name", None),
    ("DNS:*.node.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:*.node.example.com", "a.node.example.com", 0, "ok", None),
    ("DNS:*.*.example.com", "a.node.example.com", 62, "wrong-name", None),
    ("DNS:a.*.example.com", "a.node.example.com", 62, "wrong-name", None),
    ("DNS:*", "node.example.com", 62, "wrong-name", None),
    ("DNS:*.com", "example.com", 62, "wrong-name", None),
    ("DNS:n*.example.com", "node.example.com", 0, "wrong-name", PARTIAL),
    ("DNS:*e.example.com", "node.example.com", 0, "wrong-name", PARTIAL),
    ("DNS:n*e.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:x*.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:no**.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:*.example.com", "xn--bcher-kva.example.com", 0, "ok", None),
    ("DNS:xn--bcher-kva.example.com", "xn--bcher-kva.example.com", 0, "ok", None),
    ("DNS:xn--bcher-kva.example.com", "bücher.example.com", 62, "ok", Some("OpenSSL knows no IDNA; a person writes the name as it is spelled, clients ask for its A-label")),
    ("DNS:xn--*.example.com", "xn--bcher-kva.example.com", 62, "wrong-name", None),
    ("DNS:x*.example.com", "xn--bcher-kva.example.com", 62, "wrong-name", None),
    ("DNS:node_1.example.com", "node_1.example.com", 0, "ok", None),
    ("DNS:.example.com", "node.example.com", 62, "wrong-name", None),
    ("DNS:node.example.com", "node.example.com.", 62, "ok", Some("a dot at the end says that the name is complete; clients take it off before they compare")),
    ("IP:192.0.2.1", "192.0.2.1", 0, "ok", None),
    ("IP:192.0.2.1", "192.0.2.2", 64, "wrong-name", None),
    ("IP:2001:db8::1", "2001:db8::1", 0, "ok", None),
    ("IP:2001:db8::1", "2001:db8:0:0::1", 0, "ok", None),
    ("IP:2001:db8::1", "2001:db8::2", 64, "wrong-name", None),
    ("DNS:192.0.2.1", "192.0.2.1", 64, "wrong-name", None),
    ("IP:192.0.2.1", "node.example.com", 0, "wrong-name", COMMON_NAME),
    ("URI:https://node.example.com", "node.example.com", 0, "wrong-name", COMMON_NAME),
    ("email:root@node.example.com", "node.example.com", 0, "wrong-name", COMMON_NAME),
    ("", "node.example.com", 0, "wrong-name", COMMON_NAME),
    ("", "other.example.com", 62, "wrong-name", None),
    ("DNS:other.example.com,IP:192.0.2.1", "192.0.2.1", 0, "ok", None),
    ("DNS:1.example.com", "1.example.com", 0, "ok", None),
    ("DNS:node", "node", 0, "ok", None),
];
