//! Finding where one of many texts may begin, by the hashes of its bytes: most of a log is passed over at the speed of memory.

/// Spreads the bits of a gram over the whole word (the golden ratio, as in Fibonacci hashing).
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Eight bytes, the length of a gram of known secrets.
pub(super) const GRAM: usize = 8;

/// Every how many bytes of a text a gram is looked up.
pub(super) const STRIDE: usize = 4;

/// Wherever it lies, a piece of at least this length holds a gram that is looked up.
pub(super) const SHORTEST_FOUND: usize = GRAM + STRIDE - 1;

/// More places than these say nothing new of where a gram stands: texts that repeat themselves would cost quadratic time.
const MOST_PLACES: usize = 64;

/// Where in which text a gram stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) text: u32,
    pub(super) offset: u32,
}

/// The grams of many texts.
#[derive(Debug, Default)]
pub(super) struct Grams {
    /// One bit for each hash.
    filter: Vec<u64>,
    /// How far a hash is shifted to become the number of a bit.
    shift: u32,
    /// Sorted by gram.
    places: Vec<(u64, Place)>,
}

impl Grams {
    /// Notes every gram of every text; of one that repeats itself the first places.
    pub(super) fn of<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut places = Vec::new();
        for (text, bytes) in (0_u32..).zip(texts) {
            for (offset, gram) in (0_u32..).zip(bytes.windows(GRAM)) {
                places.push((word(gram), Place { text, offset }));
            }
        }
        places.sort_by_key(|(gram, place)| (*gram, place.offset, place.text));
        let (mut last, mut count) = (0, 0);
        places.retain(|(gram, _)| {
            count = if *gram == last { count + 1 } else { 1 };
            last = *gram;
            count <= MOST_PLACES
        });
        places.shrink_to_fit();
        let bits = (places.len().saturating_mul(32))
            .next_power_of_two()
            .clamp(1 << 12, 1 << 23);
        let mut grams = Self {
            filter: vec![0; bits / 64],
            shift: 64 - bits.trailing_zeros(),
            places,
        };
        for index in 0..grams.places.len() {
            let Some((gram, _)) = grams.places.get(index) else {
                break;
            };
            let (word, bit) = grams.position(*gram);
            if let Some(word) = grams.filter.get_mut(word) {
                *word |= bit;
            }
        }
        grams
    }

    #[inline]
    fn position(&self, gram: u64) -> (usize, u64) {
        let hash = gram.wrapping_mul(SPREAD) >> self.shift;
        // At most 23 bits are left.
        #[allow(clippy::cast_possible_truncation)]
        ((hash >> 6) as usize, 1 << (hash & 63))
    }

    #[inline]
    fn may_hold(&self, gram: u64) -> bool {
        let (word, bit) = self.position(gram);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Where this gram stands.
    fn places(&self, gram: u64) -> impl Iterator<Item = Place> {
        let first = self.places.partition_point(|(known, _)| *known < gram);
        self.places
            .iter()
            .skip(first)
            .take_while(move |(known, _)| *known == gram)
            .map(|(_, place)| *place)
    }

    /// Calls `met` with each place of each gram that is looked up in the text; what it returns is the position before
    /// which nothing more needs to be looked up.
    pub(super) fn search(&self, text: &[u8], mut met: impl FnMut(usize, &[Place]) -> usize) {
        if self.places.is_empty() {
            return;
        }
        let (fours, _) = text.as_chunks::<STRIDE>();
        let Some((first, others)) = fours.split_first() else {
            return;
        };
        let mut places = Vec::new();
        let (mut at, mut done) = (0, 0);
        let mut current = u64::from(u32::from_le_bytes(*first));
        for four in others {
            let next = u64::from(u32::from_le_bytes(*four));
            let gram = current | next << 32;
            if self.may_hold(gram) && at >= done {
                places.clear();
                places.extend(self.places(gram));
                if !places.is_empty() {
                    done = met(at, &places);
                }
            }
            current = next;
            at += STRIDE;
        }
    }
}

#[inline]
fn word(gram: &[u8]) -> u64 {
    gram.first_chunk()
        .map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
