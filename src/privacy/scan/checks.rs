//! Check digits. Each function is given the characters of one number, upper-case and without separators, whose form is right
//! already: it has at least two, all of them ASCII letters or digits.

use super::card;

/// Sum of the digits, each times its weight. Letters count as 10 to 35.
fn weighted(number: &[u8], weights: &[u32]) -> u32 {
    number.iter().zip(weights).map(|(byte, weight)| value(*byte) * weight).sum()
}

fn value(byte: u8) -> u32 {
    char::from(byte).to_digit(36).unwrap_or(0)
}

fn last(number: &[u8]) -> u32 {
    number.last().map_or(0, |byte| value(*byte))
}

/// The number in base ten, modulo `divisor`. Letters count as zero.
fn modulo(number: &[u8], divisor: u64) -> u64 {
    number.iter().fold(0, |rest, byte| (rest * 10 + u64::from(byte.wrapping_sub(b'0').min(9))) % divisor)
}

/// The number's form is all there is.
pub(super) fn none(_: &[u8]) -> bool {
    false
}

/// ISO/IEC 7812-1, over digits.
pub(super) fn luhn(number: &[u8]) -> bool {
    let mut digits = [0u8; 24];
    let Some(digits) = digits.get_mut(..number.len()) else { return false };
    for (slot, byte) in digits.iter_mut().zip(number) {
        *slot = byte.wrapping_sub(b'0');
    }
    digits.iter().all(|digit| *digit < 10) && card::luhn(digits)
}

/// Sweden: Luhn over the last ten digits.
pub(super) fn personnummer(number: &[u8]) -> bool {
    number.len() >= 10 && luhn(&number[number.len() - 10..])
}

/// UK national insurance: letters that are never given out (HMRC NIM39110).
pub(super) fn nino(number: &[u8]) -> bool {
    let [first, second, .., suffix] = number else { return false };
    !b"DFIQUV".contains(first)
        && !b"DFIQUVO".contains(second)
        && (b'A'..=b'D').contains(suffix)
        && ![&b"BG"[..], b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&number[..2])
}

/// UK national health service: weights 10 to 2, modulo 11.
pub(super) fn nhs(number: &[u8]) -> bool {
    let check = 11 - weighted(&number[..number.len() - 1], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    check % 11 == last(number) && check != 10
}

/// Brazil, persons: two check digits modulo 11.
pub(super) fn cpf(number: &[u8]) -> bool {
    let digit = |len: usize| {
        let sum: u32 = number.iter().take(len).zip((2..=len as u32 + 1).rev()).map(|(byte, w)| value(*byte) * w).sum();
        sum * 10 % 11 % 10
    };
    number.len() == 11
        && number.iter().any(|byte| *byte != number[0])
        && digit(9) == value(number[9])
        && digit(10) == value(number[10])
}

/// Brazil, firms.
pub(super) fn cnpj(number: &[u8]) -> bool {
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];
    let digit = |len: usize| match weighted(&number[..len], &WEIGHTS[13 - len..]) % 11 {
        rest @ 2.. => 11 - rest,
        _ => 0,
    };
    number.len() == 14
        && number.iter().any(|byte| *byte != number[0])
        && digit(12) == value(number[12])
        && digit(13) == value(number[13])
}

/// Spain: the letter for the number modulo 23, where a leading X, Y, Z stands for 0, 1, 2.
pub(super) fn dni(number: &[u8]) -> bool {
    let [first, middle @ .., letter] = number else { return false };
    let lead = match first {
        b'X'..=b'Z' => u64::from(first - b'X'),
        b'0'..=b'9' => u64::from(first - b'0'),
        _ => return false,
    };
    let rest = middle.iter().fold(lead, |rest, byte| rest * 10 + u64::from(value(*byte)));
    b"TRWAGMYFPDXBNJZSQVHLCKE"[(rest % 23) as usize] == *letter
}

/// Portugal, or Spain.
pub(super) fn nif(number: &[u8]) -> bool {
    let rest = weighted(&number[..number.len() - 1], &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    dni(number) || number.len() == 9 && last(number) == if rest < 2 { 0 } else { 11 - rest }
}

/// Poland: weights 1, 3, 7, 9.
pub(super) fn pesel(number: &[u8]) -> bool {
    (weighted(number, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1])).is_multiple_of(10)
}

