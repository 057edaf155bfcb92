//! Keys in other languages than English, for text; attribute keys are written in English.

use std::ops::Range;

use super::anchors::Anchors;
use super::bytes::{HIGH, LETTER, before, is};
use super::classes::Class;
use crate::privacy::keys::{self, KeyClass, KeyInText, NumericRule, TextRule};

struct Group {
    class: KeyClass,
    text: TextRule,
    words: &'static [&'static [u8]],
}

/// Ends of keys. Words of scripts that have cases lack their first letter.
const GROUPS: [Group; 8] = [
    Group {
        class: KeyClass::Secret,
        text: TextRule::Password,
        words: words!(
            "密码" "密碼" "口令" "パスワード" "暗証番号" "비밀번호" "암호" "ароль" "گذرواژه" "كلمة المرور" "סיסמה" "κωδικός" "รหัสผ่าน"
            "contraseña" "senha" "palavra-passe" "hasło" "wachtwoord" "lösenord" "adgangskode" "salasana" "heslo" "jelszó" "şifre"
            "parola" "mật khẩu"
        ),
    },
    Group {
        class: KeyClass::Secret,
        text: TextRule::Token,
        words: words!("令牌" "密钥" "秘钥" "トークン" "토큰" "окен"),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Name,
        words: words!("姓名" "用户名" "使用者名稱" "氏名" "名前" "ユーザー名" "이름" "фамилия" "амилия" "логин" "nutzername" "benutzername" "nombre completo" "apellido" "apellidos"),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Data,
        words: words!("地址" "住址" "住所" "주소" "адрес" "anschrift" "dirección" "endereço"),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Phone,
        words: words!("电话" "電話" "電話番号" "手机" "手机号" "手机号码" "携帯" "전화" "전화번호" "елефон" "هاتف"),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Date,
        words: words!(
            "生日" "出生日期" "生年月日" "誕生日" "생년월일" "ата рождения" "تاريخ الميلاد" "fecha de nacimiento" "date de naissance"
            "data urodzenia" "data di nascita" "data de nascimento" "geboortedatum" "födelsedatum"
        ),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Geo,
        words: words!("纬度" "緯度" "经度" "経度" "經度" "위도" "경도" "ирота" "олгота" "breitengrad" "längengrad" "latitud" "longitud"),
    },
    Group {
        class: KeyClass::Pii,
        text: TextRule::Digits,
        words: words!("身份证" "身份证号" "身份证号码" "银行卡号" "卡号" "護照" "护照号" "護照號碼" "主民番号" "주민등록번호" "マイナンバー" "аспорт"),
    },
];

/// Whether a key with letters of other scripts can be ruled out: it ends in none of the words above, and none of its own words
/// ends a phrase in English, whose words are all ASCII.
#[inline]
pub(super) fn rules_out(anchors: &Anchors<'_>, key: Range<usize>) -> bool {
    // Most have no letters of ASCII at all.
    let short = (1..=64).contains(&key.len());
    !may_end_at(anchors.text, key.end)
        && (short && anchors.bits(Class::Token, key.start) << (64 - key.len()) == 0
            || rules_out_words(&anchors.text[key]))
}

fn rules_out_words(key: &[u8]) -> bool {
    key.split(|byte| !is(*byte, LETTER | HIGH)).filter(|word| !word.is_empty()).all(|word| {
        match word.iter().rposition(|byte| is(*byte, HIGH)) {
            // What is glued to a word stands behind its last letter of another script; a capital may begin a word of its own.
            Some(last) => {
                let behind = &word[last + 1..];
                !word[1..].iter().any(u8::is_ascii_uppercase) && (behind.is_empty() || keys::rules_out(behind))
            }
            None => keys::rules_out(word),
        }
    })
}

/// The rule for the key that ends at `end`.
pub(super) fn rule(text: &[u8], end: usize) -> Option<KeyInText> {
    if !may_end_at(text, end) {
        return None;
    }
    let key = &text[end.saturating_sub(48)..end];
    let last = folded(*key.last_chunk()?);
    let ends = |word: &[u8]| {
        let Some(start) = key.len().checked_sub(word.len()) else { return false };
        // A word of a script with spaces starts where a word does.
        key[start..].eq_ignore_ascii_case(word) && (is(word[0], HIGH) || !is(before(key, start), LETTER | HIGH))
    };
    let alike = TAILS.iter().filter(|(tail, ..)| *tail == last);
    let group = alike
        .map(|(_, group, word)| (&GROUPS[usize::from(*group)], usize::from(*word)))
        .find(|(group, word)| ends(group.words[*word]))?
        .0;
    Some(KeyInText { class: group.class, numeric: NumericRule::Goes, text: group.text })
}

