//! Every parser of what comes from outside, by name, as one kind of function: what fuzz targets and the test below feed.
//!
//! A door's name is also that of its folder of seeds in `fuzz/seeds/`.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use tokio::io::AsyncWriteExt;

use super::{
    certificates::{AcmeContent, acme, names::ServerName, own::CertificateFile, traefik_file},
    dns::{
        RecordKind,
        message::{Question, Style},
    },
    docker,
    firewall::{firewalld, firewalld_files, rule_set, ufw},
    host::{os_release, red_hat_release},
    license::{Reading, text},
    listeners::table,
    memory::kernel_log,
    node::NodeLicense,
    outbound::{
        http::{self, Wanted},
        tunnel,
    },
    parse_recording, plugins, probe_report, proxies, registry, resolvers,
    stack::{
        compose_file::{self, Surroundings},
        env_file,
    },
    volumes::{docker_root, fstab, mounts},
};
use crate::redact::Redactor;

/// What is fed, and what reads it.
pub type Door = (&'static str, fn(&[u8]));

/// Every parser.
pub const DOORS: &[Door] = &[
    ("acme", acme_store),
    ("certificate_file", certificate_file),
    ("compose", compose),
    ("dns_message", dns_message),
    ("docker_answers", docker_answers),
    ("docker_files", docker_files),
    ("docker_logs", docker_logs),
    ("env_file", environment),
    ("firewall", firewall),
    ("http_answer", http_answer),
    ("kernel_log", kernel),
    ("license", license),
    ("mount_tables", mount_tables),
    ("node_license", node_license),
    ("os_release", releases),
    ("plugin_output", plugin_output),
    ("probe_report", probe),
    ("proxy", proxy),
    ("recording", recording),
    ("resolv_conf", resolv_conf),
    ("socket_table", socket_table),
];

/// Feeds a door.
///
/// # Panics
/// Where there is no such door, and where the parser is wrong.
pub fn feed(name: &str, content: &[u8]) {
    let door = DOORS.iter().find(|(door, _)| *door == name);
    assert!(door.is_some(), "no parser is called {name}");
    if let Some((_, parse)) = door {
        parse(content);
    }
}

fn lossy(content: &[u8]) -> String {
    String::from_utf8_lossy(content).into_owned()
}

fn survives_being_recorded<T>(value: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let replayed = serde_json::to_string(value)
        .ok()
        .and_then(|recorded| serde_json::from_str::<T>(&recorded).ok());
    assert_eq!(Some(value), replayed.as_ref());
}

fn acme_store(content: &[u8]) {
    let content: AcmeContent = acme::read(&lossy(content), None, &Redactor::default());
    survives_being_recorded(&content);
}

fn certificate_file(content: &[u8]) {
    let _ = CertificateFile::read(PathBuf::from("/cert.pem"), content);
    let _ = ServerName::read(&lossy(content));
    let _ = traefik_file::named_pairs(&lossy(content));
}

fn compose(content: &[u8]) {
    let variables = env_file::parse("NODE_DOMAIN=node.company.com\nUSER_ID=1001\n").variables;
    let surroundings = Surroundings {
        path: PathBuf::from("/srv/data/docker-compose.yml"),
        project: "data".into(),
        project_is_given: false,
        variables: &variables,
        is_secret: &|name| name.contains("AUTH"),
        redactor: &Redactor::default(),
    };
    survives_being_recorded(&compose_file::read(&lossy(content), &surroundings));
}

fn dns_message(content: &[u8]) {
    for kind in [RecordKind::A, RecordKind::Aaaa, RecordKind::Caa] {
        let Ok(question) = Question::new("portal.sesam.io", kind, Style::Modern) else {
            continue;
        };
        let _ = question.read(content);
        // With the number that was asked for, so that what lies behind it is reached.
        let mut answer = question.packet.get(..2).unwrap_or_default().to_vec();
        answer.extend_from_slice(content.get(2..).unwrap_or_default());
        let _ = question.read(&answer);
    }
}

fn docker_answers(content: &[u8]) {
    let redactor = Redactor::default();
    if let Ok(answers) = serde_json::from_slice::<Vec<docker::answers::SummaryAnswer>>(content) {
        for answer in answers {
            survives_being_recorded(&docker::container::Container::of_summary(answer, &redactor));
        }
    }
    if let Ok(answer) = serde_json::from_slice::<docker::answers::ContainerAnswer>(content) {
        survives_being_recorded(&docker::container::Details::of_answer(answer, &redactor));
    }
    let _ = serde_json::from_slice::<docker::answers::VersionAnswer>(content);
    let _ = serde_json::from_slice::<docker::answers::InformationAnswer>(content);
    let _ = serde_json::from_slice::<Vec<docker::answers::NetworkAnswer>>(content);
    let _ = serde_json::from_slice::<Vec<docker::answers::ImageAnswer>>(content);
}

fn docker_files(content: &[u8]) {
    let _ = docker_root::parse(content);
    let (logins, _) = registry::login_file::parse(&lossy(content), &Redactor::default());
    survives_being_recorded(&logins);
}

fn docker_logs(content: &[u8]) {
    for tty in [false, true] {
        let lines = docker::logs::last_lines(content, tty, 5);
        assert!(lines.len() <= 5);
    }
}

fn environment(content: &[u8]) {
    let text = lossy(content);
    for assignment in env_file::parse(&text).variables.values() {
        assert!(assignment.line <= text.matches('\n').count().saturating_add(1));
    }
}

fn firewall(content: &[u8]) {
    let text = lossy(content);
    let _ = ufw::parse_rules(&text, ufw::UfwFamily::V4);
    let _ = rule_set::parse(&text);
    let _ = firewalld::parse(&text);
    let _ = firewalld_files::parse_zone("public", &text);
}

/// The answer comes over a stream in memory, as it would over a connection.
fn http_answer(content: &[u8]) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    else {
        return;
    };
    runtime.block_on(async {
        let (ours, mut theirs) = tokio::io::duplex(1 << 20);
        let written = theirs.write_all(content).await;
        // What hyper still wants to write has a place to go, until it has read all there is.
        let (mut reading, writing) = tokio::io::split(theirs);
        drop(writing);
        let sink = async {
            let _ = tokio::io::copy(&mut reading, &mut tokio::io::sink()).await;
        };
        let wanted = Wanted {
            host: "portal.sesam.io",
            question: http::Question::get("/"),
        };
        let deadline = tokio::time::Instant::now() + Duration::from_millis(50);
        if written.is_ok() {
            tokio::select! {
                (answer, _) = http::request(ours, wanted, deadline) => survives_being_recorded(&answer),
                () = sink => {}
            }
        }
    });
}

