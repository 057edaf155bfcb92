//! What a finding may be: one table of kinds, with the name, the placeholder and the rank of each.

use std::fmt;
use std::str::FromStr;

/// Variant, name in settings, placeholder, rank among findings that overlap and are equally long, and what it is.
macro_rules! kinds {
    ($($variant:ident $name:literal $placeholder:literal $rank:literal $doc:literal)*) => {
        /// What a finding is.
        ///
        /// `Display` and `FromStr` give and read the name that settings use, such as `email` or `url_userinfo`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $(#[doc = $doc] $variant,)*
            /// A kind that the application added; [`Scanner::name`](super::Scanner::name) knows its name.
            Custom(CustomKind),
        }

        #[derive(Clone, Copy)]
        enum Index { $($variant,)* }

        impl Kind {
            /// All kinds that are built in.
            pub const BUILT_IN: &'static [Kind] = &[$(Kind::$variant),*];

            /// The name in settings; `custom` for those the application added.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Kind::$variant => $name,)*
                    Kind::Custom(_) => "custom",
                }
            }

            /// What stands in place of the value: `[NAME]` for kinds that the application added, here shown as `[CUSTOM]`.
            ///
            /// Never holds a quote or a backslash, so that JSON around it stays valid.
            #[must_use]
            pub const fn placeholder(self) -> &'static str {
                match self {
                    $(Kind::$variant => $placeholder,)*
                    Kind::Custom(_) => "[CUSTOM]",
                }
            }

            /// Which kind gives its name to findings that overlap and are equally long; the higher wins.
            pub(super) const fn rank(self) -> u8 {
                match self {
                    $(Kind::$variant => $rank,)*
                    Kind::Custom(_) => 9,
                }
            }

            const fn index(self) -> u8 {
                match self {
                    $(Kind::$variant => Index::$variant as u8,)*
                    Kind::Custom(custom) => FIRST_CUSTOM + custom.0,
                }
            }
        }
    };
}

kinds! {
    Email "email" "[EMAIL]" 5 "An e-mail address."
    Phone "phone" "[PHONE]" 3 "A telephone number."
    Ipv4 "ipv4" "[IP]" 4 "An IPv4 address, also inside a host name (`ip-10-0-0-1`)."
    Ipv6 "ipv6" "[IP]" 4 "An IPv6 address."
    Card "card" "[CARD]" 6 "A payment card number with a valid check digit and issuer."
    Jwt "jwt" "[JWT]" 8 "A JSON web token."
    Bearer "bearer" "[TOKEN]" 8 "What follows `Bearer` or `Basic`."
    ApiKey "api_key" "[API_KEY]" 8 "A key with the prefix of the service that issued it."
    HomePath "home_path" "[USER]" 1 "The user's name in the path of a home directory or share."
    Host "host" "[HOST]" 1 "The name of a machine in the path of a share."
    Mac "mac" "[MAC]" 4 "A hardware address."
    Iban "iban" "[IBAN]" 6 "A bank account number with valid check digits."
    Ssn "ssn" "[SSN]" 6 "A US social security number."
    NationalId "national_id" "[NATIONAL_ID]" 6 "Another number by which a state, a bank or a maker of devices knows one person."
    Pem "pem" "[KEY]" 8 "A private key in PEM form."
    UrlUserinfo "url_userinfo" "[USERINFO]" 8 "User and password inside a URL."
    UrlSecret "url_secret" "[SECRET]" 7 "The value of a secret parameter of a URL."
    Wallet "wallet" "[WALLET]" 6 "An address of a crypto-currency wallet."
    Geo "geo" "[GEO]" 3 "A position."
    BirthDate "birth_date" "[DATE]" 3 "A date of birth."
    KeyedSecret "keyed_secret" "[SECRET]" 3 "A value whose key names a secret."
    KeyedId "keyed_id" "[ID]" 2 "A value whose key names the id of a person."
    KeyedPii "keyed_pii" "[PII]" 2 "A value whose key names personal data."
    Uuid "uuid" "[UUID]" 1 "A UUID. By itself it is nobody's, and not looked for until [`Scanner::with`](super::Scanner::with) or a policy's [`kind`](crate::privacy::Policy::kind) or [`with_kind`](crate::privacy::Policy::with_kind) asks so. Under the key of an id it is hashed in any case."
    HighEntropy "high_entropy" "[SECRET]" 0 "A value that looks random."
    Unscanned "unscanned" "[REMOVED]" 10 "Text that a detector failed on, or in which something is found however often findings are replaced. It cannot be switched off, and drops its field at least."
}

/// A kind that the application added, by its number in the scanner that found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CustomKind(pub(super) u8);

/// Where the numbers of added kinds begin, and how many there may be.
const FIRST_CUSTOM: u8 = 32;
pub(super) const MOST_CUSTOM: usize = 64 - FIRST_CUSTOM as usize;

const _: () = assert!(Kind::BUILT_IN.len() <= FIRST_CUSTOM as usize);

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Kind::BUILT_IN.iter().copied().find(|kind| kind.name() == name).ok_or(UnknownKind(()))
    }
}

/// A name that is no kind's. Its text lists those there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(());

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such kind of finding; there are")?;
        Kind::BUILT_IN
            .iter()
            .enumerate()
            .try_for_each(|(at, kind)| write!(f, "{} {kind}", if at > 0 { "," } else { "" }))
    }
}

impl std::error::Error for UnknownKind {}

/// How sure a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Only the words around it say so.
    Contextual,
    /// It has the looks of its kind.
    Likely,
    /// A check digit, a grammar or an issuer's own prefix says so.
    Validated,
}

/// Some of the kinds: one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct KindSet(u64);

/// What is looked for only where somebody asks for it.
pub(super) const OPTIONAL: KindSet = KindSet::of(Kind::Uuid);

impl KindSet {
    pub(super) const fn of(kind: Kind) -> Self {
        KindSet(1 << kind.index())
    }

    pub(super) const fn and(self, other: KindSet) -> Self {
        KindSet(self.0 | other.0)
    }

    pub(super) const fn without(self, other: KindSet) -> Self {
        KindSet(self.0 & !other.0)
    }

    pub(super) const fn meets(self, other: KindSet) -> bool {
        self.0 & other.0 != 0
    }
}
