//! The catalogue: what is broken, how it is healed, and what the doctor has to say of it. As data, in `catalogue/`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// One way to break a healthy machine.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What is the matter.
    pub name: String,
    /// The edition of the manual that the machine follows.
    #[serde(default = "first_edition")]
    pub edition: String,
    /// Commands of the lab's internet.
    #[serde(default)]
    pub internet: String,
    /// A script that breaks the machine.
    #[serde(default)]
    pub breaks: String,
    /// A script that takes back what restoring the machine does not.
    #[serde(default)]
    pub heals: String,
    /// What the doctor is started through, as in `taskset -c 0`.
    #[serde(default)]
    pub through: String,
    /// The doctor's further arguments.
    #[serde(default)]
    pub arguments: String,
    /// Everything that the doctor has to find and not to explain by something else, as `id cause`; nothing else.
    pub found: Vec<String>,
    /// The same, where only Docker and the stack's files are looked at and not the network.
    #[allow(dead_code)] // the clinic itself looks at all of it
    pub found_in_docker_alone: Option<Vec<String>>,
    /// What the advice has to name.
    #[serde(default)]
    pub advice: Vec<String>,
    /// Whether `--fix` heals it.
    #[serde(default)]
    pub fix: bool,
    /// What is found after `--fix` all the same, as `id cause`.
    #[serde(default)]
    pub left: Vec<String>,
    /// Why that cannot be otherwise here.
    #[serde(default)]
    pub left_because: String,
    /// Whether the small sample has it that every change is held to.
    #[serde(default)]
    pub sample: bool,
}

fn first_edition() -> String {
    "2023".into()
}

/// Two faults at once.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// Their names.
    pub faults: [String; 2],
    /// What has to be found, where that is not simply what each of them has to.
    pub found: Option<Vec<String>>,
}

/// A machine without a fault, in one of the forms that customers have.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Healthy {
    /// Which form.
    pub name: String,
    /// The edition of the manual that the machine follows.
    #[serde(default = "first_edition")]
    pub edition: String,
    /// Commands of the lab's internet.
    #[serde(default)]
    pub internet: String,
    /// A script that gives the machine this form.
    #[serde(default)]
    pub forms: String,
    /// A script that takes back what restoring the machine does not.
    #[serde(default)]
    pub heals: String,
    /// Warnings that the form deserves: it is allowed, and not what the manual recommends.
    #[serde(default)]
    pub found: Vec<String>,
}

/// A cause that no fault produces.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Uncovered {
    /// The check's id, or `CATEGORY.*`.
    pub check: String,
    /// The causes' codes; none means every one that is left.
    #[serde(default)]
    pub causes: Vec<String>,
    /// Why there is no fault for it.
    pub reason: String,
}

/// What a scenario of the network's lab has to look like on a whole machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// The scenario's name.
    pub name: String,
    /// What has to be found on a whole machine.
    pub found: Option<Vec<String>>,
    /// Whether `--fix` heals it.
    #[serde(default)]
    pub fix: bool,
    /// Why it is left to the network's own lab.
    pub left_out: Option<String>,
}

/// Something that the doctor rightly says of every machine of the lab.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfTheLab {
    /// The finding, as `id cause`.
    pub finding: String,
    /// Why it cannot be otherwise.
    pub reason: String,
}

/// Everything in `catalogue/`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Catalogue {
    #[serde(rename = "fault")]
    pub faults: Vec<Fault>,
    #[serde(rename = "pair")]
    pub pairs: Vec<Pair>,
    pub healthy: Vec<Healthy>,
    pub uncovered: Vec<Uncovered>,
    #[serde(rename = "scenario")]
    pub scenarios: Vec<Scenario>,
    pub of_the_lab: Vec<OfTheLab>,
}

impl Catalogue {
    /// Reads one file of it.
    pub fn part(name: &str) -> Self {
        let file = directory().join(name).with_extension("toml");
        let text = std::fs::read_to_string(&file).unwrap();
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }
}

/// Where its files are.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clinic/catalogue")
}
