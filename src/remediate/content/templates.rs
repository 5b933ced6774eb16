//! The templates of the stack's files.

use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, Value, syntax::SyntaxConfig, value::Serde,
};
use thiserror::Error;

macro_rules! built_in {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../report-templates/stack/", $name)),
        )
    };
}

const BUILT_IN: &[(&str, &str)] = &[
    built_in!("docker-compose.yml"),
    built_in!("http-proxy.conf"),
    built_in!("traefik.yml"),
];

/// A file could not be made of its template: something is in it that the file's format cannot hold.
#[derive(Debug, Error)]
#[error("{name} could not be written: {message}")]
pub struct TemplateError {
    /// The template.
    pub name: &'static str,
    /// Why.
    pub message: String,
}

/// Makes the text of a file.
pub(super) fn render(
    name: &'static str,
    context: &serde_json::Value,
) -> Result<String, TemplateError> {
    let failed = |error: &Error| TemplateError {
        name,
        message: error
            .detail()
            .map_or_else(|| error.to_string(), ToOwned::to_owned),
    };
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| failed(&error))?;
    environment.set_syntax(syntax);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(minijinja::UndefinedBehavior::SemiStrict);
    environment.add_filter("quoted", quoted);
    environment.add_filter("unit", unit_value);
    for (name, text) in BUILT_IN {
        environment
            .add_template(name, text)
            .map_err(|error| failed(&error))?;
    }
    environment
        .get_template(name)
        .and_then(|template| template.render(Value::from(Serde(context))))
        .map_err(|error| failed(&error))
}

/// A scalar of YAML that is taken as it stands, by Compose too.
fn quoted(text: &str) -> Result<String, Error> {
    refuse_control_characters(text)?;
    let quoted = serde_json::to_string(text)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    Ok(quoted.replace('$', "$$"))
}

/// A value of systemd's `Environment=`; see systemd.syntax(7) on quoting and systemd.unit(5) on specifiers.
fn unit_value(text: &str) -> Result<String, Error> {
    refuse_control_characters(text)?;
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%");
    Ok(format!("\"{escaped}\""))
}

fn refuse_control_characters(text: &str) -> Result<(), Error> {
    if text.chars().any(char::is_control) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "a value has a line end or another control character in it",
        ));
    }
    Ok(())
}
