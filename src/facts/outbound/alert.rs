//! What the other side of a TLS handshake has against it, in words.

use rustls::{AlertDescription, PeerIncompatible};

/// An alert (RFC 8446, section 6) as a sentence about the other side, with its number, which every other tool shows.
pub fn alert(alert: AlertDescription) -> String {
    let words = match alert {
        AlertDescription::UnrecognisedName => "it knows no such name",
        AlertDescription::AccessDenied => "it denies access",
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            "it wants a certificate of the client"
        }
        AlertDescription::InternalError => "it has an internal error",
        AlertDescription::NoApplicationProtocol => "it does not speak HTTP/1.1",
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown => "it does not trust this machine",
        AlertDescription::CloseNotify | AlertDescription::UserCanceled => "it ends the handshake",
        _ => "it refuses the handshake",
    };
    format!("{words} (TLS alert {})", u8::from(alert))
}

/// What the two sides have not in common.
pub fn incompatible(what: &PeerIncompatible) -> String {
    match what {
        PeerIncompatible::ServerDoesNotSupportTls12Or13
        | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig => {
            "it speaks neither TLS 1.2 nor TLS 1.3".into()
        }
        PeerIncompatible::NoCipherSuitesInCommon => "no cipher suite".into(),
        PeerIncompatible::NoKxGroupsInCommon => "no group for the exchange of keys".into(),
        PeerIncompatible::NoSignatureSchemesInCommon => "no scheme of signatures".into(),
        PeerIncompatible::ExtendedMasterSecretExtensionRequired => {
            "it lacks the extended master secret (RFC 7627)".into()
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_other_side_says_is_a_sentence_with_the_alerts_number() {
        for number in 0..=u8::MAX {
            let words = alert(AlertDescription::from(number));
            assert!(words.starts_with("it "), "{words}");
            assert!(
                words.ends_with(&format!(" (TLS alert {number})")),
                "{words}"
            );
        }
        let unknown_name = alert(AlertDescription::UnrecognisedName);
        assert_eq!(unknown_name, "it knows no such name (TLS alert 112)");
    }
}
