//! The two commands that look from outside: `probe`, and `listen` that answers it.

use std::{
    io::{self, Read, Write},
    path::Path,
    time::Duration,
};

use super::{DEFAULT_WIDTH, Exit, RunError, deliver_report, formats, signer, site, width};
use crate::{
    cli::{Format, RunOptions},
    files::{Root, read_text},
    redact::Redactor,
    units::Bytes,
    vantage::{self, Form, listen::Order, report::ProbeReport, token::Token},
};

/// Looks at a host from outside.
pub(super) async fn probe(
    host: &str,
    token_file: Option<&Path>,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    only_known_formats(options, "probe")?;
    if options.offline {
        return Err(RunError::OfflineProbe);
    }
    if !is_host(host) {
        return Err(RunError::Host(host.to_owned()));
    }
    let site = site(options, redactor)?;
    let token = match token_file {
        None => None,
        Some(file) => Some(read_token(file, redactor).await?),
    };
    let seen = vantage::probe::look(&site, host, token).await;
    let mut document = serde_json::to_value(ProbeReport::new(seen, &site.profile))?;
    redactor.document(&mut document);
    let report: ProbeReport = serde_json::from_value(document)?;
    let put = |format, width| match format {
        Format::Json => report.json().map_err(RunError::Format),
        _ => Ok(report.table(width)),
    };
    let files = options
        .report
        .iter()
        .map(|target| Ok((target.file.clone(), put(target.format, DEFAULT_WIDTH)?)))
        .collect::<Result<Vec<_>, RunError>>()?;
    let signer = signer(options)?;
    deliver_report(files, put(options.format, width())?, signer).await?;
    Ok(Exit::Reported(report.exit_code))
}

/// What is seen from outside is no report of a run, so it has fewer formats.
fn only_known_formats(options: &RunOptions, command: &str) -> Result<(), RunError> {
    let wanted = options.report.iter().map(|target| target.format);
    for format in wanted.chain([options.format]) {
        formats::require_plain(format, command, &[Format::Table, Format::Json])?;
    }
    Ok(())
}

/// Whether this can be a name or an address, and nothing that changes what is asked for.
fn is_host(host: &str) -> bool {
    let is_name = host
        .chars()
        .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_'));
    let plain = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = plain.parse::<std::net::IpAddr>().is_ok();
    !host.is_empty() && host.len() <= 253 && !host.starts_with('-') && (is_name || is_address)
}

async fn read_token(file: &Path, redactor: &Redactor) -> Result<Token, RunError> {
    const LARGEST_TOKEN_FILE: Bytes = Bytes(1_000);
    let wrong = |cause: String| RunError::Token {
        path: file.to_path_buf(),
        cause,
    };
    let path = file.to_path_buf();
    let reading = tokio::task::spawn_blocking(move || {
        if path == Path::new("-") {
            let mut text = String::new();
            return io::stdin()
                .take(LARGEST_TOKEN_FILE.0)
                .read_to_string(&mut text)
                .map(|_| text)
                .map_err(|error| error.to_string());
        }
        read_text(&Root::machine(), &path, LARGEST_TOKEN_FILE).map_err(|error| error.to_string())
    });
    let text = reading
        .await
        .unwrap_or_else(|error| Err(error.to_string()))
        .map_err(wrong)?;
    let token = Token::parse(&text).map_err(|error| wrong(error.to_string()))?;
    redactor.learn(token.reveal());
    Ok(token)
}

/// Answers a probe on the inbound ports.
pub(super) async fn listen(
    ports: &[u16],
    duration: Duration,
    options: &RunOptions,
    redactor: &Redactor,
) -> Result<Exit, RunError> {
    only_known_formats(options, "listen")?;
    let site = site(options, redactor)?;
    let form = match options.format {
        Format::Json => Form::JsonLines,
        _ => Form::Words,
    };
    let ports = if ports.is_empty() {
        site.profile
            .inbound
            .iter()
            .map(|inbound| inbound.port)
            .collect()
    } else {
        ports.iter().copied().collect()
    };
    let order = Order {
        ports,
        duration,
        timeout: options.timeout,
    };
    // What is said here is meant for the person who carries the token: it is the one thing that is shown on purpose.
    let say = |event: vantage::Event| async move {
        let text = event.put(form)?;
        tokio::task::spawn_blocking(move || {
            let mut stdout = io::stdout().lock();
            stdout.write_all(text.as_bytes())?;
            stdout.flush()
        })
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
    };
    let exit_code = vantage::listen::listen(order, &site.profile, say).await?;
    Ok(Exit::Reported(exit_code))
}
