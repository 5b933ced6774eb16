//! `storage.docker-space`

use super::{
    ROOT_SPACE,
    space::{self, ALMOST_FULL, LOW_SPACE},
};
use crate::{
    checks::{Category, Check, Context, Judge, Judgement, Level, Prose},
    facts::{Observed, Source, volumes::DockerRootOrigin},
};

/// See [`Prose::checks`] in the declaration.
pub static DOCKER_SPACE: Check = Check {
    id: "storage.docker-space",
    title: "Enough free space for Docker",
    category: Category::Storage,
    level: Level::Required,
    needs: &[],
    reads: &[Source::Volumes],
    reference: "Operator's manual, hardware requirements",
    causes: &[LOW_SPACE, ALMOST_FULL],
    prose: Prose {
        checks: "The free space on the file system of Docker's data root: the one that the running daemon was started with (`--data-root`), else the one that `/etc/docker/daemon.json` names, else `storage.docker_root` of the profile. Judged by the same limits as `storage.data-space`. Where Docker's data is on the root file system, the trouble is reported once, by `storage.root-space`.",
        why: "Images are pulled to, and container logs grow on, Docker's data root. When it is full, updates fail and containers stop.",
        remedy: "Remove what is not used (`docker image prune --all`, while the stack runs), limit the logs (`max-size`, `max-file`), or give Docker a larger disk.",
    },
    mends: &[],
    judge: Judge::One(judge),
};

fn judge(context: &Context) -> Judgement {
    let volumes = context.facts.volumes().seen()?;
    let docker = volumes.docker.seen()?;
    let advice = "remove images that no container uses (while the stack runs, so that its own are kept: docker image prune --all), limit the containers' logs (max-size, max-file), or move Docker's data root to a larger disk";
    let verdict = space::judge(context, "docker", docker, advice.to_owned())?
        .evidence("Docker's data root", &docker.asked);
    let verdict = match &volumes.docker_root_origin {
        Some(DockerRootOrigin::Assumed(reason)) => verdict.remark(format!(
            "Docker's configuration could not be read ({reason}), so {} was assumed",
            docker.asked
        )),
        _ => verdict,
    };
    Ok(match &volumes.root {
        Observed::Seen(root) if root.shares_file_system(docker) => verdict.follows(&ROOT_SPACE),
        _ => verdict,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::{
            Status,
            cases::{Case, judge_cases, nothing_observed, verdict},
            storage::samples::{GB, space, volume, with},
        },
        facts::Facts,
        units::Bytes,
    };

    fn docker(available: u64) -> impl Fn(&mut Facts) {
        with(move |volumes| {
            volumes.docker = Observed::Seen(volume("/docker", "/docker", "8:33"));
            let space = space(&mut volumes.docker);
            space.free_bytes = Bytes(available * GB);
            space.available_bytes = Bytes(available * GB);
        })
    }

    #[test]
    fn cases() {
        judge_cases(
            &DOCKER_SPACE,
            &[
                Case::new("enough", Status::Pass, None, docker(200)),
                Case::new("little", Status::Warn, Some("low-space"), docker(30)),
                Case::new("hardly any", Status::Fail, Some("almost-full"), docker(3)),
                Case::new(
                    "not asked",
                    Status::Unknown,
                    Some("not-observed"),
                    |_: &mut Facts| {},
                ),
                Case::new(
                    "denied",
                    Status::Unknown,
                    Some("needs-root"),
                    with(|volumes| volumes.docker = Observed::Denied("no".into())),
                ),
            ],
        );
    }

    #[test]
    fn on_the_root_file_system_it_is_the_roots_trouble_and_a_guess_is_said() {
        let mut facts = nothing_observed();
        with(|volumes| {
            volumes.docker_root_origin = Some(DockerRootOrigin::Assumed("no JSON".into()));
        })(&mut facts);
        let verdict = verdict(&DOCKER_SPACE, &facts);
        assert_eq!(verdict.follows.len(), 1);
        assert_eq!(verdict.remarks.len(), 1);
    }
}
