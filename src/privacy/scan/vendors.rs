//! The prefixes that services give to the keys they issue, and the check sums that some keys carry.

use super::Severity;
use super::random::looks_random;

/// What a key is made of after its prefix.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Charset {
    /// `[A-Za-z0-9]`
    Alnum,
    /// `[A-Za-z0-9_-]`
    Word,
    /// `[A-Za-z0-9_.-]`
    Dotted,
    /// `[0-9a-f]`, either case.
    Hex,
    /// `[A-Z0-9]`
    Upper,
    /// `[A-Za-z0-9+/=_-]`
    Base64,
    /// A UUID as it is printed.
    Uuid,
}

impl Charset {
    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Charset::Alnum => byte.is_ascii_alphanumeric(),
            Charset::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Charset::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Charset::Hex => byte.is_ascii_hexdigit(),
            Charset::Uuid => byte.is_ascii_hexdigit() || byte == b'-',
            Charset::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Charset::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'='),
        }
    }
}

/// Prefix, fewest and most characters after it, and what they are.
pub(super) struct Vendor {
    pub(super) prefix: &'static str,
    pub(super) fewest: usize,
    pub(super) most: usize,
    pub(super) charset: Charset,
}

const ANY: usize = usize::MAX;

macro_rules! vendors {
    ($($prefix:literal $fewest:literal $most:tt $charset:ident)*) => {
        /// Sorted by first byte.
        const VENDORS: &[Vendor] =
            &[$(Vendor { prefix: $prefix, fewest: $fewest, most: vendors!(@ $most), charset: Charset::$charset }),*];
    };
    (@ _) => { ANY };
    (@ $most:literal) => { $most };
}