fn kernel(content: &[u8]) {
    survives_being_recorded(&kernel_log::of_records(
        Timestamp::UNIX_EPOCH,
        lossy(content).split('\0'),
    ));
}

fn license(content: &[u8]) {
    let reading: Reading = text::read(content);
    assert!(reading.id.is_some() || reading.fault.is_some());
    survives_being_recorded(&reading);
}

fn mount_tables(content: &[u8]) {
    let text = lossy(content);
    let _ = mounts::Mounts::parse(&text);
    let _ = fstab::parse(&text);
}

fn node_license(content: &[u8]) {
    if let Some(license) = NodeLicense::read(content) {
        survives_being_recorded(&license);
    }
}

fn releases(content: &[u8]) {
    let text = lossy(content);
    survives_being_recorded(&os_release::parse("/etc/os-release", &text));
    survives_being_recorded(&red_hat_release::parse("/etc/redhat-release", &text));
}

fn plugin_output(content: &[u8]) {
    let _ = plugins::parse(&lossy(content));
}

fn probe(content: &[u8]) {
    let _ = probe_report::parse(&lossy(content));
}

fn proxy(content: &[u8]) {
    let _ = proxies::address::parse(&lossy(content));
    let _ = tunnel::read(content);
}

fn recording(content: &[u8]) {
    if let Ok(facts) = parse_recording(content) {
        // A reader of recordings is also a writer of them.
        assert!(serde_json::to_vec(&facts).is_ok());
    }
}

fn resolv_conf(content: &[u8]) {
    survives_being_recorded(&resolvers::parse(&lossy(content)));
}

fn socket_table(content: &[u8]) {
    for line in lossy(content).lines() {
        let _ = table::parse(line);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What real files of the kind look like, to be damaged.
    fn seeds(name: &str) -> Vec<Vec<u8>> {
        let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/seeds")
            .join(name);
        let mut seeds: Vec<Vec<u8>> = std::fs::read_dir(&directory)
            .unwrap_or_else(|error| panic!("{}: {error}", directory.display()))
            .map(|entry| std::fs::read(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!seeds.is_empty(), "{name} has no seeds");
        seeds.sort();
        seeds
    }

    #[test]
    fn every_parser_reads_its_seeds_whole_and_cut_off_anywhere() {
        for (name, parse) in DOORS {
            for seed in seeds(name) {
                parse(&seed);
                let step = (seed.len() / 40).max(1);
                for end in (0..seed.len()).step_by(step) {
                    parse(&seed[..end]);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]

        #[test]
        fn no_parser_panics_on_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            for (_, parse) in DOORS {
                parse(&bytes);
            }
        }

        #[test]
        fn no_parser_panics_on_a_damaged_seed(
            places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            which in any::<prop::sample::Index>(),
        ) {
            for (name, parse) in DOORS {
                let seeds = seeds(name);
                let mut seed = seeds[which.index(seeds.len())].clone();
                for (place, byte) in &places {
                    if !seed.is_empty() {
                        let place = place.index(seed.len());
                        seed[place] = *byte;
                    }
                }
                parse(&seed);
            }
        }
    }
}
