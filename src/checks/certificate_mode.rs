//! Whose certificates are served decides what of the network is needed at all.

use super::Context;
use crate::profile::CertificateMode;

/// Why something is not needed, where these are the modes that make it unnecessary; none where it is needed, or where
/// nobody knows whose certificates are served.
pub fn not_needed(context: &Context, skipped_when: &[CertificateMode]) -> Option<String> {
    let mode = known_mode(context).filter(|mode| skipped_when.contains(mode))?;
    let (whose, source) = (
        match mode {
            CertificateMode::Own => "a certificate of the customer's own",
            CertificateMode::SelfSigned => "a self-signed certificate",
            CertificateMode::LetsEncrypt => "certificates of Let's Encrypt",
        },
        match context.profile.certificates.mode {
            Some(_) => "as the profile says",
            None => "as the stack shows",
        },
    );
    Some(format!("not needed with {whose}, {source}"))
}

/// As the profile says, else as the stack or what lies on disk shows.
fn known_mode(context: &Context) -> Option<CertificateMode> {
    context.profile.certificates.mode.or_else(|| {
        let certificates = context.facts.certificates().seen().ok()?;
        Some(certificates.mode())
    })
}