vendors! {
    "A3-" 30 _ Word
    "ABIA" 16 16 Upper
    "ABSK" 100 _ Base64
    "AC" 32 32 Hex
    "ACCA" 16 16 Upper
    "AGE-PLUGIN-" 50 _ Word
    "AGE-SECRET-KEY-1" 50 60 Upper
    "AIDA" 16 16 Upper
    "AIPA" 16 16 Upper
    "AIza" 30 _ Word
    "AKCp" 60 _ Alnum
    "AKIA" 12 _ Upper
    "AKID" 32 _ Alnum
    "AKLT" 40 _ Alnum
    "ANPA" 16 16 Upper
    "APA91b" 100 _ Word
    "API-" 26 26 Upper
    "APKA" 16 16 Upper
    "AQVN" 35 _ Word
    "AROA" 16 16 Upper
    "ASCA" 16 16 Upper
    "ASIA" 12 _ Upper
    "ATATT3" 60 _ Base64
    "ATBB" 28 _ Alnum
    "ATCTT3" 60 _ Base64
    "ATOA" 40 _ Base64
    "ATTA" 64 _ Hex
    "AVNS_" 17 _ Word
    "BBFF-" 30 _ Alnum
    "CCDB1_" 22 _ Word
    "CCIPAT_" 30 _ Word
    "CCIPRJ_" 30 _ Word
    "CFPAT-" 40 _ Word
    "CLOJARS_" 60 _ Alnum
    "EAA" 60 _ Alnum
    "EAAA" 40 _ Word
    "EAACEdEose0cBA" 10 _ Alnum
    "EZAK" 54 _ Alnum
    "EZTK" 54 _ Alnum
    "FLWPUBK" 20 _ Word
    "FLWSECK" 20 _ Word
    "FwoGZXIvYXdz" 40 _ Base64
    "GOCSPX-" 20 _ Word
    "GR1348941" 20 _ Word
    "HRKU-" 30 _ Word
    "IGAA" 60 _ Word
    "IGQV" 60 _ Word
    "IQoJb3JpZ2lu" 40 _ Base64
    "LTAI" 16 _ Alnum
    "NRAA-" 24 _ Hex
    "NRAK-" 20 _ Alnum
    "NRII-" 30 _ Word
    "NRIQ-" 32 _ Word
    "NRJS-" 19 _ Alnum
    "NRRA-" 32 _ Hex
    "PMAK-" 24 _ Word
    "RGAPI-" 36 36 Uuid
    "SG." 30 _ Dotted
    "SK" 32 32 Hex
    "access-development-" 36 36 Uuid
    "access-production-" 36 36 Uuid
    "access-sandbox-" 36 36 Uuid
    "aio_" 28 _ Alnum
    "ak_live_" 20 _ Alnum
    "amzn.mws." 36 36 Uuid
    "amzn1.oa2-cs.v1." 64 _ Hex
    "api-" 36 36 Uuid
    "api_live_" 24 _ Alnum
    "api_org_" 30 _ Alnum
    "apify_api_" 30 _ Alnum
    "atlasv1." 60 _ Word
    "bkct_" 36 _ Alnum
    "bkua_" 36 _ Alnum
    "cal_live_" 32 _ Hex
    "cio" 32 32 Alnum
    "cmVmdGtu" 50 _ Alnum
    "csk-" 40 _ Alnum
    "dapi" 32 _ Hex
    "dckr_oat_" 20 _ Word
    "dckr_pat_" 20 _ Word
    "dd_api_" 32 _ Hex
    "ddapi_" 20 _ Word
    "ddp_" 36 _ Alnum
    "dnkey-" 26 _ Word
    "doo_v1_" 40 _ Alnum
    "dop_v1_" 40 _ Alnum
    "dor_v1_" 40 _ Alnum
    "dp.audit." 40 _ Alnum
    "dp.ct." 40 _ Alnum
    "dp.pt." 40 _ Alnum
    "dp.scim." 40 _ Alnum
    "dp.st." 40 _ Dotted
    "dt0c01." 40 _ Dotted
    "dt0s01." 40 _ Dotted
    "dt0s02." 40 _ Dotted
    "dt0s16." 40 _ Dotted
    "duffel_live_" 30 _ Word
    "duffel_test_" 30 _ Word
    "e2b_" 40 _ Hex
    "eyJrIjoi" 60 _ Base64
    "fc-" 32 32 Hex
    "figd_" 30 _ Word
    "figo_" 30 _ Word
    "figu_" 30 _ Word
    "fio-u-" 30 _ Word
    "fm1a_" 60 _ Base64
    "fm1r_" 60 _ Base64
    "fm2_" 60 _ Base64
    "fo1_" 40 _ Word
    "fw_" 22 24 Alnum
    "gho_" 30 _ Alnum
    "ghp_" 30 _ Alnum
    "ghr_" 30 _ Alnum
    "ghs_" 30 _ Alnum
    "ghu_" 30 _ Alnum
    "ghv_" 30 _ Alnum
    "github_pat_" 30 _ Word
    "glagent-" 20 _ Word
    "glc_" 30 _ Base64
    "glcbt-" 20 _ Word
    "gldt-" 18 _ Word
    "glffct-" 18 _ Word
    "glft-" 18 _ Word
    "glimt-" 20 _ Word
    "gloas-" 40 _ Word
    "glpat-" 18 _ Dotted
    "glptt-" 20 _ Word
    "glrt-" 18 _ Dotted
    "glrtr-" 20 _ Dotted
    "glsa_" 30 _ Word
    "glsoat-" 18 _ Word
    "glwt-" 20 _ Word
    "gsk_" 40 _ Alnum
    "hcaik_" 50 _ Alnum
    "hf_" 30 _ Alnum
    "hf_oauth_" 20 _ Dotted
    "hvb." 60 _ Word
    "hvr." 60 _ Word
    "hvs." 20 _ Word
    "ico-" 32 _ Alnum
    "jina_" 40 _ Alnum
    "key-" 32 32 Alnum
    "lin_api_" 30 _ Alnum
    "lin_oauth_" 30 _ Alnum
    "live_" 40 40 Word
    "llx-" 40 _ Alnum
    "lsv2_pt_" 32 _ Word
    "lsv2_sk_" 32 _ Word
    "mdb_sa_sk_" 30 _ Word
    "mob-" 36 36 Uuid
    "napi_" 60 _ Alnum
    "nfc_" 30 _ Alnum
    "nfp_" 30 _ Alnum
    "npm_" 30 _ Alnum
    "nrjs-" 19 _ Alnum
    "ntn_" 36 _ Alnum
    "nvapi-" 40 _ Word
    "oauth2_" 40 _ Alnum
    "ops_eyJ" 60 _ Base64
    "oy2" 43 43 Alnum
    "p8e-" 32 32 Alnum
    "pat-ap1-" 32 _ Word
    "pat-eu1-" 32 _ Word
    "pat-na1-" 32 _ Word
    "pat-na2-" 32 _ Word
    "pcsk_" 40 _ Word
    "pdl_live_" 20 _ Word
    "pdl_sdbx_" 20 _ Word
    "phc_" 30 _ Alnum
    "phs_" 30 _ Alnum
    "phx_" 30 _ Alnum
    "pk.eyJ" 40 _ Dotted
    "pk_live_" 16 _ Alnum
    "pk_prod_" 16 _ Alnum
    "pk_test_" 16 _ Alnum
    "pnb_" 36 _ Alnum
    "pnu_" 30 _ Alnum
    "polar_oat_" 30 _ Alnum
    "polar_pat_" 30 _ Alnum
    "posthog_" 30 _ Word
    "pplx-" 40 _ Alnum
    "prct_" 30 _ Word
    "processor-development-" 36 36 Uuid
    "processor-production-" 36 36 Uuid
    "processor-sandbox-" 36 36 Uuid
    "pscale_oauth_" 30 _ Dotted
    "pscale_pw_" 30 _ Dotted
    "pscale_tkn_" 30 _ Dotted
    "pst-" 30 _ Word
    "pul-" 40 _ Hex
    "pypi-" 20 _ Word
    "r8_" 30 _ Alnum
    "rdme_" 60 _ Alnum
    "re_" 26 40 Word
    "rk_live_" 16 _ Alnum
    "rk_prod_" 16 _ Alnum
    "rk_test_" 16 _ Alnum
    "rnd_" 28 _ Alnum
    "rpa_" 40 _ Alnum
    "rubygems_" 40 _ Hex
    "rzp_live_" 14 _ Alnum
    "rzp_test_" 14 _ Alnum
    "s-s4t2ud-" 64 64 Hex
    "s." 24 24 Alnum
    "sb_secret_" 20 _ Word
    "sbp_" 40 _ Hex
    "sdk-" 36 36 Uuid
    "secret_" 40 _ Alnum
    "sentry_" 60 _ Hex
    "sgp_" 40 _ Word
    "sha256~" 40 _ Word
    "shippo_live_" 30 _ Hex
    "shippo_test_" 30 _ Hex
    "shpat_" 30 _ Hex
    "shpca_" 30 _ Hex
    "shppa_" 30 _ Hex
    "shpss_" 30 _ Hex
    "sk-" 20 _ Word
    "sk-admin-" 16 _ Word
    "sk-ant-" 16 _ Word
    "sk-lf-" 30 _ Word
    "sk-or-v1-" 30 _ Alnum
    "sk-proj-" 16 _ Word
    "sk-ss-" 20 _ Word
    "sk-svcacct-" 16 _ Word
    "sk.eyJ" 40 _ Dotted
    "sk_" 40 _ Hex
    "sk_live_" 16 _ Alnum
    "sk_prod_" 16 _ Alnum
    "sk_sandbox_" 16 _ Alnum
    "sk_test_" 16 _ Alnum
    "sl." 100 _ Word
    "slk_" 64 64 Hex
    "sm_aat_" 16 _ Alnum
    "sm_pat_" 16 _ Alnum
    "sm_sat_" 16 _ Alnum
    "sntrys_" 40 _ Base64
    "sntryu_" 40 _ Hex
    "snyk_uat." 40 _ Dotted
    "sq0atp-" 20 _ Word
    "sq0csp-" 40 _ Word
    "sq0idp-" 20 _ Word
    "sqa_" 40 40 Hex
    "sqp_" 40 40 Hex
    "squ_" 40 40 Hex
    "tfp_" 40 _ Dotted
    "tgp_v1_" 40 _ Word
    "tk-us-" 40 _ Word
    "tok_live_" 16 _ Alnum
    "tskey-" 20 _ Word
    "tvly-" 20 _ Word
    "u-s4t2ud-" 64 64 Hex
    "v1.0-" 100 _ Word
    "vca_" 24 _ Alnum
    "vci_" 24 _ Alnum
    "vck_" 40 _ Alnum
    "vcp_" 24 _ Alnum
    "vcr_" 24 _ Alnum
    "vercel_" 20 _ Alnum
    "vk1.a." 80 _ Word
    "waka_" 30 _ Word
    "whsec_" 24 _ Base64
    "wrkos_" 30 _ Word
    "xaat-" 36 36 Uuid
    "xai-" 60 _ Alnum
    "xapp-" 30 _ Word
    "xapt-" 36 36 Uuid
    "xkeysib-" 60 _ Word
    "xoxa-" 20 _ Word
    "xoxb-" 20 _ Word
    "xoxc-" 20 _ Word
    "xoxd-" 20 _ Word
    "xoxe-" 20 _ Word
    "xoxe.xoxb-" 40 _ Word
    "xoxe.xoxp-" 40 _ Word
    "xoxo-" 20 _ Word
    "xoxp-" 20 _ Word
    "xoxr-" 20 _ Word
    "xoxs-" 20 _ Word
    "xsmtpsib-" 60 _ Word
    "xwfp-" 20 _ Word
    "y0_" 50 70 Word
    "ya29." 20 _ Word
}

