//! A file in one line, as `ls -l` has it. Clients show it and read nothing from it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use rustix::fs::FileType;

/// `-rw-r--r--    1 1000     1000           12 2026-03-01 12:30 name`, in UTC.
pub(super) fn line(name: &[u8], of: &Metadata) -> Vec<u8> {
    let (year, month, day) = date(of.mtime().div_euclid(86_400));
    let minutes = of.mtime().rem_euclid(86_400) / 60;
    let mut line = format!(
        "{} {:>4} {:<8} {:<8} {:>8} {year:04}-{month:02}-{day:02} {:02}:{:02} ",
        mode(of.mode()),
        of.nlink(),
        of.uid(),
        of.gid(),
        of.size(),
        minutes / 60,
        minutes % 60,
    )
    .into_bytes();
    line.extend_from_slice(name);
    line
}

fn mode(mode: u32) -> String {
    let kind = match FileType::from_raw_mode(mode) {
        FileType::Directory => 'd',
        FileType::Symlink => 'l',
        FileType::Fifo => 'p',
        FileType::Socket => 's',
        FileType::CharacterDevice => 'c',
        FileType::BlockDevice => 'b',
        FileType::RegularFile | FileType::Unknown => '-',
    };
    let mut text = String::from(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (mode & special != 0, bits & 1 != 0) {
            (true, true) => letter,
            (true, false) => letter.to_ascii_uppercase(),
            (false, true) => 'x',
            (false, false) => '-',
        });
    }
    text
}

/// Year, month and day of a day counted from 1970.
///
/// Source: `civil_from_days` of Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + later, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        for (days, expected) in [(0, (1970, 1, 1)), (-1, (1969, 12, 31)), (11_016, (2000, 2, 29)), (20_781, (2026, 11, 24))] {
            assert_eq!(date(days), expected, "{days}");
        }
    }

    #[test]
    fn modes_read_as_ls_writes_them() {
        for (bits, expected) in
            [(0o100_644, "-rw-r--r--"), (0o040_1777 | 0o040_000, "drwxrwxrwt"), (0o104_755, "-rwsr-xr-x"), (0o102_644, "-rw-r-Sr--")]
        {
            assert_eq!(mode(bits), expected, "{bits:o}");
        }
    }
}
