//! `layout.letsencrypt-dir`

use super::directory::{self, CAUSES};
use crate::{
    checks::{
        Category, Check, Context, Directory, Judge, Judgement, Level, Mend, Prose, Remedy, Verdict,
        command_line::quoted, storage::DATA_MOUNT,
    },
    facts::Source,
};

/// See [`Prose::checks`] in the declaration.
pub static LETSENCRYPT_DIR: Check = Check {
    id: "layout.letsencrypt-dir",
    title: "Traefik has a directory for its certificates",
    category: Category::Layout,
    level: Level::Required,
    needs: &[&DATA_MOUNT],
    reads: &[Source::Layout],
    reference: "Operator's manual, preparing the machine: directories",
    causes: CAUSES,
    prose: Prose {
        checks: "Whether `layout.letsencrypt_dir` of the profile, or `layout.certificates_dir` where the customer brings a certificate, is a directory, links followed.",
        why: "Traefik keeps its certificates there. Without it every start asks Let's Encrypt for new ones, until its rate limit refuses them.",
        remedy: "Make the directory for Let's Encrypt, or the one for the certificate that the customer brings.",
    },
    mends: &[Mend::new(
        Remedy::CreateDirectory(Directory::LetsEncrypt),
        &[directory::MISSING],
    )],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let layout = context.facts.layout().seen()?;
    let letsencrypt = layout.letsencrypt_dir.seen()?;
    if letsencrypt.leads_to_directory() {
        return directory::judge(letsencrypt);
    }
    let certificates = layout.certificates_dir.seen()?;
    if certificates.leads_to_directory() {
        return Ok(directory::judge(certificates)?
            .remark("this is the directory for a certificate that the customer brings"));
    }
    let verdict: Verdict = directory::judge(letsencrypt)?;
    Ok(verdict.advice(format!(
        "or, where the customer brings a certificate: mkdir -p {}",
        quoted(&certificates.path)
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases},
            layout::{
                directory::tests::cases,
                samples::{directory, missing, with},
            },
        },
        facts::Observed,
    };

    #[test]
    fn as_any_directory() {
        judge_cases(
            &LETSENCRYPT_DIR,
            &cases(|layout, place| layout.letsencrypt_dir = place),
        );
    }

    #[test]
    fn the_certificates_directory_will_do() {
        judge_cases(
            &LETSENCRYPT_DIR,
            &[Case::new(
                "own certificate",
                Status::Pass,
                None,
                with(|layout| {
                    layout.letsencrypt_dir = Observed::Seen(missing("/a", "/a"));
                    layout.certificates_dir = Observed::Seen(directory("/srv/data/traefik/certs"));
                }),
            )],
        );
    }
}
