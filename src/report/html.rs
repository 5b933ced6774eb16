//! The report that auditors keep: one page that needs nothing but itself.

mod changes;
mod charts;
mod firewall;
mod page;
mod rows;
mod templates;

use base64::{Engine, engine::general_purpose::STANDARD};
use minijinja::{Value, value::Serde};
use sha2::{Digest, Sha256};

pub(crate) use charts::named as measured_thing;
pub(crate) use page::SituationView;
pub use templates::{BUILT_IN as BUILT_IN_TEMPLATES, PageError, Templates};

use super::{Changes, Report, json, text};
use crate::document;
use page::Page;

/// Longer texts than this are cut in the page; the embedded report has them whole.
const LONGEST: usize = 4_000;

/// What marks the element that holds the report.
const MARK: &str = "id=\"sesam-doctor-report\"";

/// The report as a page, with what changed since an earlier report where there is one.
///
/// # Errors
/// A template of the site's own that is wrong.
pub fn html(
    report: &Report,
    since: Option<&Changes>,
    templates: &Templates,
) -> Result<String, PageError> {
    let sha256 = text::sha256(json(report)?.as_bytes());
    // JSON that may stand in a page: no `<`, and nothing that hides from whoever reads the source.
    let embedded = document::escaped(&serde_json::to_string(report)?, |character| {
        matches!(character, '<' | '>' | '&') || text::is_hidden(character)
    });
    let shown = text::harmless(report, LONGEST)?;
    let style = templates.style(&sha256)?;
    let digest = STANDARD.encode(Sha256::digest(style.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    );
    let page = Page::of(&shown, since);
    let mut text = templates.audit(minijinja::context! {
        policy,
        style,
        sha256,
        embedded => Value::from_safe_string(embedded),
        ..Value::from(Serde(&page))
    })?;
    text.push('\n');
    Ok(text)
}

/// The report that a page embeds, as JSON.
#[must_use]
pub fn embedded(page: &str) -> Option<&str> {
    let (_, from_mark) = page.split_once(MARK)?;
    let (_, content) = from_mark.split_once('>')?;
    let (report, _) = content.split_once("</script")?;
    Some(report)
}
