//! The page's templates: built in, each replaceable by a file of the same name.

use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

use minijinja::{Environment, Error, HtmlEscape, Value, syntax::SyntaxConfig};
use thiserror::Error;

macro_rules! built_in {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../report-templates/", $name)),
        )
    };
}

/// The built-in templates, by file name.
pub const BUILT_IN: &[(&str, &str)] = &[
    built_in!("audit.html"),
    built_in!("changes.html"),
    built_in!("expiry.html"),
    built_in!("firewall.html"),
    built_in!("fleet.css"),
    built_in!("fleet.html"),
    built_in!("front.html"),
    built_in!("macros.html"),
    built_in!("requirements.html"),
    built_in!("scope.html"),
    built_in!("signature.html"),
    built_in!("style.css"),
    built_in!("symbols.html"),
    built_in!("waivers.html"),
];

/// The page could not be made.
#[derive(Debug, Error)]
pub enum PageError {
    /// A template is wrong.
    #[error("{place}: {message}")]
    Template {
        /// The file and line, or the template's name.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// The report could not be embedded.
    #[error("the report could not be put into words: {0}")]
    Json(#[from] serde_json::Error),
}

/// The templates of a page.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    directory: Option<PathBuf>,
    replaced: BTreeMap<String, String>,
}

impl Templates {
    /// The built-in templates, some of them replaced by what a site has in `directory`.
    #[must_use]
    pub fn with(directory: PathBuf, replaced: BTreeMap<String, String>) -> Self {
        Self {
            directory: Some(directory),
            replaced,
        }
    }

    /// The style sheet of a page of this hash.
    pub(super) fn style(&self, sha256: &str) -> Result<String, PageError> {
        self.render("style.css", minijinja::context! { sha256 })
    }

    /// The page.
    pub(super) fn audit(&self, context: Value) -> Result<String, PageError> {
        self.render("audit.html", context)
    }

    /// The style sheet of a fleet's page of this hash: what all pages share, and what only this one has.
    pub(crate) fn fleet_style(&self, sha256: &str) -> Result<String, PageError> {
        Ok(self.style(sha256)? + &self.render("fleet.css", minijinja::context! {})?)
    }

    /// The page of a fleet.
    pub(crate) fn fleet(&self, context: Value) -> Result<String, PageError> {
        self.render("fleet.html", context)
    }

    fn render(&self, name: &str, context: Value) -> Result<String, PageError> {
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(|error| self.complaint(&error))?;
        environment.set_syntax(syntax);
        environment.add_filter("soft", soft);
        for (name, text) in BUILT_IN {
            let text = self.replaced.get(*name).map_or(*text, String::as_str);
            environment
                .add_template(name, text)
                .map_err(|error| self.complaint(&error))?;
        }
        environment
            .get_template(name)
            .and_then(|template| template.render(context))
            .map_err(|error| self.complaint(&error))
    }

    fn complaint(&self, error: &Error) -> PageError {
        let name = error.name().unwrap_or("template");
        let file = match &self.directory {
            Some(directory) if self.replaced.contains_key(name) => {
                directory.join(name).display().to_string()
            }
            _ => format!("built-in template {name}"),
        };
        let line = error
            .line()
            .map_or_else(String::new, |line| format!(":{line}"));
        PageError::Template {
            place: format!("{file}{line}"),
            message: error.detail().map_or_else(
                || error.kind().to_string(),
                |detail| format!("{}: {detail}", error.kind()),
            ),
        }
    }
}

/// Escaped text in which long names may break behind a separator, rather than anywhere.
fn soft(value: &Value) -> Value {
    let escaped = match value.as_str() {
        Some(text) => HtmlEscape(text).to_string(),
        None => HtmlEscape(&value.to_string()).to_string(),
    };
    let mut broken = String::with_capacity(escaped.len() + 32);
    let mut run = 0;
    let mut characters = escaped.chars().peekable();
    while let Some(character) = characters.next() {
        broken.push(character);
        run = if character.is_whitespace() {
            0
        } else {
            run + 1
        };
        let is_separator = matches!(character, '.' | '/' | '_' | ',' | '=' | '-' | ':')
            || (character == ';' && broken.ends_with("&#x2f;"));
        let is_inside = characters.peek().is_some_and(|next| next.is_alphanumeric());
        // Short words never need to break, and every break costs five bytes.
        if is_separator && is_inside && run > 12 {
            // Writing to a string does not fail.
            let _ = write!(broken, "<wbr>");
            run = 0;
        }
    }
    Value::from_safe_string(broken)
}
