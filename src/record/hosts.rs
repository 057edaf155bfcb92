//! Where records may go: what the user agreed to when they were kept holds for them as long as they are.

/// The receivers of a run: for each the host that a yes is given for, or the type of the application's own exporter, and its bit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hosts(Vec<(String, u8)>);

impl Hosts {
    #[cfg(any(feature = "upload", test))]
    pub(crate) fn of(receivers: impl IntoIterator<Item = (String, u8)>) -> Self {
        let mut hosts: Vec<_> = receivers.into_iter().collect();
        hosts.sort_unstable();
        Hosts(hosts)
    }

    /// Whether nothing is sent anywhere.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// How a store notes them beside what it keeps: one a line, in order.
    pub(crate) fn noted(&self) -> String {
        let mut hosts: Vec<_> = self.0.iter().map(|(host, _)| host.as_str()).collect();
        hosts.dedup();
        hosts.join("\n")
    }

    /// The receivers that may have what was kept for these hosts, a bit for each.
    pub(crate) fn permitted(&self, noted: &str) -> u8 {
        let is_noted = |host: &str| noted.split('\n').any(|known| known == host);
        self.0.iter().filter(|(host, _)| is_noted(host)).fold(0, |bits, (_, bit)| bits | bit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_for_some_hosts_is_for_no_others() {
        let hosts = |list: &[(&str, u8)]| Hosts::of(list.iter().map(|(host, bit)| ((*host).to_owned(), *bit)));
        let both = hosts(&[("b.example", 2), ("a.example", 1)]);
        assert_eq!(both.noted(), "a.example\nb.example");
        assert_eq!(hosts(&[("a.example", 1), ("a.example", 2)]).noted(), "a.example");
        for (noted, permitted) in [
            ("a.example\nb.example", 3),
            ("b.example", 2),
            ("a.example\nc", 1),
            ("c", 0),
            ("a.example b.example", 0),
            ("", 0),
        ] {
            assert_eq!(both.permitted(noted), permitted, "{noted:?}");
        }
        assert_eq!(Hosts::default().permitted(""), 0);
    }
}
