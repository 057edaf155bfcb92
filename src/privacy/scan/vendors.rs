//! The prefixes that services give to the keys they issue.

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
}

impl Charset {
    pub(super) fn holds(self, byte: u8) -> bool {
        match self {
            Charset::Alnum => byte.is_ascii_alphanumeric(),
            Charset::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Charset::Dotted => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'),
            Charset::Hex => byte.is_ascii_hexdigit(),
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
    "AGE-SECRET-KEY-1" 58 58 Upper
    "AIDA" 16 16 Upper
    "AIPA" 16 16 Upper
    "AIza" 30 _ Word
    "AKCp" 60 _ Alnum
    "AKIA" 12 _ Upper
    "ANPA" 16 16 Upper
    "APKA" 16 16 Upper
    "AROA" 16 16 Upper
    "ASCA" 16 16 Upper
    "ASIA" 12 _ Upper
    "ATATT3" 60 _ Base64
    "ATBB" 28 _ Alnum
    "ATCTT3" 60 _ Base64
    "BBFF-" 30 _ Alnum
    "CCIPAT_" 30 _ Word
    "CFPAT-" 40 _ Word
    "CLOJARS_" 60 _ Alnum
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
    "IQoJb3JpZ2lu" 40 _ Base64
    "LTAI" 16 _ Alnum
    "NRAK-" 20 _ Alnum
    "NRII-" 30 _ Word
    "NRJS-" 19 _ Alnum
    "PMAK-" 24 _ Word
    "SG." 30 _ Dotted
    "SK" 32 32 Hex
    "aio_" 28 _ Alnum
    "api_org_" 30 _ Alnum
    "atlasv1." 60 _ Word
    "bkua_" 36 _ Alnum
    "cio" 32 32 Alnum
    "ddapi_" 20 _ Word
    "dapi" 32 _ Hex
    "dckr_oat_" 20 _ Word
    "dckr_pat_" 20 _ Word
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
    "duffel_live_" 30 _ Word
    "duffel_test_" 30 _ Word
    "eyJrIjoi" 60 _ Base64
    "fio-u-" 30 _ Word
    "figd_" 30 _ Word
    "fo1_" 40 _ Word
    "gho_" 30 _ Alnum
    "ghp_" 30 _ Alnum
    "ghr_" 30 _ Alnum
    "ghs_" 30 _ Alnum
    "ghu_" 30 _ Alnum
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
    "glsa_" 30 _ Word
    "glsoat-" 18 _ Word
    "gsk_" 40 _ Alnum
    "hf_" 30 _ Alnum
    "hvb." 60 _ Word
    "hvs." 20 _ Word
    "ico-" 32 _ Alnum
    "key-" 32 32 Alnum
    "lin_api_" 30 _ Alnum
    "lin_oauth_" 30 _ Alnum
    "nfp_" 30 _ Alnum
    "npm_" 30 _ Alnum
    "ntn_" 36 _ Alnum
    "nvapi-" 40 _ Word
    "ops_eyJ" 60 _ Base64
    "oy2" 43 43 Alnum
    "pk.eyJ" 40 _ Dotted
    "pk_live_" 16 _ Alnum
    "pk_prod_" 16 _ Alnum
    "pk_test_" 16 _ Alnum
    "pnu_" 30 _ Alnum
    "posthog_" 30 _ Word
    "phc_" 30 _ Alnum
    "phx_" 30 _ Alnum
    "pplx-" 40 _ Alnum
    "prct_" 30 _ Word
    "pscale_oauth_" 30 _ Dotted
    "pscale_pw_" 30 _ Dotted
    "pscale_tkn_" 30 _ Dotted
    "pul-" 40 _ Hex
    "pypi-" 20 _ Word
    "r8_" 30 _ Alnum
    "rdme_" 60 _ Alnum
    "rk_live_" 16 _ Alnum
    "rk_prod_" 16 _ Alnum
    "rk_test_" 16 _ Alnum
    "rubygems_" 40 _ Hex
    "sbp_" 40 _ Hex
    "sb_secret_" 20 _ Word
    "secret_" 40 _ Alnum
    "sgp_" 40 _ Word
    "sha256~" 40 _ Word
    "shpat_" 30 _ Hex
    "shpca_" 30 _ Hex
    "shppa_" 30 _ Hex
    "shpss_" 30 _ Hex
    "shippo_live_" 30 _ Hex
    "shippo_test_" 30 _ Hex
    "sk-ant-" 16 _ Word
    "sk-proj-" 16 _ Word
    "sk-svcacct-" 16 _ Word
    "sk-admin-" 16 _ Word
    "sk-or-v1-" 30 _ Alnum
    "sk-lf-" 30 _ Word
    "sk-" 20 _ Word
    "sk.eyJ" 40 _ Dotted
    "sk_live_" 16 _ Alnum
    "sk_prod_" 16 _ Alnum
    "sk_test_" 16 _ Alnum
    "sl." 100 _ Word
    "sntrys_" 40 _ Base64
    "sntryu_" 40 _ Hex
    "sq0atp-" 20 _ Word
    "sq0csp-" 40 _ Word
    "tfp_" 40 _ Dotted
    "tk-us-" 40 _ Word
    "tskey-" 20 _ Word
    "v1.0-" 100 _ Word
    "vcp_" 24 _ Alnum
    "waka_" 30 _ Word
    "whsec_" 24 _ Base64
    "xai-" 60 _ Alnum
    "xapp-" 30 _ Word
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
    "ya29." 20 _ Word
}

/// First and last vendor of each first byte.
static FIRST: [(u8, u8); 128] = first();

const fn first() -> [(u8, u8); 128] {
    let mut table = [(0, 0); 128];
    let mut at = 0;
    while at < VENDORS.len() {
        let byte = VENDORS[at].prefix.as_bytes()[0] as usize;
        if table[byte].1 == 0 {
            table[byte].0 = at as u8;
        }
        table[byte].1 = at as u8 + 1;
        at += 1;
    }
    table
}

/// Where the key that starts at `at` ends.
pub(super) fn key_at(text: &[u8], at: usize) -> Option<usize> {
    let (from, to) = *FIRST.get(usize::from(text[at]))?;
    VENDORS[usize::from(from)..usize::from(to)].iter().find_map(|vendor| {
        let start = at + vendor.prefix.len();
        if !text[at..].starts_with(vendor.prefix.as_bytes()) {
            return None;
        }
        let mut end = super::bytes::run(text, start, |byte| vendor.charset.holds(byte));
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
        (len >= vendor.fewest && len <= vendor.most && made_up && whole && !masked).then_some(end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vendors_with_one_first_byte_stand_together() {
        assert!(VENDORS.windows(2).all(|pair| pair[0].prefix.as_bytes()[0] <= pair[1].prefix.as_bytes()[0]));
        assert!(VENDORS.len() < 255);
    }
}
