//! User names in paths: `/home/NAME`, `/Users/NAME`, `C:\Users\NAME`, and with the host's `\\HOST\share\NAME`.

use super::anchors::Anchors;
use super::bytes::{DIGIT, HIGH, LETTER, SPACE, STOP, after, alnum, before, is, run, run_back, starts_with};
use super::classes::Class;
use super::value::is_placeholder;
use super::{Finding, Kind, Severity, spools};

/// Directories beside the users' that belong to nobody, and the users that build machines and images come with.
const NOBODY: &[&[u8]] = words!(
    "shared" "public" "default" "all users" "default user" "defaultapppool" "localservice" "networkservice"
    "lost+found" "guest" "all" "user" "runner" "runneradmin" "ec2-user" "vagrant" "codespace" "linuxbrew" "circleci" "vsts"
    "jenkins" "gitlab-runner" "buildkite-agent"
);

/// Where home directories hang when they do not hang at the root.
const MOUNTS: &[&[u8]] = words!(
    "/var" "/export" "/usr" "/data" "/mnt" "/nfs" "/srv" "/net" "/private"
);

/// Where another machine's or an older root hangs, and what was copied from one.
const ROOTS: &[&[u8]] = words!(
    "Volumes" "backup" "backups" "host" "hostfs" "rootfs" "media" "mnt" "snapshots" "sysroot"
);

const METHODS: &[&[u8]] = words!(
    "GET" "POST" "PUT" "PATCH" "DELETE" "HEAD" "OPTIONS"
);

pub(super) fn find(anchors: &Anchors<'_>, found: &mut Vec<Finding>) {
    let text = anchors.text;
    let mut slashes = anchors.all(Class::Slash);
    while let Some(slash) = slashes.next() {
        let at = slash + 1;
        // JSON escapes `/` as `\/`.
        if text[slash] == b'\\' && after(text, slash + 1) == b'\\' && is_share(text, slash) {
            slashes.pass(share(text, slash, found));
            continue;
        }
        let (users, windows) = match after(text, at) {
            b'h' if starts_with(text, at, b"home") && text[slash] == b'/' => (at + 4, false),
            b'U' | b'u'
                if starts_with(text, at, b"Users")
                    && (text[at] == b'U'
                        || text[slash] == b'\\'
                        || before(text, slash) == b':' && is_drive(text, slash)) =>
            {
                (at + 5, text[slash] == b'\\')
            }
            b'D' if text[slash] == b'\\' && text[at..].starts_with(b"Documents and Settings") => (at + 22, true),
            b'v' | b'r' | b'm' if text[slash] == b'/' && !alnum(before(text, slash)) => {
                if let Some((start, end)) = spools::account(text, at).filter(|_| is_root(text, slash, false)) {
                    slashes.pass(end);
                    found.push(Finding::new(Kind::HomePath, Severity::Likely, start..end));
                }
                continue;
            }
            _ => continue,
        };
        let separator = |byte| byte == text[slash] || byte == b'\\';
        let mut name = run(text, users, separator);
        // `/home/./alice`
        while name > users && after(text, name) == b'.' && separator(after(text, name + 1)) {
            name = run(text, name + 1, separator);
        }
        if name == users || !is_root(text, slash, windows) {
            continue;
        }
        // `C:/Users/..` is a path of Windows too.
        let drive = before(text, slash) == b':' && is_drive(text, slash);
        let mounted = text[slash] == b'/' && text[at] == b'U' && is_mounted_drive(text, slash);
        let spaced = (windows || drive || mounted).then_some(text[slash]);
        let mut end = segment(text, name, spaced);
        if after(text, end) == b' ' {
            end = if windows { quoted_end(text, slash, end) } else { full_name(text, name, end) }.unwrap_or(end);
        }
        slashes.pass(end);
        if end > name && !is_nobody(&text[name..end]) && !is_asset(text, slash, name..end) {
            found.push(Finding::new(Kind::HomePath, Severity::Likely, name..end));
        }
    }
}

