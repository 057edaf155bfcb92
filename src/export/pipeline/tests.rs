use super::*;

#[test]
fn a_type_is_named_without_its_paths() {
    for (name, short) in [
        ("opentelemetry_sdk::trace::BatchSpanProcessor", "BatchSpanProcessor"),
        ("acme::Tee<acme::a::One, alloc::sync::Arc<b::Two>>", "Tee<One, Arc<Two>>"),
        ("Plain", "Plain"),
        ("(a::B, &c::D)", "(B, &D)"),
        ("a::b::{{closure}}", "{{closure}}"),
    ] {
        assert_eq!(without_paths(name), short);
    }
}
