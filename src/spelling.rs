//! What somebody probably meant who misspelled a word.

/// The candidate that is spelled most like `word`, where one is near enough to be meant.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.7;
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_suggested_where_nothing_is_near() {
        assert_eq!(nearest("zebra", ["cpus", "memory_bytes"].into_iter()), None);
        assert_eq!(nearest("cpu", ["cpus", "memory"].into_iter()), Some("cpus"));
    }
}
