//! Where the running stack says that it was started.

use std::path::{Path, PathBuf};

use crate::{
    facts::docker::{Container, Docker},
    profile::Profile,
};

/// Set by compose on every container: the project's directory.
const DIRECTORY_LABEL: &str = "com.docker.compose.project.working_dir";
/// Likewise: its compose files, separated by commas; v1 names them as they were typed.
const FILES_LABEL: &str = "com.docker.compose.project.config_files";

/// More files than anybody lays over each other.
const MOST_FILES: usize = 20;

/// A directory with a compose file from which containers were made that run now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Whereabouts {
    /// The directory; none where no container tells.
    pub directory: Option<PathBuf>,
    /// The compose file's name, where it is in that directory.
    pub file: Option<String>,
    /// The files that were laid over it.
    pub laid_over: Vec<PathBuf>,
    /// The project's name, which `docker compose -p` gives without any file that says so.
    pub project: Option<String>,
}

impl Whereabouts {
    /// What the containers of the profile's services say; of several, those of the first service count.
    #[must_use]
    pub fn of(profile: &Profile, docker: Option<&Docker>) -> Self {
        let containers = docker
            .and_then(|docker| docker.engine().ok())
            .and_then(|engine| engine.containers.seen().ok())
            .map(Vec::as_slice)
            .unwrap_or_default();
        Self::told_by_all(profile, containers)
    }

    fn told_by_all(profile: &Profile, containers: &[Container]) -> Self {
        let mut told = profile.stack.services.iter().filter_map(|service| {
            containers
                .iter()
                .find(|container| container.is_of_service(&service.name))
                .and_then(Self::told_by)
        });
        let mut first = told.next().unwrap_or_default();
        // Compose leaves a container as it was made where another file changes nothing about it.
        for other in told {
            if (&other.directory, &other.project) != (&first.directory, &first.project) {
                continue;
            }
            for file in other.laid_over {
                if !first.laid_over.contains(&file) {
                    first.laid_over.push(file);
                }
            }
        }
        first
    }

    fn told_by(container: &Container) -> Option<Self> {
        let directory = PathBuf::from(container.label(DIRECTORY_LABEL)?);
        if !directory.is_absolute() {
            return None;
        }
        let files = container.label(FILES_LABEL).unwrap_or_default();
        let mut files = files
            .split(',')
            .filter(|file| !file.is_empty())
            .map(|file| directory.join(file));
        let name = files
            .next()
            .filter(|file| file.parent() == Some(Path::new(&directory)))
            .and_then(|file| file.file_name()?.to_str().map(ToOwned::to_owned));
        let laid_over = files.take(MOST_FILES).collect();
        Some(Self {
            directory: Some(directory),
            file: name,
            laid_over,
            project: container.project().map(ToOwned::to_owned),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn container(directory: &str, files: &str) -> Container {
        Container {
            name: "traefik".into(),
            labels: BTreeMap::from([
                (DIRECTORY_LABEL.to_owned(), Some(directory.to_owned())),
                (FILES_LABEL.to_owned(), Some(files.to_owned())),
            ]),
            ..Container::default()
        }
    }

    #[test]
    fn a_container_tells_where_it_was_made() {
        for (directory, files, expected, laid_over) in [
            (
                "/opt/sesam",
                "docker-compose.yml",
                Some("docker-compose.yml"),
                "",
            ),
            ("/opt/sesam", "/opt/sesam/stack.yml", Some("stack.yml"), ""),
            ("/opt/sesam", "/opt/other/stack.yml", None, ""),
            (
                "/opt/sesam",
                "a.yml,b.yml",
                Some("a.yml"),
                "/opt/sesam/b.yml",
            ),
            ("/opt/sesam", "/a.yml,/etc/b.yml", None, "/etc/b.yml"),
            ("/opt/sesam", "", None, ""),
        ] {
            let told = Whereabouts::told_by(&container(directory, files)).unwrap();
            assert_eq!(told.directory.as_deref(), Some(Path::new("/opt/sesam")));
            assert_eq!(told.file.as_deref(), expected, "{files}");
            let others: Vec<PathBuf> = laid_over.split_whitespace().map(PathBuf::from).collect();
            assert_eq!(told.laid_over, others, "{files}");
        }
        assert_eq!(Whereabouts::told_by(&container("opt", "x.yml")), None);
        let mut named = container("/opt/sesam", "x.yml");
        let project = "com.docker.compose.project".to_owned();
        named.labels.insert(project, Some("by-option".into()));
        let told = Whereabouts::told_by(&named).unwrap();
        assert_eq!(told.project.as_deref(), Some("by-option"));
        let profile = crate::profile::load("2023").unwrap();
        assert_eq!(Whereabouts::of(&profile, None), Whereabouts::default());
        // Another project's files are no part of it.
        let of_service = |name: &str, directory: &str, files: &str| {
            let mut made = container(directory, files);
            name.clone_into(&mut made.name);
            let service = "com.docker.compose.service".to_owned();
            made.labels.insert(service, Some(name.to_owned()));
            made
        };
        let told = Whereabouts::told_by_all(
            &profile,
            &[
                of_service("watchtower", "/opt/sesam", "a.yml"),
                of_service("traefik", "/opt/other", "a.yml,c.yml"),
                of_service("sesam-node", "/opt/sesam", "a.yml,b.yml"),
            ],
        );
        assert_eq!(told.laid_over, [PathBuf::from("/opt/sesam/b.yml")]);
    }
}
