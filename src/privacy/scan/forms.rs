//! The forms of the numbers by which a state, a bank or a maker of devices knows one person, and the words that announce them.

use super::checks;

/// What follows an announcing word. In a word a space stands for any way of joining words: `tax file`, `tax_file`, `taxFile`.
/// In a pattern `9` stands for a digit, `A` for a letter, `*` for either.
pub(super) struct Form {
    pub(super) words: &'static [&'static [u8]],
    pub(super) patterns: &'static [&'static [u8]],
    pub(super) check: fn(&[u8]) -> bool,
    pub(super) proof: Proof,
}

/// What makes a number of this form one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// The word; a mistyped number is somebody's all the same.
    Word,
    /// The check digit, since the word has other meanings.
    Check,
}

macro_rules! forms {
    ($($proof:ident $check:ident [$($pattern:literal)*] $($word:literal)*;)*) => {
        pub(super) const FORMS: &[Form] = &[$(Form {
            words: words!($($word)*),
            patterns: words!($($pattern)*),
            check: checks::$check,
            proof: Proof::$proof,
        }),*];
    };
}

forms! {
    Word nino ["AA999999A"] "nino" "national insurance" "ni number" "ni no";
    Word luhn ["999999999999999" "9999999999999999"] "imei" "imeisv";
    Word none ["999999999999999"] "imsi";
    Word luhn ["9999999999999999999" "99999999999999999999"] "iccid";
    Word nhs ["9999999999"] "nhs";
    Word cpf ["99999999999"] "cpf";
    Word cnpj ["99999999999999"] "cnpj";
    Word dni ["99999999A"] "dni";
    Word dni ["A9999999A"] "nie";
    Word nif ["99999999A" "A9999999A" "999999999"] "nif" "contribuinte";
    Word pesel ["99999999999"] "pesel";
    Check nip ["9999999999"] "nip";
    Word oib ["99999999999"] "oib";
    Word aadhaar ["999999999999"] "aadhaar" "aadhar" "uidai" "आधार";
    Word none ["AAAAA9999A"] "pan";
    Word bsn ["999999999" "99999999"] "bsn" "burgerservicenummer" "sofinummer";
    Word personnummer ["9999999999" "999999999999"] "personnummer" "personal number" "personal id" "pnr" "samordningsnummer";
    Word hetu ["999999999A" "9999999999" "999999A999*"] "hetu" "henkilotunnus" "henkilötunnus" "personal identity code" "personal id";
    Word steuer_id ["99999999999" "9999999999"]
        "steuer id" "idnr" "steuernummer" "steueridentifikationsnummer" "identifikationsnummer" "steuerliche identifikationsnummer";
    Word tfn ["999999999" "99999999"] "tfn" "tax file";
    Word none ["9999999999" "99999999999"] "medicare";
    Word nir ["999999999999999" "9999999999999" "99999A999999999" "99999A9999999"]
        "nir" "insee" "secu" "sécu" "securite sociale" "sécurité sociale" "nss";
    Check aba ["999999999"] "routing" "aba" "rtn" "transit number";
    Check luhn ["999999999"] "sin" "social insurance" "assurance sociale" "nas";
    Word curp ["AAAA999999AAAAAA*9"] "curp";
    Word none ["AAAA999999***"] "rfc";
    Word resident_id ["99999999999999999*"] "身份证" "resident id" "id card" "idcard";
    Word ahv ["9999999999999"] "ahv" "avs" "ahvn";
    Word rijksregister ["99999999999"] "rijksregisternummer" "rijksregister" "national number" "nationaal nummer" "numero national" "rrn" "niss" "insz" "registre national";
    Word kimlik ["99999999999"] "kimlik" "tckn" "tc no";
    Word fodselsnummer ["99999999999"] "fodselsnummer" "fødselsnummer" "fnr";
    Word none ["9999999999"] "cpr" "cpr nummer" "kennitala";
    Check rut ["99999999*" "9999999*"] "rut" "rol unico tributario";
    Word cuit ["99999999999"] "cuit" "cuil";
    Word nric ["A9999999A"] "nric" "nric fin";
    Word none ["9999999AA" "9999999A"] "ppsn" "pps number" "pps no";
    Word resident_registration ["9999999999999"] "주민등록번호" "resident registration" "rrn";
    Word none ["999999999999"] "マイナンバー" "my number";
    Word none [
        "999999999" "A99999999" "A9999999" "AA9999999" "AA999999" "99AA99999" "C********" "A*********" "AA9999AAA"
    ] "passport" "reisepass" "passeport" "pasaporte" "passaporto" "paspoort" "护照" "паспорт" "aspoort" "旅券";
    Word none ["A999999999999" "A99999999" "A9999999" "99999999" "9999999" "999999999" "AAAAA999999AA9AA"]
        "driver license" "drivers license" "driving licence" "driver licence" "driving license" "führerschein" "fuehrerschein";
    Word none ["999999"] "sort code";
    Word none ["9999999999" "99999999" "9999999" "999999"] "mrn" "medical record";
    Word none ["999999999999" "99999999999" "9999999999" "999999999" "99999999"] "account number" "account no" "acct no" "kontonummer";
    Word codice_fiscale ["AAAAAA99A99A999A"] "codice fiscale";
}
