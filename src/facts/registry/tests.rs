//! Logins are read without asking anybody; what real registries say is seen in the lab (`tests/lab_machine.rs`).

use std::time::Duration;

use super::*;
use crate::{facts::Root, profile, redact::Redactor, settings::Settings};

fn site(root: Root) -> Site {
    Site {
        root,
        profile: Arc::new(profile::load("2023").unwrap()),
        settings: Arc::new(Settings::default()),
        deadline: Duration::from_secs(20),
        offline: true,
        redactor: Redactor::default(),
    }
}

#[tokio::test]
async fn offline_the_files_are_read_and_nobody_is_asked() {
    let place = tempfile::tempdir().unwrap();
    let docker = place.path().join("root/.docker");
    std::fs::create_dir_all(&docker).unwrap();
    std::fs::write(
        docker.join("config.json"),
        r#"{"auths": {"docker.io": {"auth": "Y3VzdG9tZXI6c3dvcmRmaXNo"}}, "credsStore": "lab"}"#,
    )
    .unwrap();
    let site = site(Root::at(place.path()).unwrap());
    let (tell, images) = oneshot::channel();
    tell.send(vec![StackImage {
        service: "sesam-node".into(),
        image: "registry.company.com/sesam/sesam-node:weekly".into(),
    }])
    .unwrap();
    let Observed::Seen(found) = observe(site, images).await else {
        panic!("not seen");
    };
    assert_eq!(found.registry, "registry.company.com");
    assert_eq!(found.answers, Observed::NotAsked);
    assert_eq!(found.images, Observed::NotAsked);
    let text = serde_json::to_string(&found).unwrap();
    assert!(text.contains("customer"), "{text}");
    for secret in ["swordfish", "c3dvcmRmaXNo"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn the_node_comes_from_docker_hub_unless_the_stack_says_otherwise() {
    let profile = profile::load("2023").unwrap();
    assert_eq!(home_registry(&profile, &[]), "docker.io");
    assert_eq!(StackImage::of(&profile, None, None), Vec::new());
}
