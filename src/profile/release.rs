//! The number of an operating system's release.

use std::{cmp::Ordering, fmt};

/// A release such as `18.04`, compared part by part as numbers: 9 is older than 18.04, and 7.10 newer than 7.9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseNumber {
    parts: Vec<u64>,
}

impl ReleaseNumber {
    /// The number at the beginning of a text such as `7.9 (Maipo)` or `22.04-beta`; nothing where there is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let word = text.split_whitespace().next()?;
        let number = word.split(['-', '+', '~', '_']).next()?;
        let parts = number
            .split('.')
            .map(|part| {
                let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
                is_number.then(|| part.parse().ok()).flatten()
            })
            .collect::<Option<Vec<u64>>>()?;
        Some(Self { parts })
    }
}

impl Ord for ReleaseNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // A part that is not said counts as zero: 8 is 8.0.
        let longest = self.parts.len().max(other.parts.len());
        let part = |number: &Self, index| number.parts.get(index).copied().unwrap_or(0);
        (0..longest)
            .map(|index| part(self, index).cmp(&part(other, index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }
}

impl PartialOrd for ReleaseNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ReleaseNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            if index > 0 {
                formatter.write_str(".")?;
            }
            write!(formatter, "{part}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number(text: &str) -> ReleaseNumber {
        ReleaseNumber::parse(text).unwrap()
    }

    #[test]
    fn parts_are_compared_as_numbers() {
        for (older, newer) in [
            ("9", "18.04"),
            ("7.9 (Maipo)", "8"),
            ("7.9", "7.10"),
            ("18", "18.04"),
            ("16.04", "18.04"),
            ("6.10", "7"),
        ] {
            assert!(number(older) < number(newer), "{older} {newer}");
        }
        for (one, other) in [("8", "8.0"), ("18.04", "18.4"), ("22.04-beta", "22.04")] {
            assert_eq!(
                number(one).cmp(&number(other)),
                Ordering::Equal,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in [
            "",
            " ",
            "garbage",
            "v7",
            "7.",
            ".7",
            "7.x",
            "7..9",
            "-7",
            "rolling",
            "99999999999999999999999",
        ] {
            assert_eq!(ReleaseNumber::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(one in "[0-9.a-z \\-]*|(?s).*", other in "[0-9]{1,3}(\\.[0-9]{1,3}){0,4}") {
            if let (Some(one), Some(other)) = (ReleaseNumber::parse(&one), ReleaseNumber::parse(&other)) {
                prop_assert_eq!(one.cmp(&other), other.cmp(&one).reverse());
            }
        }
    }
}
