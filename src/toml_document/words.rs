//! What serde says of a value that does not fit, in the words of those who write TOML.

/// serde's names of what may stand somewhere, and ours.
const WANTED: [(&str, &str); 9] = [
    ("a string", "a text in quotes"),
    ("path string", "a path in quotes"),
    ("a boolean", "true or false"),
    ("a sequence", "a list in brackets"),
    ("a map", "a table"),
    ("f64", "a number"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
];

/// The message as a person needs it; one that is no such message stays.
pub(super) fn plain(message: &str) -> String {
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("{field} is missing");
    }
    let misfit = ["invalid type: ", "invalid value: "]
        .into_iter()
        .find_map(|kind| message.strip_prefix(kind))
        .and_then(|rest| rest.rsplit_once(", expected "));
    match misfit {
        Some((found, wanted)) => format!(
            "{} stands where {} has to stand",
            self::found(found),
            self::wanted(wanted)
        ),
        None => message.to_owned(),
    }
}

fn wanted(name: &str) -> &str {
    if name.starts_with("struct ") {
        return "a table";
    }
    if ["u64", "usize"].contains(&name) {
        return "a whole number from 0";
    }
    WANTED
        .into_iter()
        .find_map(|(theirs, ours)| (theirs == name).then_some(ours))
        .unwrap_or(name)
}

fn found(thing: &str) -> String {
    let (kind, value) = thing.split_once(' ').unwrap_or((thing, ""));
    match kind {
        "integer" | "floating" => format!("the number {}", value.trim_start_matches("point ")),
        "string" => format!("the text {value}"),
        "boolean" => value.to_owned(),
        "map" => "a table".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => thing.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn serdes_words_are_said_in_those_of_the_file() {
        for (theirs, ours) in [
            (
                "invalid type: integer `3`, expected a string",
                "the number `3` stands where a text in quotes has to stand",
            ),
            (
                "invalid type: string \"a, expected b\", expected u16",
                "the text \"a, expected b\" stands where a whole number from 0 to 65535 has to stand",
            ),
            (
                "invalid value: integer `-1`, expected usize",
                "the number `-1` stands where a whole number from 0 has to stand",
            ),
            (
                "invalid type: floating point `1.5`, expected struct Hardware",
                "the number `1.5` stands where a table has to stand",
            ),
            (
                "invalid type: boolean `true`, expected a sequence",
                "`true` stands where a list in brackets has to stand",
            ),
            (
                "invalid type: map, expected an address",
                "a table stands where an address has to stand",
            ),
            ("missing field `until`", "`until` is missing"),
            ("duplicate key", "duplicate key"),
        ] {
            assert_eq!(plain(theirs), ours);
        }
    }
}
