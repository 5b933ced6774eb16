//! How long each step to a door took.

use std::fmt::Write;

use crate::facts::{
    outbound::Connect,
    probe_report::{Door, Purpose},
};

/// The milliseconds of each phase, as far as it came; none where nothing opened.
#[must_use]
pub fn phases(door: &Door) -> Option<String> {
    if door.connect != Connect::Open {
        return None;
    }
    let mut words = format!("connect {} ms", door.connect_ms);
    // Writing to a string does not fail.
    if let Some(tls) = &door.tls {
        let _ = write!(words, ", TLS {} ms", tls.took_ms);
    }
    for visit in &door.visits {
        let _ = write!(
            words,
            ", {} {} ms",
            match visit.purpose {
                Purpose::Front => "front page",
                Purpose::Challenge => "challenge",
                Purpose::Api => "API",
            },
            visit.http.took_ms
        );
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::phases;
    use crate::{checks::inbound::samples::door, facts::outbound::Connect};

    #[test]
    fn each_step_that_was_taken_has_its_time() {
        for (port, connect, expected) in [
            (80, Connect::Silent, None),
            (
                80,
                Connect::Open,
                Some("connect 12 ms, front page 5 ms, challenge 5 ms"),
            ),
            (
                443,
                Connect::Open,
                Some("connect 12 ms, TLS 20 ms, API 5 ms"),
            ),
        ] {
            let found = phases(&door("203.0.113.7", port, connect));
            assert_eq!(found.as_deref(), expected);
        }
    }
}
