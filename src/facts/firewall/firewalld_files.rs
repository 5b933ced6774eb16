//! firewalld's files: its default zone, its zones and its services.

use std::{path::Path, sync::LazyLock};

use regex::Regex;

use super::{
    PortRange,
    firewalld::{Firewalld, FirewalldSource, Zone},
};
use crate::{
    facts::{Observed, Root, read_text},
    profile::{AbsolutePath, FirewallFiles},
    units::Bytes,
};

/// Larger than any file of firewalld.
const LARGEST_FILE: Bytes = Bytes(1_000_000);
/// More services than a zone has.
const MOST_SERVICES: usize = 200;
/// What firewalld takes for the default zone where nothing is said.
const DEFAULT_ZONE: &str = "public";

/// Comments, the elements that count here, and their attributes: these files are flat and written by programs, so that this
/// much of XML is enough.
static COMMENT: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?s)<!--.*?-->").ok());
static ELEMENT: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"<(zone|service|port|include|rule)\b([^>]*)>").ok());
static ATTRIBUTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\b([a-z]+)\s*=\s*["']([^"']*)["']"#).ok());

/// Whether firewalld is started at boot.
pub fn is_enabled(root: &Root, files: &FirewallFiles) -> bool {
    // The link's target may lie outside of what is mounted, so the link itself counts.
    root.locate_link(&files.firewalld_enabled_link)
        .is_ok_and(|link| std::fs::symlink_metadata(link).is_ok())
}

/// The default zone, as the files have it: which interfaces are in which zone is known to the running daemon only.
pub fn read(root: &Root, files: &FirewallFiles) -> Observed<Firewalld> {
    let configuration = match read_text(root, &files.firewalld_file, LARGEST_FILE) {
        Ok(text) => text,
        Err(problem) => {
            let what = files.firewalld_file.display().to_string();
            match Observed::<()>::from_problem(&problem, &what) {
                Observed::Absent => String::new(),
                other => return other.map(|()| Firewalld::default()),
            }
        }
    };
    let name = default_zone(&configuration);
    let file = format!("{name}.xml");
    let text = match first(root, &files.firewalld_zone_dirs, &file) {
        Observed::Seen(text) => text,
        Observed::Absent => {
            return Observed::Failed(format!(
                "firewalld's default zone “{name}” has no file in its directories"
            ));
        }
        other => return other.map(|_| Firewalld::default()),
    };
    let mut zone = parse_zone(&name, &text);
    add_services(root, files, &mut zone);
    Observed::Seen(Firewalld {
        zones: vec![zone],
        learned_from: FirewalldSource::Files,
    })
}

/// Adds the ports of a zone's services; what a service is that cannot be read is not known.
pub fn add_services(root: &Root, files: &FirewallFiles, zone: &mut Zone) {
    for service in zone.services.iter().take(MOST_SERVICES) {
        if !is_plain_name(service) {
            continue;
        }
        let file = format!("{service}.xml");
        if let Observed::Seen(text) = first(root, &files.firewalld_service_dirs, &file) {
            zone.tcp_ports
                .extend(elements(&text).filter_map(|element| port(&element)));
        }
    }
}

/// The file of this name in the first directory that has one.
fn first(root: &Root, directories: &[AbsolutePath], file: &str) -> Observed<String> {
    for directory in directories {
        let path: &Path = directory;
        let path = path.join(file);
        match read_text(root, &path, LARGEST_FILE) {
            Ok(text) => return Observed::Seen(text),
            Err(problem) => match Observed::from_problem(&problem, &path.display().to_string()) {
                Observed::Absent => {}
                other => return other,
            },
        }
    }
    Observed::Absent
}

fn default_zone(configuration: &str) -> String {
    configuration
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("DefaultZone=")?
                .split_whitespace()
                .next()
        })
        .next_back()
        .filter(|name| is_plain_name(name))
        .unwrap_or(DEFAULT_ZONE)
        .to_owned()
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 100
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '+'))
}

/// An element's name and its attributes.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

fn elements(text: &str) -> impl Iterator<Item = Element> {
    let plain = COMMENT.as_ref().map_or_else(
        || text.to_owned(),
        |comment| comment.replace_all(text, "").into_owned(),
    );
    let mut found = Vec::new();
    if let (Some(element), Some(attribute)) = (ELEMENT.as_ref(), ATTRIBUTE.as_ref()) {
        for captures in element.captures_iter(&plain) {
            let (_, [name, rest]) = captures.extract();
            found.push(Element {
                name: name.to_owned(),
                attributes: attribute
                    .captures_iter(rest)
                    .map(|pair| {
                        let (_, [key, value]) = pair.extract();
                        (key.to_owned(), value.to_owned())
                    })
                    .collect(),
            });
        }
    }
    found.into_iter()
}

fn port(element: &Element) -> Option<PortRange> {
    (element.name == "port" && element.attribute("protocol") == Some("tcp"))
        .then(|| PortRange::parse(element.attribute("port")?))?
}

pub(in crate::facts) fn parse_zone(name: &str, text: &str) -> Zone {
    let mut zone = Zone {
        name: name.to_owned(),
        ..Zone::default()
    };
    let mut inside_rule = false;
    for element in elements(text) {
        match element.name.as_str() {
            "zone" => zone.accepts_all = element.attribute("target") == Some("ACCEPT"),
            // What follows a rich rule cannot be told from what is inside it; rich rules stand at the end of a zone's file.
            "rule" => {
                inside_rule = true;
                zone.rich_rules = zone.rich_rules.saturating_add(1);
            }
            "service" if !inside_rule => {
                zone.services
                    .extend(element.attribute("name").map(ToOwned::to_owned));
            }
            "port" if !inside_rule => zone.tcp_ports.extend(port(&element)),
            _ => {}
        }
    }
    zone
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::profile;

    #[test]
    fn the_default_zone_with_its_services_is_read() {
        let place = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = place.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/firewalld/firewalld.conf", "# x\nDefaultZone=work\n");
        write(
            "usr/lib/firewalld/zones/work.xml",
            "<?xml version=\"1.0\"?>\n<zone>\n <service name=\"ssh\"/>\n <!-- <service name=\"http\"/> -->\n <service name='https'/>\n <port protocol=\"tcp\" port=\"8000-8010\"/>\n <rule><port port=\"9\" protocol=\"tcp\"/></rule></zone>",
        );
        write(
            "usr/lib/firewalld/services/https.xml",
            "<service><port protocol=\"tcp\" port=\"443\"/><port protocol=\"udp\" port=\"443\"/></service>",
        );
        let root = Root::at(place.path()).unwrap();
        let files = profile::load("2023").unwrap().firewall;
        let observed = read(&root, &files);
        let [zone] = observed.seen().unwrap().zones.as_slice() else {
            panic!("{observed:?}");
        };
        assert_eq!(zone.services, ["ssh", "https"]);
        let open: Vec<bool> = [443, 8005, 80, 9]
            .into_iter()
            .map(|port| zone.tcp_ports.iter().any(|ports| ports.holds(port)))
            .collect();
        assert_eq!(open, [true, true, false, false]);
        assert!(!is_enabled(&root, &files));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(<zone>|<port |<service |<!--|-->|port=\"|tcp|[0-9\"'/>= -]|.)*") {
            let _ = parse_zone("x", &text);
            let _ = default_zone(&text);
        }
    }
}
