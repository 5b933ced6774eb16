//! The page's section on what changed since an earlier report.

use serde::Serialize;

use super::page::Anchors;
use crate::report::{Changes, text};

/// What changed since an earlier report.
#[derive(Serialize)]
pub(super) struct View {
    before: String,
    summary: String,
    sections: Vec<Section>,
}

#[derive(Serialize)]
struct Section {
    heading: String,
    changes: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    anchor: Option<String>,
    step: String,
    summary: String,
    details: Vec<String>,
}

/// The changes, with their texts made harmless and linked to the findings.
pub(super) fn view(changes: &Changes, anchors: &Anchors) -> View {
    let clean = |words: &str| text::readable(words, super::LONGEST);
    View {
        before: clean(&format!(
            "the report on {} of {}",
            changes.before.hostname,
            changes.before.observed_at.strftime("%Y-%m-%d %H:%M UTC")
        )),
        summary: changes.summary(),
        sections: changes
            .sections()
            .into_iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(heading, list)| Section {
                heading: capitalized(heading),
                changes: list
                    .iter()
                    .map(|change| Row {
                        id: clean(&change.id),
                        anchor: anchors.place(&clean(&change.id)),
                        step: clean(&change.step()),
                        summary: clean(change.summary()),
                        details: change.details.iter().map(|detail| clean(detail)).collect(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
