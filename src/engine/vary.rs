//! What stays and what varies in a text that is made anew at each run: the same template string rendered for two different runs shows it.
//!
//! `web-{{timestamp}}` becomes `web-1793606400` and `web-1804717511`: `web-` stays, digits vary.

/// What a varying part consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letters {
    /// `1793606400`.
    Digits,
    /// `2026-11-24T12-01-55Z`.
    Time,
    /// `0b9ac5f2-6f0e-4a5e-9f0a-000000000001`.
    Hex,
    /// Anything.
    Any,
}

/// A text of which one part varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Varying {
    before: String,
    /// None: all of it stays.
    letters: Option<Letters>,
    after: String,
}

impl Varying {
    /// What two renderings of the same text have in common.
    pub fn of(a: &str, b: &str) -> Self {
        if a == b {
            return Self { before: a.to_owned(), letters: None, after: String::new() };
        }
        let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
        let before = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let shorter = a.len().min(b.len()) - before;
        let after = a.iter().rev().zip(b.iter().rev()).take(shorter).take_while(|(a, b)| a == b).count();
        let middle = |text: &[char]| text[before..text.len() - after].to_vec();
        let letters = Letters::of(&[middle(&a), middle(&b)].concat());
        // Renderings may agree in some of the letters that vary.
        let before = before - a[..before].iter().rev().take_while(|letter| letters.varies(**letter)).count();
        let after = after - a[a.len() - after..].iter().take_while(|letter| letters.varies(**letter)).count();
        Self { before: a[..before].iter().collect(), letters: Some(letters), after: a[a.len() - after..].iter().collect() }
    }

    /// Whether a text is such a one.
    pub fn fits(&self, text: &str) -> bool {
        let Some(letters) = self.letters else { return text == self.before };
        let middle = text.strip_prefix(self.before.as_str()).and_then(|rest| rest.strip_suffix(self.after.as_str()));
        middle.is_some_and(|middle| !middle.is_empty() && middle.chars().all(|letter| letters.has(letter)))
    }

    /// Whether it is the same in each run.
    pub fn is_fixed(&self) -> bool {
        self.letters.is_none()
    }

    /// The part that stays, as far as it can tell one text from another: letters and digits.
    pub fn fixed_letters(&self) -> usize {
        self.before.chars().chain(self.after.chars()).filter(|letter| letter.is_alphanumeric()).count()
    }

    /// With a wildcard: `web-*`.
    pub fn glob(&self) -> String {
        self.with("*")
    }

    /// For people: `web-<time>`.
    pub fn shown(&self) -> String {
        self.with(match self.letters {
            Some(Letters::Digits | Letters::Time) => "<time>",
            Some(Letters::Hex) => "<uuid>",
            Some(Letters::Any) | None => "<varies>",
        })
    }

    fn with(&self, varying: &str) -> String {
        let varying = if self.letters.is_some() { varying } else { "" };
        format!("{}{varying}{}", self.before, self.after)
    }
}

impl Letters {
    fn of(letters: &[char]) -> Self {
        let all = |kind: Self| letters.iter().all(|letter| kind.has(*letter));
        [Self::Digits, Self::Time, Self::Hex].into_iter().find(|kind| all(*kind)).unwrap_or(Self::Any)
    }

    fn has(self, letter: char) -> bool {
        match self {
            Self::Digits => letter.is_ascii_digit(),
            Self::Time => letter.is_ascii_digit() || "-:.TZ+".contains(letter),
            Self::Hex => letter.is_ascii_hexdigit() || letter == '-',
            Self::Any => true,
        }
    }

    /// Whether a letter beside the varying part may belong to it.
    fn varies(self, letter: char) -> bool {
        match self {
            Self::Any => letter.is_alphanumeric(),
            // The sign before a date or UUID belongs to what stays.
            Self::Digits | Self::Time | Self::Hex => self.has(letter) && letter.is_alphanumeric() || self != Self::Digits && letter == ':',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, shown: &str, others: &[(&str, bool)]) {
        let varying = Varying::of(a, b);
        assert_eq!(varying.shown(), shown, "{a} {b}");
        assert!(varying.fits(a) && varying.fits(b), "{a} {b}");
        for (other, fits) in others {
            assert_eq!(varying.fits(other), *fits, "{shown}: {other}");
        }
    }

    #[test]
    fn what_two_renderings_have_in_common() {
        check("web", "web", "web", &[("web-1", false)]);
        check("web-1793606400", "web-1793717511", "web-<time>", &[("web-1", true), ("web-db-1793606400", false), ("web-", false)]);
        check("web1793606400", "web1793717511", "web<time>", &[("webb1", false)]);
        check("a_2026-11-24T12-01-55Z", "a_2027-03-04T15-26-36Z", "a_<time>", &[("a_b_2026-11-24T12-01-55Z", false)]);
        check("packer_0b9a-4f", "packer_1c7d-a0", "packer_<uuid>", &[("packer_key", false)]);
        check("Nov-x", "Dec-x", "<varies>-x", &[("anything-x", true), ("x", false)]);
        check("1793606400", "1793717511", "<time>", &[("x", false)]);
    }

    #[test]
    fn how_much_tells_it_from_others() {
        assert_eq!(Varying::of("web-1", "web-2").fixed_letters(), 3);
        assert_eq!(Varying::of("1", "2").fixed_letters(), 0);
    }
}
