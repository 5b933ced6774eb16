//! Tokens that their issuers made easy to recognise.

use std::ops::Range;

use super::{byte_before, run, starts_with};

/// How a token looks.
pub(crate) struct Shape {
    /// What it begins with, at least four bytes.
    pub(crate) prefix: &'static str,
    /// How many characters follow at least.
    least: usize,
    /// Which characters follow.
    alphabet: Alphabet,
}

#[derive(Clone, Copy)]
enum Alphabet {
    /// Letters and digits.
    Word,
    /// Capital letters and digits.
    Capitals,
    /// What URLs leave unescaped.
    Url,
    /// What crypt(5) hashes are made of.
    Crypt,
}

impl Alphabet {
    fn has(self, byte: u8) -> bool {
        match self {
            Self::Word => byte.is_ascii_alphanumeric(),
            Self::Capitals => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Url => byte.is_ascii_alphanumeric() || b"-_.".contains(&byte),
            Self::Crypt => byte.is_ascii_alphanumeric() || b"./$+=,-".contains(&byte),
        }
    }
}

const fn shape(prefix: &'static str, least: usize, alphabet: Alphabet) -> Shape {
    Shape {
        prefix,
        least,
        alphabet,
    }
}

/// From their issuers' documentation on how to scan for them.
pub(crate) const SHAPES: &[Shape] = &[
    // Amazon: ids of access keys, lasting and temporary.
    shape("AKIA", 16, Alphabet::Capitals),
    shape("ASIA", 16, Alphabet::Capitals),
    // GitHub
    shape("ghp_", 30, Alphabet::Word),
    shape("gho_", 30, Alphabet::Word),
    shape("ghu_", 30, Alphabet::Word),
    shape("ghs_", 30, Alphabet::Word),
    shape("ghr_", 30, Alphabet::Word),
    shape("github_pat_", 22, Alphabet::Url),
    // GitLab
    shape("glpat-", 20, Alphabet::Url),
    shape("glrt-", 20, Alphabet::Url),
    shape("gldt-", 20, Alphabet::Url),
    shape("glcbt-", 20, Alphabet::Url),
    shape("glptt-", 20, Alphabet::Url),
    shape("glft-", 20, Alphabet::Url),
    shape("glsoat-", 20, Alphabet::Url),
    shape("glagent-", 20, Alphabet::Url),
    // Google
    shape("AIza", 35, Alphabet::Url),
    shape("ya29.", 20, Alphabet::Url),
    shape("GOCSPX-", 20, Alphabet::Url),
    // Slack
    shape("xoxb-", 10, Alphabet::Url),
    shape("xoxp-", 10, Alphabet::Url),
    shape("xoxa-", 10, Alphabet::Url),
    shape("xoxr-", 10, Alphabet::Url),
    shape("xoxs-", 10, Alphabet::Url),
    shape("xoxe.", 10, Alphabet::Url),
    shape("xapp-", 10, Alphabet::Url),
    shape("hooks.slack.com/services/", 0, Alphabet::Url),
    // Links that let whoever has them write: Discord, Teams, Telegram
    shape("discord.com/api/webhooks/", 0, Alphabet::Url),
    shape("webhook.office.com/webhookb2/", 0, Alphabet::Url),
    shape("api.telegram.org/bot", 0, Alphabet::Url),
    // Docker Hub, npm, PyPI, crates.io
    shape("dckr_pat_", 20, Alphabet::Url),
    shape("dckr_oat_", 20, Alphabet::Url),
    shape("npm_", 36, Alphabet::Word),
    shape("pypi-", 50, Alphabet::Url),
    // Docker's swarms
    shape("SWMTKN-1-", 20, Alphabet::Url),
    // Stripe, Shopify, Databricks, Linear, Grafana, New Relic, Tailscale, DigitalOcean, HashiCorp, language models
    shape("sk_test_", 16, Alphabet::Word),
    shape("rk_test_", 16, Alphabet::Word),
    shape("whsec_", 20, Alphabet::Word),
    shape("shpat_", 32, Alphabet::Word),
    shape("shpss_", 32, Alphabet::Word),
    shape("dapi", 32, Alphabet::Word),
    shape("lin_api_", 32, Alphabet::Word),
    shape("glsa_", 32, Alphabet::Url),
    shape("NRAK-", 24, Alphabet::Capitals),
    shape("tskey-", 16, Alphabet::Url),
    shape("sk_live_", 16, Alphabet::Word),
    shape("rk_live_", 16, Alphabet::Word),
    shape("dop_v1_", 32, Alphabet::Word),
    shape("hvs.", 20, Alphabet::Url),
    shape("hvb.", 20, Alphabet::Url),
    shape("sk-ant-", 20, Alphabet::Url),
    shape("sk-proj-", 20, Alphabet::Url),
    // age(1)
    shape("AGE-SECRET-KEY-1", 40, Alphabet::Capitals),
    // Password hashes, which can be guessed from: crypt(5), htpasswd(1)
    shape("$2y$", 20, Alphabet::Crypt),
    shape("$2b$", 20, Alphabet::Crypt),
    shape("$2a$", 20, Alphabet::Crypt),
    shape("$apr1$", 10, Alphabet::Crypt),
    shape("$argon2", 20, Alphabet::Crypt),
    // … and of LDAP
    shape("{SHA}", 20, Alphabet::Crypt),
    shape("{SHA256}", 20, Alphabet::Crypt),
    shape("{SHA512}", 20, Alphabet::Crypt),
    shape("{SSHA}", 20, Alphabet::Crypt),
    shape("{SSHA256}", 20, Alphabet::Crypt),
    shape("{SSHA512}", 20, Alphabet::Crypt),
];

/// The token of this shape that begins at the anchor.
pub(super) fn at(text: &[u8], at: usize, number: u8) -> Option<Range<usize>> {
    let shape = SHAPES.get(usize::from(number))?;
    if !starts_with(text, at, shape.prefix.as_bytes())
        || byte_before(text, at).is_some_and(|byte| byte.is_ascii_alphanumeric())
            && !is_after_escape(text, at)
    {
        return None;
    }
    let after = at + shape.prefix.len();
    let has = |byte| shape.alphabet.has(byte) || (shape.least == 0 && b"/@:_".contains(&byte));
    let length = run(text, after, 1_024, has);
    (length >= shape.least.max(1)).then_some(at..after + length)
}

/// Whether an encoded character stands before, as in `%3D` or `\n`.
fn is_after_escape(text: &[u8], at: usize) -> bool {
    at.checked_sub(3)
        .and_then(|start| text.get(start..at))
        .is_some_and(|before| matches!(before, [b'%', _, _] | [_, b'\\', _]))
}
