//! The container behind a control group's path.

/// Digits of a container's id.
const ID_LENGTH: usize = 64;

/// The id of the container that a control group belongs to, as Docker, containerd, CRI-O and Podman name theirs:
/// `/docker/ID`, `/system.slice/docker-ID.scope`, `/kubepods/…/cri-containerd-ID.scope`, `…:cri-containerd:ID`.
pub fn container(path: &str) -> Option<String> {
    path.rsplit('/').find_map(|part| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        let id = part.rsplit([':', '-']).next()?;
        let is_id = id.len() == ID_LENGTH
            && id
                .chars()
                .all(|digit| matches!(digit, '0'..='9' | 'a'..='f'));
        is_id.then(|| id.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "4f1c0e3b9a7d5e6f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7";

    #[test]
    fn the_layouts_of_both_versions_are_known() {
        for layout in [
            "/docker/ID",
            "/docker/ID/init.scope",
            "/system.slice/docker-ID.scope",
            "/../docker-ID.scope",
            "/default/ID",
            "/kubepods/burstable/pod0b/ID",
            "/kubepods.slice/kubepods-pod0b.slice/cri-containerd-ID.scope",
            "/system.slice/containerd.service/kubepods-pod0b.slice:cri-containerd:ID",
            "/machine.slice/libpod-ID.scope/container",
        ] {
            let found = container(&layout.replace("ID", ID));
            assert_eq!(found.as_deref(), Some(ID), "{layout}");
        }
        for layout in [
            "/",
            "/system.slice/nginx.service",
            "/user.slice/user-1000.slice/session-1.scope",
            "/docker/4f1c0e",
            "/docker/ID0",
        ] {
            assert_eq!(container(&layout.replace("ID", ID)), None, "{layout}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(path in ".*") {
            let _ = container(&path);
        }
    }
}
