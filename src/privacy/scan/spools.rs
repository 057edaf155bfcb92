//! Names of accounts in paths beside those of home directories: mailboxes, tables of jobs, and what was plugged in.

use super::accounts::is_nobody;
use super::bytes::{DIGIT, JOINT, alnum, is, run, starts_with};

/// Directories in which each file or directory is called after an account.
const SPOOLS: &[&[u8]] = words!(
    "var/mail/" "var/spool/mail/" "var/spool/cron/crontabs/" "var/spool/cron/tabs/" "var/cron/tabs/" "run/media/"
);

/// What else lies there.
const OTHERS: &[&[u8]] = words!(
    "vhosts" "virtual" "vmail" "domains" "new" "cur" "tmp" "maildrop" "spool" "lost+found" "cdrom" "usb" "floppy" "disk" "data"
    "images" "image" "img" "uploads" "upload" "photos" "photo" "videos" "video" "music" "movies" "tv" "files" "static" "public" "shared"
    "pictures" "docs" "documents" "library" "assets" "cache" "thumbnails" "avatars" "fonts" "icons" "css" "js" "storage" "nas" "hdd" "ssd"
);

/// The name of an account in the path whose first part begins at `at`, as where it starts and ends.
pub(super) fn account(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let part = |byte: u8| alnum(byte) || is(byte, JOINT) || byte == b'.';
    let spool = SPOOLS.iter().find(|spool| text[at..].starts_with(spool));
    let media = spool.is_none() && text[at..].starts_with(b"media/");
    let start = at + spool.map_or(6, |spool| spool.len());
    if spool.is_none() && !media {
        return None;
    }
    let mut end = run(text, start, part);
    let below = text.get(end) == Some(&b'/');
    // The end of the sentence is not the name's.
    while end > start && text[end - 1] == b'.' {
        end -= 1;
    }
    let name = &text[start..end];
    let other = OTHERS.iter().any(|other| name.eq_ignore_ascii_case(other)) || name.contains(&b'.') && spool.is_none();
    let plugged = !media || below && is_volume(text, end + 1);
    (!other && !is_nobody(name) && name.len() <= 32 && plugged && name[0].is_ascii_lowercase()).then_some((start, end))
}

/// Whether a volume is called `USBSTICK` or `8A3F-11D2`, and no directory of a site is.
fn is_volume(text: &[u8], at: usize) -> bool {
    let end = run(text, at, |byte| byte.is_ascii_uppercase() || is(byte, DIGIT) || matches!(byte, b'_' | b'-'));
    let ends = text.get(end).is_none_or(|byte| !(alnum(*byte) || *byte == b'.'));
    let dated =
        starts_with(text, at, b"img") || starts_with(text, at, b"dsc") || text[at..end].iter().all(u8::is_ascii_digit);
    end - at >= 4 && ends && !dated
}
