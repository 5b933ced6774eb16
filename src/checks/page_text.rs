//! What a web page says to a person.

/// Longer quotations hide what they are there for.
const LONGEST: usize = 120;

/// The beginning of a page's text, without its tags.
#[must_use]
pub fn quoted(page: &str) -> String {
    // Tags say nothing to a person.
    let mut plain = String::new();
    let mut inside = false;
    for letter in page.chars() {
        match letter {
            '<' => inside = true,
            '>' => {
                inside = false;
                plain.push(' ');
            }
            _ if !inside => plain.push(letter),
            _ => {}
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    words.join(" ").chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_left_out_and_long_pages_cut() {
        assert_eq!(
            quoted("<html><h1>Access\n denied</h1>by <b>policy</b></html>"),
            "Access denied by policy"
        );
        assert_eq!(quoted("a < b"), "a");
        assert_eq!(quoted("<p>"), "");
        assert_eq!(quoted(&"ä".repeat(1_000)).chars().count(), LONGEST);
    }
}
