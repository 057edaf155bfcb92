//! What a value can be made into.

use std::fmt;
use std::str::FromStr;

use super::{address, failure, frames, path, url};
use crate::privacy::pseudonym::Pseudonymizer;

/// A coarser form of a value, for [`Action::GeneralizeTo`](crate::privacy::Action::GeneralizeTo). Each takes what it can
/// read and drops the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// `alice@example.com` becomes `@` and the pseudonym of `example.com`: who shares a domain shares it.
    EmailDomain,
    /// `+49 170 1234567` becomes `+49` (ITU-T E.164). National numbers are dropped.
    CountryCode,
    /// `203.0.113.77` becomes `203.0.113.0/24`, `2001:db8:1:2::3` becomes `2001:db8:1::/48`; ports and zones go. For a
    /// keyed hash of the whole address see [`Action::Hash`](crate::privacy::Action::Hash).
    IpPrefix,
    /// `/home/alice/work/notes.txt` becomes `~/work/notes.txt`, and so on macOS and Windows; where the user's name comes
    /// again it becomes `{user}`. Network shares are dropped. What stands below the home directory stays.
    WithoutHome,
    /// `/home/alice/thesis.pdf` becomes `*.pdf`, for well-known extensions.
    Extension,
    /// A URL becomes its scheme, host and route: `https://shop.example/users/{id}/cart?token=REDACTED`. Numbers, codes and
    /// what follows a word such as `users` become `{id}`; user, password and fragment go; addresses as hosts are dropped.
    Route,
    /// An error's text or `Debug` becomes its types, codes and component: `type=reqwest::Error,Os code=111
    /// component=acme::net`. What else it says goes.
    ErrorType,
    /// A backtrace becomes the modules of its frames, one a line: `acme::db`. Functions, generics, addresses and places in
    /// source files go.
    Frames,
}

/// All forms, with the names by which files call them.
const NAMES: [(Form, &str); Form::ALL.len()] = [
    (Form::EmailDomain, "email_domain"),
    (Form::CountryCode, "country_code"),
    (Form::IpPrefix, "ip_prefix"),
    (Form::WithoutHome, "without_home"),
    (Form::Extension, "extension"),
    (Form::Route, "route"),
    (Form::ErrorType, "error_type"),
    (Form::Frames, "frames"),
];

impl Form {
    /// In the order of their documentation.
    pub(crate) const ALL: [Form; 8] = [
        Form::EmailDomain,
        Form::CountryCode,
        Form::IpPrefix,
        Form::WithoutHome,
        Form::Extension,
        Form::Route,
        Form::ErrorType,
        Form::Frames,
    ];

    /// The value in this form.
    pub(super) fn of(self, field: &str, value: &str, pseudonyms: &Pseudonymizer) -> Option<String> {
        match self {
            Form::EmailDomain => address::email_domain(field, value, pseudonyms),
            Form::CountryCode => address::country_code(value),
            Form::IpPrefix => address::ip_prefix(value),
            Form::WithoutHome => path::without_home(value),
            Form::Extension => path::extension(value),
            Form::Route => url::route(value),
            Form::ErrorType => failure::error_type(value),
            Form::Frames => frames::frames(value),
        }
    }

    /// Whether a text has this form already, where that cannot be told by making it once more.
    pub(super) fn is_of(self, text: &str) -> bool {
        match self {
            Form::EmailDomain => address::is_email_domain(text),
            Form::CountryCode => address::is_country_code(text),
            Form::IpPrefix => address::is_ip_prefix(text),
            Form::Extension => path::is_extension(text),
            Form::ErrorType => failure::is_error_type(text),
            Form::Frames => frames::is_frames(text),
            Form::WithoutHome | Form::Route => false,
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(form, _)| form == self).map_or("", |(_, name)| name);
        f.pad(name)
    }
}

impl FromStr for Form {
    type Err = UnknownForm;

    /// Reads the name that `Display` writes, such as `ip_prefix`.
    fn from_str(text: &str) -> Result<Self, UnknownForm> {
        NAMES.iter().find(|(_, name)| *name == text).map(|(form, _)| *form).ok_or(UnknownForm)
    }
}

/// No form has this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownForm;

impl fmt::Display for UnknownForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such form; there are")?;
        NAMES.iter().try_for_each(|(_, name)| write!(f, " {name}"))
    }
}

impl std::error::Error for UnknownForm {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_it_is_written() {
        for (form, name) in NAMES {
            assert_eq!((form.to_string().as_str(), name.parse()), (name, Ok(form)));
        }
        let error = "ip".parse::<Form>().unwrap_err().to_string();
        assert!(error.contains("ip_prefix") && error.contains("frames"), "{error}");
    }
}
