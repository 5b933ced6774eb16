//! What the firewall's administrator is asked for.

use serde::Serialize;

use super::page::SituationView;
use crate::{checks::Connection, report::Report};

/// The columns, in the page and in the CSV.
pub(super) const COLUMNS: [&str; 8] = [
    "Direction",
    "Protocol",
    "Port",
    "Source",
    "Destination",
    "Purpose",
    "Without it",
    "Measured state",
];

/// One connection.
#[derive(Serialize)]
pub(super) struct Row {
    situation: SituationView,
    cells: [String; 8],
}

/// Every connection once, in the order of the findings.
pub(super) fn rows(report: &Report) -> Vec<Row> {
    let mut seen: Vec<&Connection> = Vec::new();
    for finding in report.findings.iter().filter(|finding| finding.selected) {
        for connection in &finding.connections {
            if !seen.contains(&connection) {
                seen.push(connection);
            }
        }
    }
    seen.into_iter().map(row).collect()
}

fn row(connection: &Connection) -> Row {
    Row {
        situation: SituationView::of_status(connection.status),
        cells: [
            connection.direction.word().to_owned(),
            connection.protocol.clone(),
            connection.port.to_string(),
            connection.source.clone(),
            connection.destination.clone(),
            connection.purpose.clone(),
            connection.consequence.clone(),
            connection.state.clone(),
        ],
    }
}

/// The rows as CSV that a spreadsheet opens without taking any cell for a formula.
pub(super) fn csv(rows: &[Row]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory does not fail.
    let _ = writer.write_record(COLUMNS);
    for row in rows {
        let mut cells: Vec<String> = row.cells.iter().map(|cell| inert(cell)).collect();
        if let Some(state) = cells.last_mut() {
            *state = format!("{}: {state}", row.situation.word());
        }
        let _ = writer.write_record(&cells);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn inert(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}