/// How words end and where they stand: the number of a group and that of its word.
static TAILS: [(u64, u8, u8); WORDS] = tails();

const WORDS: usize = {
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].words.len();
        group += 1;
    }
    count
};

const fn tails() -> [(u64, u8, u8); WORDS] {
    let mut tails = [(0, 0, 0); WORDS];
    let (mut group, mut count) = (0, 0);
    while group < GROUPS.len() {
        let mut word = 0;
        while word < GROUPS[group].words.len() {
            let Some(last) = GROUPS[group].words[word].last_chunk() else { panic!("a word is too short") };
            // Both are below 256, as their sum is.
            tails[count] = (folded(*last), group as u8, word as u8);
            (word, count) = (word + 1, count + 1);
        }
        group += 1;
    }
    assert!(count < 256);
    tails
}

/// Whether one of the words may end there.
fn may_end_at(text: &[u8], end: usize) -> bool {
    let Some(last) = text[..end].last_chunk() else { return false };
    let (one, other) = places(*last);
    ENDS[one / 64] >> (one % 64) & ENDS[other / 64] >> (other % 64) & 1 == 1
}

/// The last five bytes of the words above, as a set of hashes, so that most keys are passed by at once.
static ENDS: [u64; SLOTS / 64] = ends();

const SLOTS: usize = 4096;

/// Five bytes, letters without their case, and what differs from another sign as they do from a capital without that.
const fn folded([one, two, three, four, five]: [u8; 5]) -> u64 {
    u64::from_le_bytes([one, two, three, four, five, 0, 0, 0]) | 0x20_2020_2020
}

/// Two places in the set for five bytes, letters without their case.
const fn places(last: [u8; 5]) -> (usize, usize) {
    let mixed = folded(last).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed >> 52) as usize % SLOTS, (mixed >> 40) as usize % SLOTS)
}

const fn ends() -> [u64; SLOTS / 64] {
    let mut set = [0; SLOTS / 64];
    let mut group = 0;
    while group < GROUPS.len() {
        let mut word = 0;
        while word < GROUPS[group].words.len() {
            let Some(last) = GROUPS[group].words[word].last_chunk() else { panic!("a word is too short") };
            let (one, other) = places(*last);
            set[one / 64] |= 1 << (one % 64);
            set[other / 64] |= 1 << (other % 64);
            word += 1;
        }
        group += 1;
    }
    set
}

#[cfg(test)]
mod tests {
    use super::super::tests::draws;
    use super::*;
    use crate::privacy::keys::Parent;

    #[test]
    fn no_rule_speaks_about_a_key_that_is_ruled_out() {
        const PIECES: [&str; 24] = [
            "é",
            "ß",
            "Ä",
            "密码",
            "数量",
            "ключ",
            "ароль",
            "user",
            "User",
            "ID",
            "id",
            "token",
            "Token",
            "password",
            "data",
            "hash",
            "a",
            "Z",
            "7",
            "_",
            "-",
            ".",
            "size",
            "secret",
        ];
        let mut draw = draws();
        let mut count = 0;
        for _ in 0..100_000 {
            let name: String = (0..=draw(5)).map(|_| PIECES[draw(PIECES.len())]).collect();
            if name.is_ascii() || !Anchors::with(name.as_bytes(), |anchors| rules_out(anchors, 0..name.len())) {
                continue;
            }
            count += 1;
            assert!(rule(name.as_bytes(), name.len()).is_none(), "{name}");
            for parent in ["", "api ", "the user ", "User", "ApiKey"] {
                for relation in [Parent::Prose, Parent::Struct] {
                    assert!(keys::in_text(parent.as_bytes(), name.as_bytes(), relation).is_none(), "{parent}{name}");
                }
            }
        }
        assert!(count > 10_000, "{count}");
    }

    #[test]
    fn no_word_is_ruled_out_before_it_is_asked_for() {
        for word in GROUPS.iter().flat_map(|group| group.words) {
            let text = [b"x ", *word].concat();
            assert!(rule(&text, text.len()).is_some(), "{}", String::from_utf8_lossy(word));
            let last = word.rsplit(|byte| matches!(byte, b' ' | b'-')).next().unwrap_or_default();
            assert!(!keys::rules_out(last), "{}", String::from_utf8_lossy(last));
        }
    }
}