/// Whether the slash before `home` begins a path of the file system, and not of a URL.
fn is_root(text: &[u8], slash: usize, windows: bool) -> bool {
    let mut start = slash;
    if windows {
        // One or more backslashes, escaped or not, after the drive.
        while before(text, start) == b'\\' {
            start -= 1;
        }
        return before(text, start) == b':' || !alnum(before(text, start)) || text[slash..].starts_with(b"\\Users\\");
    }
    // Slashes that stand together are one.
    let mut slashes = 1;
    while matches!(before(text, start), b'/' | b'\\') {
        start -= 1;
        slashes += usize::from(text[start] == b'/');
    }
    let prior = before(text, start);
    if prior == b':' {
        // `C:/Users/x`, `path:/home/x` and `file:///home/x`; in `http://home/x` the name is a host's.
        return slashes != 2;
    }
    // No host and no route has so many before it.
    if slashes > 2 {
        return true;
    }
    if let Some(mount) = MOUNTS.iter().find(|mount| text[..start].ends_with(mount)) {
        return !alnum(before(text, start - mount.len()));
    }
    if prior == b'.' && is_climb(text, start) || prior == b']' && is_apart(text, start - 1) {
        return true;
    }
    if slashes > 1 && is(prior, LETTER | DIGIT) {
        // `sftp://host//home/x`. It is not worth a look at all that stands before each of many.
        return is_file_url(&text[start.saturating_sub(96)..start]);
    }
    // `/c/Users/x`, `/mnt/c/Users/x`
    if prior.is_ascii_lowercase() && start >= 2 && text[start - 2] == b'/' && after(text, slash + 1) == b'U' {
        return true;
    }
    if is(prior, LETTER | DIGIT) || matches!(prior, b'.' | b'_' | b'-' | b'~' | b'}' | b']' | b'%') {
        return is_option(text, start)
            || is_file_url(&text[start.saturating_sub(96)..start])
            || is_below_root(text, start);
    }
    !is_route(text, start)
}

/// `../../home/x`: a path from the directory that a program runs in up to the root. What a module imports looks like one as well.
fn is_climb(text: &[u8], end: usize) -> bool {
    const IMPORTS: &[&[u8]] = words!(
        "from" "import" "require" "resolve" "module" "find"
    );
    let chain = run_back(text, end, 48, |byte| matches!(byte, b'.' | b'/'));
    let parts = || text[chain..end].split(|byte| *byte == b'/');
    let ups = parts().filter(|part| *part == b"..").count();
    if !parts().all(|part| matches!(part, b"" | b"." | b".."))
        || ups < 2 && (text[chain] != b'/' || alnum(before(text, chain)))
        || ups == 0
    {
        return false;
    }
    let quote = chain - usize::from(matches!(before(text, chain), b'"' | b'\'' | b'`'));
    let word_end = run_back(text, quote, 4, |byte| matches!(byte, b' ' | b'(' | b':'));
    let word = run_back(text, word_end, 8, |byte| is(byte, LETTER));
    let imported = quote < chain && IMPORTS.iter().any(|import| text[word..word_end].eq_ignore_ascii_case(import));
    // `../../home/home.component`
    let name = run(text, end + b"/home/".len(), |byte| !is(byte, SPACE | STOP) && byte != b'/');
    let last = text.get(end..name).unwrap_or_default();
    let last = &last[..run_back(last, last.len(), 2, |byte| matches!(byte, b'.' | b':'))];
    let file = after(text, name) != b'/' && last.contains(&b'.');
    !imported && (!file || quote == chain && names_person(&last[b"/home/".len()..]))
}