/// First and last vendor of each first byte.
static FIRST: [(u16, u16); 128] = first();

const fn first() -> [(u16, u16); 128] {
    let mut table = [(0, 0); 128];
    let mut at = 0;
    while at < VENDORS.len() {
        let byte = VENDORS[at].prefix.as_bytes()[0] as usize;
        if table[byte].1 == 0 {
            table[byte].0 = at as u16;
        }
        table[byte].1 = at as u16 + 1;
        at += 1;
    }
    table
}

/// By first byte: a bit for each second byte of a prefix, without its case.
static SECOND: [u32; 128] = second();

const fn second() -> [u32; 128] {
    let mut table = [0; 128];
    let mut at = 0;
    while at < VENDORS.len() {
        let prefix = VENDORS[at].prefix.as_bytes();
        table[prefix[0] as usize] |= 1 << (prefix[1] & 31);
        at += 1;
    }
    table
}

/// Where the key that starts at `at` ends, and how sure that is.
pub(super) fn key_at(text: &[u8], at: usize) -> Option<(usize, Severity)> {
    let first = usize::from(text[at]);
    if SECOND.get(first)? >> (super::bytes::after(text, at + 1) & 31) & 1 == 0 {
        return None;
    }
    let (from, to) = FIRST[first];
    VENDORS[usize::from(from)..usize::from(to)].iter().find_map(|vendor| {
        let start = at + vendor.prefix.len();
        let prefix = vendor.prefix.as_bytes();
        if prefix[1] != text[at + 1] || !text[at..].starts_with(prefix) {
            return None;
        }
        let seen = super::bytes::head(text, start, vendor.most.min(text.len()) + 2);
        let mut end = super::bytes::run(seen, start, |byte| vendor.charset.holds(byte));
        // A dot or dash at the end is the sentence's.
        while end > start && matches!(text[end - 1], b'.' | b'-' | b'/') {
            end -= 1;
        }
        let len = end - start;
        let body = &text[start..end];
        let digit = body.iter().any(u8::is_ascii_digit);
        // `sk-fading-circle` is a style sheet's, `GR..` a name.
        let capitals = vendor.charset == Charset::Upper && len == 16;
        let made_up =
            digit || capitals || (body.iter().any(u8::is_ascii_uppercase) && body.iter().any(u8::is_ascii_lowercase));
        // Keys of one case that are cut in two by a letter of the other are other words.
        let whole = !super::bytes::alnum(super::bytes::after(text, end));
        let masked = body.iter().all(|byte| matches!(byte, b'x' | b'X' | b'*' | b'-' | b'_' | b'.'));
        // These prefixes are also those of names.
        let told = match vendor.prefix {
            "re_" => {
                looks_random(body) || len == 33 && body[8] == b'_' && body[9..].iter().all(u8::is_ascii_alphanumeric)
            }
            "s." | "y0_" | "EAA" | "fw_" | "live_" | "rnd_" | "vca_" | "vci_" | "vcr_" => looks_random(body),
            _ => vendor.charset != Charset::Uuid || super::tokens::is_uuid(body),
        };
        (len >= vendor.fewest && len <= vendor.most && made_up && whole && !masked && told)
            .then(|| (end, certainty(vendor.prefix, body)))
    })
}

