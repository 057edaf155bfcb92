//! Paths without the person in them.

/// Longer texts are no paths (`PATH_MAX` of Linux).
const LONGEST: usize = 4096;

/// The path from the home directory on, with `/` between its parts; where the user's name comes again, `{user}`. Paths
/// that lead through no home directory stay. Network shares, and what is no path, have no such form.
pub(super) fn without_home(value: &str) -> Option<String> {
    let value = value.strip_prefix(r"\\?\").unwrap_or(value);
    let value = match value.strip_prefix("file://") {
        // A host, or characters that would have to be decoded first, are not looked into.
        Some(rest) if rest.starts_with('/') && !rest.contains('%') => rest,
        Some(_) => return None,
        None => value,
    };
    let is_path = value.len() <= LONGEST
        && (value.contains(['/', '\\']) || value.starts_with('~'))
        && !value.contains("://")
        && !value.starts_with(r"\\")
        && !value.starts_with("//")
        && !value.contains(|c: char| c.is_control() || matches!(c, '"' | '<' | '>' | '|' | '*' | '?'));
    if !is_path {
        return None;
    }
    let is_windows = value.contains('\\');
    let mut parts: Vec<&str> =
        value.split(|c| c == '/' || is_windows && c == '\\').filter(|part| !matches!(part.trim(), "" | ".")).collect();
    if let Some(first) = parts.first_mut() {
        // Behind a `./`.
        *first = first.trim_start();
    }
    if parts.contains(&"..") {
        // It leads anywhere.
        return None;
    }
    let (user, rest, root) = match parts.iter().rposition(is_home).filter(|at| at + 1 < parts.len()) {
        Some(at) => (Some(parts[at + 1]), &parts[at + 2..], "~"),
        None => match parts.split_first() {
            Some((&"root", rest)) if value.starts_with('/') => (None, rest, "~"),
            Some((first, rest)) if first.starts_with('~') => (first.strip_prefix('~'), rest, "~"),
            _ if value.starts_with('/') => (None, &parts[..], ""),
            Some((first, rest)) => (None, rest, *first),
            None => return None,
        },
    };
    let user = user.map(str::to_lowercase).filter(|user| !user.is_empty());
    let is_users = |part: &str| user.as_ref().is_some_and(|user| part.to_lowercase().contains(user.as_str()));
    let mut path = root.to_owned();
    for part in rest {
        path.push('/');
        path.push_str(if is_users(part) { "{user}" } else { part });
    }
    path.truncate(path.trim_end().len());
    match path.as_str() {
        "" => Some("/".to_owned()),
        "~" => Some(path),
        // A name alone could be anybody's.
        _ => path.contains('/').then_some(path),
    }
}

/// Directories that hold home directories.
fn is_home(part: &&str) -> bool {
    matches!(*part, "home" | "Users" | "USERS" | "Documents and Settings")
}

/// The extension of a path or a file's name, as in `*.pdf`, if it is one of the known ones: `alice.smith` has none.
pub(super) fn extension(value: &str) -> Option<String> {
    let name = value.rsplit(['/', '\\']).next()?;
    let (stem, extension) = name.rsplit_once('.')?;
    let extension = extension.to_ascii_lowercase();
    (!stem.is_empty() && is_known(&extension)).then(|| format!("*.{extension}"))
}

pub(super) fn is_extension(text: &str) -> bool {
    text.strip_prefix("*.").is_some_and(is_known)
}

pub(super) fn is_known(extension: &str) -> bool {
    EXTENSIONS.split_ascii_whitespace().any(|known| known == extension)
}

/// Extensions by which files of many people are called.
const EXTENSIONS: &str = "
    3ds 3gp 3mf 7z a aac accdb ai aif aiff apk app appimage ar asc asm avi avif awk bak bash bat bib bin blend bmp br bz2
    c cab cbr cbz cc cer cfg class clj cmake cmd com conf config core cpp cr2 crash crt cs csr css csv cue cxx dat db dbf
    deb dicom djvu dll dmg dng doc docm docx dot dotx dwg dxf dylib eml emf env eot epub eps erl ex exe exs f3d fbx fig
    flac flv fodt fs gcode gif glb gltf go gpg gpx gradle groovy gz h hcl hdf5 heic heif hpp hs htm html icns ico ics idx
    igs iml indd ini ino ipynb iso j2k jar java jp2 jpeg jpg js json json5 jsonl jsx jxl key kml kmz kt kts less lib lock
    log lua lz4 lzma m m3u m3u8 m4a m4v makefile map markdown max md mdb mid midi mjs mkv mm mobi mod mov mp3 mp4 mpeg mpg
    msg msi nc ndjson nef npy npz o obj odg odp ods odt ogg ogv onnx opus orc orf ost otf p12 parquet pb pcap pcapng pdb
    pdf pem pfx php pid pkg pkl pl ply png po pot ppm pps ppt pptm pptx prof properties proto ps ps1 psd pst pub py pyc
    qcow2 qml r rar raw rb rdf rlib rm rmeta rpm rs rss rst rtf s sass scad scala scss sh shp sketch sldprt so sock sql
    sqlite sqlite3 srt ssv step stl stp styl sub svelte svg swf swift swp tar tbz tbz2 tcl tex tff tga tgz tif tiff tmp
    toml torrent ts tsv tsx ttf txt uf2 usdz vb vcf vcxproj vdi vhd vhdx vi vmdk vob vsdx vtt vue war wasm wat wav webm
    webmanifest webp wma wmf wmv woff woff2 wpd xcf xhtml xls xlsb xlsm xlsx xml xps xsd xsl xslt xz yaml yml z zig zip zst
";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_loses_its_user_and_home() {
        for (value, path) in [
            ("/home/alice/work/notes.txt", "~/work/notes.txt"),
            ("/home/alice", "~"),
            ("/home/alice/backup/home/bob/x.txt", "~/x.txt"),
            ("/home/alice/.config/alice-tool/Alice.toml", "~/.config/{user}/{user}"),
            ("/Users/alice/Library/Logs/app.log", "~/Library/Logs/app.log"),
            ("/var/home/alice/x", "~/x"),
            ("/mnt/c/Users/alice/x", "~/x"),
            ("/root/.bashrc", "~/.bashrc"),
            (r"C:\Users\Alice Smith\Documents\cv.docx", "~/Documents/cv.docx"),
            (r"\\?\C:\Users\alice\x", "~/x"),
            ("C:/Users/alice/x", "~/x"),
            (r"C:\Documents and Settings\alice\x", "~/x"),
            ("file:///home/alice/x.pdf", "~/x.pdf"),
            ("~/x", "~/x"),
            ("~alice/x", "~/x"),
            ("/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/x86_64-linux-gnu/libc.so.6"),
            ("src/users/model.rs", "src/users/model.rs"),
            ("./src/main.rs", "src/main.rs"),
            ("./ +/@", "+/@"),
            ("./ ~alice/x", "~/x"),
            ("/", "/"),
            (r"C:\Windows\System32\kernel32.dll", "C:/Windows/System32/kernel32.dll"),
        ] {
            assert_eq!(without_home(value).as_deref(), Some(path), "{value}");
            assert_eq!(without_home(path).as_deref(), (path != "~/{user}").then_some(path), "{value} again");
        }
    }

    #[test]
    fn what_cannot_be_told_is_dropped() {
        for value in [
            "",
            "Alice Smith",
            "notes.txt",
            "Alice/",
            r"\\server\alice\x",
            "//server/alice/x",
            "/srv/x/../../home/alice",
            "file://server/x",
            "file:///home/%61lice/x",
            "https://x.example/home/alice",
            "open /home/alice/x?",
            "a/b\nc",
        ] {
            assert_eq!(without_home(value), None, "{value}");
        }
    }

    #[test]
    fn a_file_becomes_its_extension() {
        for (value, kept) in [
            ("/home/alice/thesis.pdf", "*.pdf"),
            ("thesis.PDF", "*.pdf"),
            (r"C:\Users\alice\cv.final.docx", "*.docx"),
            ("bracket v2.3mf", "*.3mf"),
        ] {
            assert_eq!(extension(value).as_deref(), Some(kept), "{value}");
            assert!(is_extension(kept));
        }
        for value in ["alice.smith", "/home/alice", ".bashrc", "/home/alice/.pdf", "x.", "x.12345", "/a.pdf/alice", ""]
        {
            assert_eq!(extension(value), None, "{value}");
        }
        assert!(!is_extension("*.smith") && !is_extension("a.pdf"));
    }

    proptest! {
        #[test]
        fn nothing_of_the_user_survives(
            user in "[a-z]{3,8}[0-9]{2,4}",
            root in prop::sample::select(vec!["/home/", "/Users/", "C:\\Users\\", "/mnt/c/Users/", "file:///home/", "~"]),
            rest in "[a-z/.-]{0,20}",
            again in any::<bool>(),
        ) {
            let again = if again { user.to_uppercase() } else { String::new() };
            let value = format!("{root}{user}/{rest}{again}.txt");
            if let Some(path) = without_home(&value) {
                prop_assert!(!path.to_lowercase().contains(&user), "{value} became {path}");
                prop_assert_eq!(without_home(&path), Some(path));
            }
            prop_assert!(extension(&value).is_none_or(|kept| kept == "*.txt"));
        }
    }
}