/// `alice.smith`, as companies call their people, and not `home.component`, `index.module`.
fn names_person(name: &[u8]) -> bool {
    const PARTS: &[&[u8]] = words!(
        "home" "index" "main" "page" "app" "component" "module" "service" "routes" "route" "router" "view" "controller" "store" "state"
        "actions" "reducer" "selectors" "styles" "style" "types" "hooks" "utils" "config" "test" "spec" "stories" "mock" "layout" "template"
        "scss" "sass" "less" "html" "json" "yaml" "toml" "conf" "text" "docx" "xlsx" "java" "swift" "dart" "node" "crate" "lock" "local"
        "backup" "server" "client" "handler" "model" "helper" "helpers" "api" "old" "new" "bak" "tar" "tgz" "zip" "txt" "log" "png" "jpg"
        "svg" "pdf" "csv" "sql" "xml" "css" "vue" "tsx" "jsx" "mjs" "php" "cpp" "hpp" "yml" "env" "ini" "cfg" "tmp" "default" "screen"
    );
    let mut parts = name.split(|byte| *byte == b'.');
    let person = |part: &[u8]| {
        part.len() >= 3
            && part.iter().all(|byte| is(*byte, LETTER | HIGH) || *byte == b'-')
            && !PARTS.iter().any(|known| part.eq_ignore_ascii_case(known))
    };
    matches!((parts.next(), parts.next(), parts.next()), (Some(first), Some(last), None) if person(first) && person(last))
}

/// Whether the bracket that is closed at `close` is no part of a path or address: `worker[1]/home/x`, and not `/[id]/home/x`.
fn is_apart(text: &[u8], close: usize) -> bool {
    let open = run_back(text, close, 64, |byte| !matches!(byte, b'[' | b']' | b'\n'));
    before(text, open) != b'['
        || !matches!(before(text, open - 1), b'/' | b'@' | b'.' | b'-')
            && !matches!(&text[open..close], b"IP" | b"HOST" | b"EMAIL" | b"USER")
}

/// `GET /home/dashboard`
pub(super) fn is_route(text: &[u8], start: usize) -> bool {
    // As far as the longest method, and what stands before it.
    before(text, start) == b' ' && {
        let word = run_back(text, start - 1, 8, |byte| is(byte, LETTER));
        METHODS.contains(&&text[word..start - 1])
    }
}

/// Whether the path up to `end` leads to the root of some file system: `/System/Volumes/Data`, `/Volumes/Macintosh HD`, `/media/usb`.
fn is_below_root(text: &[u8], end: usize) -> bool {
    let part = |byte: u8| alnum(byte) || is(byte, HIGH) || matches!(byte, b'/' | b'.' | b'_' | b'-');
    let mut start = run_back(text, end, 96, part);
    // The name of a volume may hold a space.
    if before(text, start) == b' ' && !text[start..end].contains(&b'/') {
        let name = run_back(text, start, 32, |byte| part(byte) && byte != b'/' || byte == b' ');
        if !text[..name].ends_with(b"/Volumes/") {
            return false;
        }
        start = name - b"/Volumes/".len();
    }
    // What stands before is of another script: `无法读取/backup/home/..`.
    start += text[start..end].iter().take_while(|byte| is(**byte, HIGH)).count();
    let Some(path) = text[start..end].strip_prefix(b"/") else { return false };
    let path = path.strip_prefix(b"System/").unwrap_or(path);
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let prior = before(text, start);
    ROOTS.contains(&first) && (matches!(prior, b'=' | b':') || is(prior, SPACE | STOP | HIGH) && !is_route(text, start))
}

/// `-I/home/x/include`, `-v/home/x:/x`
fn is_option(text: &[u8], start: usize) -> bool {
    start >= 2
        && text[start - 2] == b'-'
        && is(text[start - 1], LETTER)
        && (is(before(text, start - 2), SPACE | STOP) || matches!(before(text, start - 2), b'=' | b':'))
}

/// `vscode://file`, `ssh://host`: behind these a path is one of the file system, and no route.
fn is_file_url(left: &[u8]) -> bool {
    const SCHEMES: &[&[u8]] = words!(
        "file" "ssh" "sftp" "scp" "rsync" "nfs" "smb" "vscode" "vscode-insiders" "vscode-remote" "vscodium" "cursor" "idea" "zed"
    );
    // A host has no slash.
    let Some(slash) = left.iter().rposition(|byte| *byte == b'/') else { return false };
    let (Some(sign), host) = (slash.checked_sub(2).filter(|at| left[*at..].starts_with(b"://")), &left[slash + 1..])
    else {
        return false;
    };
    let scheme = run_back(left, sign, 24, |byte| alnum(byte) || byte == b'-');
    SCHEMES.contains(&&left[scheme..sign]) && !host.iter().any(|byte| is(*byte, SPACE | STOP))
}

