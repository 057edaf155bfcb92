//! Telling a slip of the hand from another word.

/// Whether two words differ in one letter, or in the order of two.
pub(crate) fn is_near(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let head = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let (a, b) = (&one[head..], &other[head..]);
    let swapped = a.len() > 1 && b.len() > 1 && a[0] == b[1] && a[1] == b[0] && a[2..] == b[2..];
    let skip = |text: &'_ [u8]| text.get(1..).unwrap_or_default().to_vec();
    swapped || skip(a) == b || a == skip(b) || (!a.is_empty() && skip(a) == skip(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_is_near() {
        for (known, written) in [("purpose", "purpos"), ("owner", "onwer"), ("kind", "kinds"), ("since", "sinse")] {
            assert!(is_near(known, written), "{known} {written}");
        }
        assert!(!is_near("purpose", "prposes") && !is_near("kind", "owner"));
    }
}
