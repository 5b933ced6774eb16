//! Why a registry did not say what it was asked, as causes that checks share.

use jiff::SignedDuration;

use super::{Cause, Item};
use crate::{facts::registry::Trouble, units::roughly};

pub const UNREACHABLE: Cause = Cause::new(
    "registry-unreachable",
    "the registry could not be asked: the way there is not open",
);
pub const UNTRUSTED: Cause = Cause::new(
    "registry-untrusted",
    "the registry was not asked: this machine does not trust its certificate",
);
pub const NOT_ALLOWED: Cause = Cause::new(
    "not-allowed",
    "the registry does not say it to this login, or to nobody without one",
);
pub const RATE_LIMITED: Cause = Cause::new(
    "rate-limited",
    "the registry was asked too often from here, and says nothing for a while",
);
pub const SERVICE_ERROR: Cause = Cause::new(
    "service-error",
    "the registry has trouble of its own (5xx), which is its operator's and not this site's",
);
pub const WRONG_SERVICE: Cause = Cause::new(
    "wrong-service",
    "what answers is no registry, or not as registries do",
);

/// Every cause of this file.
pub const CAUSES: [Cause; 6] = [
    UNREACHABLE,
    UNTRUSTED,
    NOT_ALLOWED,
    RATE_LIMITED,
    SERVICE_ERROR,
    WRONG_SERVICE,
];

/// Why something is not known, as an item of that name; nothing where the trouble is an answer in itself.
pub fn undetermined(name: &str, trouble: &Trouble) -> Option<Item> {
    let (cause, summary) = match trouble {
        Trouble::NotFound | Trouble::NotTried { .. } => return None,
        Trouble::NoWay { how } => (
            UNREACHABLE,
            format!("the registry could not be asked: {how}"),
        ),
        Trouble::Untrusted { how } => (UNTRUSTED, format!("the registry was not asked: {how}")),
        Trouble::Unauthorized { by } => (NOT_ALLOWED, format!("{by} does not allow it")),
        Trouble::RateLimited { by, retry_after } => {
            let again = retry_after.as_ref().map_or_else(String::new, |when| {
                // RFC 9110, 10.2.3: a number of seconds, or a date.
                match when.parse() {
                    Ok(seconds) => format!(
                        ", and wants to be asked again in {}",
                        roughly(SignedDuration::from_secs(seconds))
                    ),
                    Err(_) => format!(", and wants to be asked again after {when}"),
                }
            });
            (
                RATE_LIMITED,
                format!("{by} has been asked too often from here (429){again}"),
            )
        }
        Trouble::ServiceError { by, status } => (
            SERVICE_ERROR,
            format!("{by} has trouble of its own (HTTP status {status})"),
        ),
        Trouble::Unexpected { how } => (WRONG_SERVICE, how.clone()),
    };
    Some(Item::undetermined(name, cause, summary))
}

/// What to do about it.
pub fn advice(trouble: &Trouble) -> Option<&'static str> {
    match trouble {
        Trouble::NotTried { .. } => None,
        Trouble::NoWay { .. } => Some(
            "let the Docker daemon reach its registry; sesam-doctor check outbound.docker says what is in the way",
        ),
        Trouble::Untrusted { .. } => Some(
            "add the authority that signed the registry's certificate to the machine's trust store (Ubuntu: /usr/local/share/ca-certificates, then update-ca-certificates; RHEL: /etc/pki/ca-trust/source/anchors, then update-ca-trust), or have whoever runs the inspecting proxy leave the registry out",
        ),
        Trouble::Unauthorized { .. } => Some(
            "log in as the account that runs compose, with the login from Sesam support: docker login --username NAME",
        ),
        Trouble::RateLimited { .. } => Some(
            "run the doctor again later; a login raises Docker Hub's limit, and several machines behind one address share it",
        ),
        Trouble::ServiceError { .. } => Some(
            "run the doctor again later, and look at the registry's own status page (for Docker Hub www.dockerstatus.com)",
        ),
        Trouble::NotFound | Trouble::Unexpected { .. } => Some(
            "look what answers in the registry's place: docker pull of the image says it in its own words",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_do_is_said_and_nothing_else() {
        let hindered = Trouble::Unexpected { how: "x".into() };
        assert!(advice(&hindered).is_some_and(|words| words.contains("docker pull")));
        assert!(advice(&Trouble::NotFound).is_some());
        let pinned = Trouble::NotTried { why: "x".into() };
        assert_eq!(advice(&pinned), None);
        assert!(undetermined("image", &hindered).is_some());
        assert!(undetermined("image", &Trouble::NotFound).is_none());
    }
}
