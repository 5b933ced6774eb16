//! Mounts, in Compose's short and long syntax.

use serde_json::{Map, Value};

use super::{compose_file::Mount, document::scalar_text};

/// Reads one element of `volumes` of a service.
pub(super) fn read_mount(value: &Value) -> Option<Mount> {
    match value {
        Value::String(text) => short(text),
        Value::Object(members) => long(members),
        _ => None,
    }
}

/// `[SOURCE:]TARGET[:OPTIONS]`
fn short(text: &str) -> Option<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => (None, *target, ""),
        [source, target] => (Some(*source), *target, ""),
        [source, target, options] => (Some(*source), *target, *options),
        _ => return None,
    };
    if target.is_empty() || source.is_some_and(str::is_empty) {
        return None;
    }
    let is_path = source.is_some_and(|source| source.starts_with(['/', '.', '~']));
    Some(Mount {
        kind: if is_path { "bind" } else { "volume" }.to_owned(),
        source: source.map(ToOwned::to_owned),
        target: target.to_owned(),
        read_only: options.split(',').any(|option| option == "ro"),
    })
}

fn long(members: &Map<String, Value>) -> Option<Mount> {
    let text = |name: &str| members.get(name).and_then(scalar_text);
    Some(Mount {
        kind: text("type").unwrap_or_else(|| "volume".to_owned()),
        source: text("source"),
        target: text("target")?,
        read_only: text("read_only").is_some_and(|value| value == "true"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_syntax_is_read() {
        for (value, expected) in [
            (json!("/a:/b"), Some(("bind", Some("/a"), "/b", false))),
            (
                json!("./a:/b:ro,z"),
                Some(("bind", Some("./a"), "/b", true)),
            ),
            (
                json!("data:/b:rw"),
                Some(("volume", Some("data"), "/b", false)),
            ),
            (json!("/b"), Some(("volume", None, "/b", false))),
            (
                json!({"type": "bind", "source": "/a", "target": "/b", "read_only": true}),
                Some(("bind", Some("/a"), "/b", true)),
            ),
            (
                json!({"type": "tmpfs", "target": "/b"}),
                Some(("tmpfs", None, "/b", false)),
            ),
            (json!(":/b"), None),
            (json!("a:"), None),
            (json!("a:b:c:d"), None),
            (json!({"source": "/a"}), None),
            (json!(3), None),
        ] {
            let mount = read_mount(&value);
            let read = mount.as_ref().map(|mount| {
                (
                    mount.kind.as_str(),
                    mount.source.as_deref(),
                    mount.target.as_str(),
                    mount.read_only,
                )
            });
            assert_eq!(read, expected, "{value}");
        }
    }
}