/// Where the segment that starts at `from` ends. Windows names may hold a space if a separator follows.
fn segment(text: &[u8], from: usize, spaced: Option<u8>) -> usize {
    let part =
        |byte: u8| alnum(byte) || is(byte, HIGH) || matches!(byte, b'.' | b'_' | b'-' | b'+' | b'@' | b'~' | b'$');
    let mut end = run(text, from, part);
    if let Some(separator) = spaced.filter(|_| end > from) {
        let mut words = 0;
        let mut ahead = end;
        while after(text, ahead) == b' ' && words < 2 {
            ahead = run(text, ahead + 1, part);
            words += 1;
            if after(text, ahead) == separator {
                end = ahead;
                break;
            }
        }
    }
    // The end of the sentence is not the name's.
    while end > from && text[end - 1] == b'.' {
        end -= 1;
    }
    end
}

/// Where a name of two or three capitalised words ends, of which the first is `name..from`, if a directory below it follows:
/// `/Users/Maria Lopez/`.
fn full_name(text: &[u8], name: usize, from: usize) -> Option<usize> {
    let mut end = from;
    for _ in 0..2 {
        let start = end + 1;
        if !text[name].is_ascii_uppercase() || after(text, end) != b' ' || !after(text, start).is_ascii_uppercase() {
            return None;
        }
        end = run(text, start, |byte| is(byte, LETTER | HIGH) || matches!(byte, b'-' | b'\''));
        if after(text, end) == b'/' && end > start + 1 {
            return Some(end);
        }
    }
    None
}

/// `/media/site/home/banner.jpg`, `/host/Users/42`: a file of a site, and a route.
fn is_asset(text: &[u8], slash: usize, name: std::ops::Range<usize>) -> bool {
    const ENDS: &[&[u8]] = words!(
        "jpg" "jpeg" "png" "gif" "svg" "webp" "ico" "css" "js" "json" "xml" "mp4" "pdf" "txt"
    );
    let end = run_back(text, name.end, 5, |byte| is(byte, LETTER | DIGIT));
    let last = alnum(before(text, slash)) && after(text, name.end) != b'/';
    last && (text[name.clone()].iter().all(u8::is_ascii_digit)
        || before(text, end) == b'.' && ENDS.contains(&&text[end..name.end]))
}

/// `/c/Users`, `/mnt/c/Users`, `/cygdrive/c/Users`: a drive of Windows, whose names may hold a space.
fn is_mounted_drive(text: &[u8], slash: usize) -> bool {
    let [left @ .., b'/', b'a'..=b'z'] = &text[..slash] else { return false };
    left.ends_with(b"/mnt") || left.ends_with(b"/cygdrive") || !left.last().is_some_and(|byte| alnum(*byte))
}

/// Where a name ends of which the first word ends at `from`, if the path up to it is all that its quotes hold: `"C:\Users\Maria Lopez"`.
fn quoted_end(text: &[u8], slash: usize, from: usize) -> Option<usize> {
    let drive = run_back(text, slash, 4, |byte| byte == b'\\').checked_sub(2).filter(|at| text[at + 1] == b':')?;
    let quote = before(text, drive);
    let word =
        |at: usize| run(text, at + 1, |byte| alnum(byte) || is(byte, HIGH) || matches!(byte, b'.' | b'-' | b'\''));
    let second = word(from);
    let end = if after(text, second) == b' ' { word(second) } else { second };
    (matches!(quote, b'"' | b'\'' | b'`') && after(text, end) == quote && before(text, end) != b' ').then_some(end)
}

/// Whether the colon before `slash` follows the letter of a drive.
fn is_drive(text: &[u8], slash: usize) -> bool {
    slash >= 2 && is(text[slash - 2], LETTER) && !alnum(before(text, slash - 2))
}