/// Poland, tax.
pub(super) fn nip(number: &[u8]) -> bool {
    weighted(&number[..number.len() - 1], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == last(number)
}

/// India: Verhoeff's scheme.
pub(super) fn aadhaar(number: &[u8]) -> bool {
    const TURN: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    // The dihedral group of order ten.
    let times = |a: u8, b: u8| match (a < 5, b < 5) {
        (true, true) => (a + b) % 5,
        (true, false) => (a + b - 5) % 5 + 5,
        (false, true) => (a + 5 - b) % 5 + 5,
        (false, false) => (a + 5 - b) % 5,
    };
    let mut sum = 0;
    for (place, byte) in number.iter().rev().enumerate() {
        let mut digit = byte.wrapping_sub(b'0') % 10;
        for _ in 0..place % 8 {
            digit = TURN[usize::from(digit)];
        }
        sum = times(sum, digit);
    }
    sum == 0 && number[0] >= b'2'
}

/// The Netherlands: weights 9 to 2 and -1.
pub(super) fn bsn(number: &[u8]) -> bool {
    let body = &number[..number.len() - 1];
    let weights = &[9, 8, 7, 6, 5, 4, 3, 2][9 - number.len().min(9)..];
    weighted(body, weights) % 11 == last(number)
}

/// Finland: a sign for the nine digits modulo 31.
pub(super) fn hetu(number: &[u8]) -> bool {
    let digits: Vec<u8> = number[..number.len() - 1].iter().copied().filter(u8::is_ascii_digit).collect();
    digits.len() == 9 && b"0123456789ABCDEFHJKLMNPRSTUVWXY"[modulo(&digits, 31) as usize] == number[number.len() - 1]
}

/// Germany, tax: ISO 7064 mod 11,10.
pub(super) fn steuer_id(number: &[u8]) -> bool {
    number[0] != b'0' && oib(number)
}

/// Croatia: ISO 7064 mod 11,10.
pub(super) fn oib(number: &[u8]) -> bool {
    let product = number[..number.len() - 1].iter().fold(10, |product, byte| {
        let sum = (value(*byte) + product) % 10;
        (if sum == 0 { 10 } else { sum }) * 2 % 11
    });
    number.len() == 11 && (11 - product) % 10 == last(number)
}

/// Korea: a date of birth, the century and sex, and weights 2 to 9 modulo 11. Those given out since October 2020 have no check.
pub(super) fn resident_registration(number: &[u8]) -> bool {
    let sum = weighted(&number[..number.len() - 1], &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    number.len() == 13
        && is_day(&number[2..6])
        && matches!(number[6], b'1'..=b'8')
        && (11 - sum % 11) % 10 == last(number)
}

/// Month and day.
pub(super) fn is_day(digits: &[u8]) -> bool {
    (1..=12).contains(&modulo(&digits[..2], 100)) && (1..=31).contains(&modulo(&digits[2..4], 100))
}

/// Australia, tax.
pub(super) fn tfn(number: &[u8]) -> bool {
    number.len() == 9 && weighted(number, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

/// France: 97 less the first thirteen modulo 97. Corsica's `2A` and `2B` count as 19 and 18.
pub(super) fn nir(number: &[u8]) -> bool {
    let mut digits = [0u8; 15];
    if number.len() != 15 {
        return false;
    }
    digits.copy_from_slice(number);
    match &number[5..7] {
        b"2A" => digits[5..7].copy_from_slice(b"19"),
        b"2B" => digits[5..7].copy_from_slice(b"18"),
        _ => {}
    }
    let month = value(number[3]) * 10 + value(number[4]);
    digits.iter().all(u8::is_ascii_digit)
        && matches!(number[0], b'1' | b'2')
        && matches!(month, 1..=12 | 20 | 31..=42)
        && 97 - modulo(&digits[..13], 97) == modulo(&digits[13..], 97)
}

/// US bank routing: weights 3, 7, 1.
pub(super) fn aba(number: &[u8]) -> bool {
    weighted(number, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10) && number[0] < b'4' && number != b"000000000"
}

/// Mexico: digits, letters and Ñ are 0 to 36.
pub(super) fn curp(number: &[u8]) -> bool {
    let sum: u32 = number[..number.len() - 1]
        .iter()
        .zip((2..=18).rev())
        .map(|(byte, weight)| (value(*byte) + u32::from(*byte > b'N')) * weight)
        .sum();
    number.len() == 18 && (10 - sum % 10) % 10 == last(number)
}

/// Italy: 26 letters, odd places in an order of their own.
pub(super) fn codice_fiscale(number: &[u8]) -> bool {
    const ODD: [u32; 26] =
        [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let order = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte.wrapping_sub(b'A') % 26 };
    let sum: u32 = number[..number.len() - 1]
        .iter()
        .enumerate()
        .map(|(at, byte)| if at % 2 == 0 { ODD[usize::from(order(*byte))] } else { u32::from(order(*byte)) })
        .sum();
    number.len() == 16 && u32::from(number[15].wrapping_sub(b'A')) == sum % 26
}

/// China: ISO 7064 mod 11-2, and a date of birth inside.
pub(super) fn resident_id(number: &[u8]) -> bool {
    let sum = number[..number.len() - 1].iter().fold(0, |sum, byte| (sum + value(*byte)) * 2 % 11);
    let check = (12 - sum) % 11;
    let month = value(number[10 % number.len()]) * 10 + value(number[11 % number.len()]);
    number.len() == 18
        && matches!(&number[6..8], b"19" | b"20")
        && (1..=12).contains(&month)
        && (b'1'..=b'8').contains(&number[0])
        && number[17] == b"0123456789X"[check as usize]
}

/// Switzerland: as a bar code (EAN-13), starting with 756.
pub(super) fn ahv(number: &[u8]) -> bool {
    number.len() == 13
        && number.starts_with(b"756")
        && weighted(number, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1]).is_multiple_of(10)
}

/// Belgium: 97 less the first nine modulo 97; with a 2 before them for those born from 2000 on.
pub(super) fn rijksregister(number: &[u8]) -> bool {
    let (body, check) = number.split_at(number.len() - 2);
    let mut young = b"2".to_vec();
    young.extend_from_slice(body);
    let check = modulo(check, 100);
    97 - modulo(body, 97) == check || 97 - modulo(&young, 97) == check
}

/// Türkiye.
pub(super) fn kimlik(number: &[u8]) -> bool {
    let odd: u32 = number.iter().step_by(2).take(5).map(|byte| value(*byte)).sum();
    let even: u32 = number.iter().skip(1).step_by(2).take(4).map(|byte| value(*byte)).sum();
    let all: u32 = number[..number.len() - 1].iter().map(|byte| value(*byte)).sum();
    number.len() == 11 && (odd * 7 + 100 - even) % 10 == value(number[9]) && all % 10 == value(number[10])
}

/// Norway: two check digits modulo 11.
pub(super) fn fodselsnummer(number: &[u8]) -> bool {
    number.len() == 11
        && weighted(number, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Chile: modulo 11, where 10 is K.
pub(super) fn rut(number: &[u8]) -> bool {
    let (body, check) = number.split_at(number.len() - 1);
    let sum: u32 = body.iter().rev().zip([2, 3, 4, 5, 6, 7].iter().cycle()).map(|(byte, w)| value(*byte) * w).sum();
    b"0K987654321"[(sum % 11) as usize] == check[0]
}

/// Argentina.
pub(super) fn cuit(number: &[u8]) -> bool {
    number.len() == 11 && weighted(number, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Singapore: a letter for the weighted sum.
pub(super) fn nric(number: &[u8]) -> bool {
    let [series, digits @ .., letter] = number else { return false };
    let sum = weighted(digits, &[2, 7, 6, 5, 4, 3, 2]) + if matches!(series, b'T' | b'G') { 4 } else { 0 };
    let letters = if matches!(series, b'S' | b'T') { b"JZIHGFEDCBA" } else { b"XWUTRQPNMLK" };
    matches!(series, b'S' | b'T' | b'F' | b'G') && letters[(sum % 11) as usize] == *letter
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published examples, and that a digit changed is seen.
    #[test]
    fn published_numbers_pass_and_no_other_last_sign_does() {
        type Check = fn(&[u8]) -> bool;
        let known: &[(Check, &str)] = &[
            (luhn, "490154203237518"),
            (luhn, "046454286"),
            (personnummer, "8112189876"),
            (nhs, "9434765919"),
            (cpf, "52998224725"),
            (cnpj, "11222333000181"),
            (dni, "12345678Z"),
            (dni, "X1234567L"),
            (nif, "123456789"),
            (pesel, "44051401359"),
            (nip, "1234563218"),
            (aadhaar, "234123412346"),
            (bsn, "111222333"),
            (hetu, "131052308T"),
            (hetu, "131052A308T"),
            (steuer_id, "86095742719"),
            (oib, "94577403194"),
            (resident_registration, "8508032011771"),
            (tfn, "123456782"),
            (nir, "255081416802538"),
            (aba, "021000021"),
            (curp, "HEGG560427MVZRRL04"),
            (codice_fiscale, "RSSMRA85T10A562S"),
            (resident_id, "11010519491231002X"),
            (ahv, "7569217076985"),
            (rijksregister, "85073003328"),
            (kimlik, "10000000146"),
            (fodselsnummer, "15108695088"),
            (rut, "123456785"),
            (cuit, "20123456786"),
            (nric, "S1234567D"),
        ];
        for (check, number) in known {
            assert!(check(number.as_bytes()), "{number}");
            let (body, last) = number.split_at(number.len() - 1);
            for other in ('0'..='9').chain('A'..='Z').filter(|other| !last.contains(*other)) {
                assert!(!check(format!("{body}{other}").as_bytes()) || other.is_alphabetic(), "{body}{other}");
            }
        }
        assert!(nino(b"AB123456C") && !nino(b"BG123456C") && !nino(b"DA123456A"));
    }
}