/// Where the word begins that a service has stand before its keys, as in `FlyV1 fm2_..`; else where the key does.
pub(super) fn with_scheme(text: &[u8], start: usize) -> usize {
    const SCHEMES: [&[u8]; 2] = [b"FlyV1 ", b"SSWS "];
    let scheme = SCHEMES.iter().find(|scheme| text[..start].ends_with(scheme));
    scheme.map_or(start, |scheme| start - scheme.len())
}

/// A prefix is as good as a check digit, but a check sum that is wrong says that nobody issued the key.
fn certainty(prefix: &str, body: &[u8]) -> Severity {
    let right = match prefix {
        "ghp_" | "gho_" | "ghu_" | "ghs_" | "ghr_" | "npm_" if body.len() == 36 => {
            let (random, check) = body.split_at(30);
            base62(check) == Some(crc32(random))
        }
        "ATATT3" | "ATCTT3" => match body.iter().rposition(|byte| *byte == b'=') {
            Some(sign) => {
                let check =
                    std::str::from_utf8(&body[sign + 1..]).ok().and_then(|hex| u32::from_str_radix(hex, 16).ok());
                let whole = [prefix.as_bytes(), &body[..sign]].concat();
                check == Some(crc32(&whole)) || check == Some(crc32(&body[..sign]))
            }
            None => true,
        },
        _ => true,
    };
    if right { Severity::Validated } else { Severity::Likely }
}