fn is_nobody(name: &[u8]) -> bool {
    NOBODY.iter().any(|nobody| name.eq_ignore_ascii_case(nobody))
        || is_placeholder(name)
        || matches!(name, b"$USER" | b"$USERNAME" | b"$LOGNAME")
        || name[0] == b'$'
        // `/home/index.html`, `/home/v2`
        || name.ends_with(b".html")
        || name.ends_with(b".php")
        || is_archive(name)
}

/// `/backup/home/full.tar.gz`, `daily.0`: all home directories of a day, and nobody's.
fn is_archive(name: &[u8]) -> bool {
    const ALL: &[&[u8]] = words!(
        "full" "incr" "incremental" "diff" "differential" "hourly" "daily" "weekly" "monthly" "yearly" "backup" "backups" "snapshot"
        "latest" "current" "archive" "dump" "all" "home" "homes" "users" "data"
    );
    const ENDS: &[&[u8]] = words!(
        "gz" "tgz" "bz2" "xz" "zst" "tar" "zip" "7z" "img" "sql" "bak" "age" "gpg"
    );
    let word = run(name, 0, |byte| is(byte, LETTER));
    let end = name.iter().rposition(|byte| *byte == b'.').map_or(name.len(), |dot| dot + 1);
    let numbered = name[word..].iter().all(|byte| is(*byte, DIGIT) || matches!(byte, b'.' | b'-' | b'_'));
    ALL.iter().any(|all| name[..word].eq_ignore_ascii_case(all))
        && matches!(after(name, word), b'.' | b'-' | b'_')
        && (numbered || ENDS.contains(&&name[end..]))
}

/// Whether `\\` at `slash` starts a share, and is not an escaped backslash within a path.
fn is_share(text: &[u8], slash: usize) -> bool {
    let prior = before(text, slash);
    prior != b']'
        && (is(prior, SPACE | STOP | HIGH)
            || prior == b'='
            || (prior == b':' && (!alnum(before(text, slash.saturating_sub(1))) || is_listed(text, slash))))
        && alnum(after(text, run(text, slash, |byte| byte == b'\\')))
}

/// `/usr/lib:\\host\share`: one of several paths.
fn is_listed(text: &[u8], slash: usize) -> bool {
    let path = run_back(text, slash - 1, 64, |byte| alnum(byte) || matches!(byte, b'/' | b'.' | b'_' | b'-'));
    text[path..slash - 1].contains(&b'/')
}

/// `\\host\share\name`: host and name go. Escaped separators are twice as long.
fn share(text: &[u8], slash: usize, found: &mut Vec<Finding>) -> usize {
    let host = run(text, slash, |byte| byte == b'\\');
    let width = (host - slash) / 2;
    let mut at = host;
    let mut parts = [0..0, 0..0, 0..0, 0..0];
    let mut count = 0;
    for part in &mut parts {
        let end = segment(text, at, Some(b'\\'));
        if end == at {
            break;
        }
        *part = at..end;
        count += 1;
        at = end;
        let next = run(text, end, |byte| byte == b'\\');
        if next - end != width.max(1) {
            break;
        }
        at = next;
    }
    if count >= 2 && parts[0].len() >= 2 && parts[1].len() >= 2 && !is_placeholder(&text[parts[0].clone()]) {
        found.push(Finding::new(Kind::Host, Severity::Likely, parts[0].clone()));
    }
    if count < 3 {
        return at.max(slash + 1);
    }
    // `\\host\c$\Users\name`; without a name behind it, it is where all of them are.
    let all = matches!(&text[parts[2].clone()], b"Users" | b"users" | b"home" | b"Home");
    let name = if all { &parts[3] } else { &parts[2] };
    if name.is_empty() {
        return at.max(slash + 1);
    }
    if !is_nobody(&text[name.clone()]) {
        found.push(Finding::new(Kind::HomePath, Severity::Likely, name.clone()));
    }
    at.max(slash + 1)
}