/// CRC-32 (IEEE 802.3), bit by bit: keys are short and rare.
fn crc32(text: &[u8]) -> u32 {
    !text.iter().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum: u32, _| sum >> 1 ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

fn base62(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0u32, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u32::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_sum_tells_an_issued_key_from_one_that_only_looks_so() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        // `zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ` and its check sum are GitHub's own example.
        let key = b"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";
        assert_eq!(key_at(key, 0), Some((40, Severity::Validated)));
        assert_eq!(key_at(b"ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", 0), Some((40, Severity::Likely)));
    }

    #[test]
    fn every_vendor_is_reached_by_its_first_two_bytes() {
        for vendor in VENDORS {
            let prefix = vendor.prefix.as_bytes();
            assert!(SECOND[usize::from(prefix[0])] >> (prefix[1] & 31) & 1 == 1, "{}", vendor.prefix);
            let (from, to) = FIRST[usize::from(prefix[0])];
            assert!(VENDORS[usize::from(from)..usize::from(to)].iter().any(|known| known.prefix == vendor.prefix));
        }
    }

    #[test]
    fn a_scheme_of_the_service_goes_with_its_key() {
        assert_eq!(with_scheme(b"a FlyV1 fm2_", 8), 2);
        assert_eq!(with_scheme(b"a FlyV2 fm2_", 8), 8);
    }

    #[test]
    fn vendors_with_one_first_byte_stand_together() {
        assert!(VENDORS.windows(2).all(|pair| pair[0].prefix.as_bytes()[0] <= pair[1].prefix.as_bytes()[0]));
    }
}
