//! From the text of a file to an inventory.

use toml::de::DeTable;

use super::document::{Change, Document, Recipient};
use super::entry::{Facts, Field, Record, Sort};
use super::error::InventoryError;
use super::kind::FieldKind;
use super::reader::{Section, Source, list, shown};
use super::{Contents, rules};
use crate::privacy::pen::VALUE_CAP;
use crate::privacy::policy::{Action, Policy, TimeUnit};

const RECORD: [&str; 8] = ["purpose", "retention", "owner", "review", "since", "expires", "fields", "local"];
const FIELD: [&str; 10] =
    ["kind", "values", "action", "reason", "purpose", "retention", "owner", "review", "since", "expires"];

/// What a table inherits from the one around it.
#[derive(Clone, Default)]
struct Inherited {
    retention: Option<String>,
    owner: Option<String>,
    review: Option<String>,
    since: u32,
    version: u32,
}

pub(super) fn parse(source: Source<'_>) -> Result<Contents, InventoryError> {
    let table = DeTable::parse(source.text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.error(
            at,
            format!("this is not TOML: {}; correct it there (syntax: https://toml.io)", shown(error.message())),
        )
    })?;
    let root = Section::root(source, table.get_ref());
    root.only(&["version", "document", "changes", "events", "unnamed", "spans", "fields", "resource", "local"])?;
    let version = root.version("version")?.ok_or_else(|| root.missing("version", "`version = 1`"))?;
    let section = root.section("document")?.ok_or_else(|| {
        root.missing("document", "a table `[document]` with `controller`, `effective`, `privacy` and `security`")
    })?;
    let document = document(&section)?;
    let changes = changes(&root, version)?;
    let defaults = Inherited {
        retention: section.text("retention")?,
        owner: section.text("owner")?,
        review: section.text("review")?,
        since: 1,
        version,
    };
    let shared = match root.section("fields")? {
        Some(shared) => fields(&shared, &defaults, "every record", &[])?,
        None => Vec::new(),
    };
    let mut records = Vec::new();
    for sort in [Sort::Event, Sort::Unnamed, Sort::Span] {
        let Some(section) = root.section(sort.table())? else { continue };
        for (name, section) in section.named(|name| format!("`{}`", super::entry::header(sort, name)))? {
            records.push(record(sort, name, &section, &defaults, &shared)?);
        }
    }
    let resource = match root.section("resource")? {
        Some(resource) => fields(&resource, &defaults, "the resource", &[])?,
        None => Vec::new(),
    };
    if let Some(own) = resource.iter().find(|field| super::OWN.iter().any(|(key, _)| *key == field.key)) {
        let at = root.section("resource")?.map_or(0, |section| section.place_of(&own.key));
        return Err(source.error(at, format!("`{}` is given with every record as it is; remove it here", own.key)));
    }
    let local = root.texts("local")?.unwrap_or_default();
    if let Some(both) = records.iter().find(|record| local.contains(&record.name)) {
        let problem = format!("`{}` is declared and `local` at once; remove one", both.name);
        return Err(source.error(root.place_of("local"), problem));
    }
    if let Some(id) = resource.iter().find(|field| field.action == Action::Hash) {
        let at = root.section("resource")?.map_or(0, |section| section.place_of(&id.key));
        let problem =
            format!("`{}` is the same in every record and cannot be a pseudonym; declare it in `[fields]`", id.key);
        return Err(source.error(at, problem));
    }
    Ok(Contents { file: source.file.to_owned(), version, document, changes, records, shared, resource, local })
}

fn document(section: &Section<'_, '_>) -> Result<Document, InventoryError> {
    section.only(&[
        "controller",
        "effective",
        "privacy",
        "dpo",
        "security",
        "summary",
        "not_collected",
        "commitments",
        "announcement",
        "recipients",
        "assumed_consent",
        "pseudonym_secret",
        "times",
        "retention",
        "owner",
        "review",
    ])?;
    let effective = section.date("effective")?;
    let not_collected = section.texts("not_collected")?.filter(|list| !list.is_empty());
    Ok(Document {
        controller: section.required("controller", "who answers for the data, with a postal address")?,
        effective: effective.ok_or_else(|| section.missing("effective", "`effective = 2026-03-01`"))?,
        privacy: section.required("privacy", "whom to ask about privacy: `privacy = \"privacy@example.com\"`")?,
        dpo: section.text("dpo")?,
        security: section.required("security", "where to report a hole: `security = \"security@example.com\"`")?,
        summary: section.texts("summary")?.unwrap_or_default(),
        not_collected: not_collected.ok_or_else(|| {
            section.missing("not_collected", "what your users would fear for: `not_collected = [\"File names\"]`")
        })?,
        commitments: section.texts("commitments")?.unwrap_or_default(),
        announcement: section.text("announcement")?,
        recipients: section.sections("recipients")?.iter().map(recipient).collect::<Result<_, _>>()?,
        assumed_consent: section.text("assumed_consent")?,
        pseudonym_secret: section.text("pseudonym_secret")?,
        times: section.text("times")?.map(|text| time_unit(section, &text)).transpose()?,
    })
}

fn time_unit(section: &Section<'_, '_>, text: &str) -> Result<TimeUnit, InventoryError> {
    let problem = || format!("times are not rounded to `{}`; write one of {}", shown(text), TimeUnit::spellings());
    TimeUnit::parse(text).ok_or_else(|| section.wrong("times", problem()))
}

fn recipient(section: &Section<'_, '_>) -> Result<Recipient, InventoryError> {
    section.only(&["name", "receives", "storage", "retention", "access"])?;
    Ok(Recipient {
        name: section.required("name", "who it is")?,
        receives: section.required("receives", "what they get")?,
        storage: section.required("storage", "where they keep it: `storage = \"ClickHouse in Frankfurt\"`")?,
        retention: section.required("retention", "how long they keep it")?,
        access: section.required("access", "who can see it there")?,
    })
}

fn changes(root: &Section<'_, '_>, version: u32) -> Result<Vec<Change>, InventoryError> {
    let mut changes: Vec<Change> = Vec::new();
    for section in root.sections("changes")? {
        section.only(&["version", "date", "text"])?;
        let number = section.version("version")?.ok_or_else(|| section.missing("version", "`version = 1`"))?;
        let error = |problem| Err(section.source.error(section.place_of("version"), problem));
        if number > version {
            return error(format!("version {number} is newer than the file's own; raise `version` at its top"));
        }
        if changes.iter().any(|change| change.version == number) {
            return error(format!("version {number} is in the change log twice; remove one"));
        }
        changes.push(Change {
            version: number,
            date: section.date("date")?.ok_or_else(|| section.missing("date", "`date = 2026-03-01`"))?,
            text: section.required("text", "what changed")?,
        });
    }
    if !changes.iter().any(|change| change.version == version) {
        let problem = format!(
            "version {version} has no entry in the change log; write `[[changes]]` with `version = {version}`, `date` and `text`"
        );
        return Err(root.source.error(root.place_of("version"), problem));
    }
    changes.sort_by_key(|change| std::cmp::Reverse(change.version));
    Ok(changes)
}

fn record(
    sort: Sort,
    name: String,
    section: &Section<'_, '_>,
    defaults: &Inherited,
    shared: &[Field],
) -> Result<Record, InventoryError> {
    if !section.has("purpose")
        && let Some((part, _)) = section.named(str::to_owned).ok().and_then(|parts| parts.into_iter().next())
        && !RECORD.contains(&part.as_str())
    {
        let whole = super::entry::header(sort, &format!("{name}.{part}"));
        return Err(section.source.error(section.at, format!("a name with dots is written in quotes: `{whole}`")));
    }
    section.only(&RECORD)?;
    if !Policy::standard().findings(&name).is_empty() {
        let problem = format!("the scanner would take `{}` for personal data; choose another name", shown(&name));
        return Err(section.source.error(section.at, problem));
    }
    let facts = facts(section, defaults)?;
    let inherited = Inherited {
        retention: Some(facts.retention.clone()),
        owner: Some(facts.owner.clone()),
        review: facts.review.clone(),
        since: facts.since,
        version: defaults.version,
    };
    let fields = match section.section("fields")? {
        Some(section) => fields(&section, &inherited, &super::entry::header(sort, &name), shared)?,
        None => Vec::new(),
    };
    if let Some(field) = fields.iter().find(|field| shared.iter().any(|shared| shared.key == field.key)) {
        let at = section.section("fields")?.map_or(section.at, |fields| fields.place_of(&field.key));
        let problem = format!("`{}` is declared for every record under `[fields]` already; remove one", field.key);
        return Err(section.source.error(at, problem));
    }
    let local = section.texts("local")?.unwrap_or_default();
    if let Some(both) = fields.iter().find(|field| local.contains(&field.key)) {
        let problem = format!("`{}` is declared and `local` at once; remove one", both.key);
        return Err(section.source.error(section.place_of("local"), problem));
    }
    Ok(Record { sort, name, facts, fields, local })
}

/// Fields, of which no two leave under one key; nor under one that a field around them has.
fn fields(
    section: &Section<'_, '_>,
    inherited: &Inherited,
    owner: &str,
    around: &[Field],
) -> Result<Vec<Field>, InventoryError> {
    let title = |name: &str| format!("the field `{}` of {owner}", shown(name));
    let mut fields: Vec<Field> = Vec::new();
    for (key, part) in section.named(title)? {
        let field = field(key, &part, inherited)?;
        let leaves_as = field.action.rename(&field.key);
        let is_same = |other: &&Field| other.key != field.key && other.action.rename(&other.key) == leaves_as;
        if let Some(other) = around.iter().chain(&fields).find(is_same) {
            let (key, other) = (shown(&field.key), shown(&other.key));
            let problem = format!("`{key}` leaves as `{}`, as `{other}` does; rename one", shown(&leaves_as));
            return Err(section.source.error(section.place_of(&field.key), problem));
        }
        fields.push(field);
    }
    Ok(fields)
}

fn field(key: String, section: &Section<'_, '_>, inherited: &Inherited) -> Result<Field, InventoryError> {
    section.only(&FIELD)?;
    let error = |name: &str, problem: String| section.source.error(section.place_of(name), problem);
    let remedy = format!("one of {}", list(&FieldKind::NAMES));
    let name = section.required("kind", &remedy)?;
    let values = section.texts("values")?;
    let listed = values.as_ref().is_some_and(|values| !values.is_empty());
    match (name.as_str(), listed) {
        ("enum", false) => {
            return Err(error("values", format!("{} lists no values; write `values = [\"..\"]`", section.title)));
        }
        (kind, true) if kind != "enum" => {
            return Err(error("values", format!("only an `enum` has values; {} is of kind `{kind}`", section.title)));
        }
        _ => {}
    }
    if let Some(values) = &values
        && let Some(twice) = values.iter().enumerate().find(|(at, value)| values[..*at].contains(value))
    {
        return Err(error("values", format!("{} lists `{}` twice; remove one", section.title, shown(twice.1))));
    }
    if let Some(long) = values.iter().flatten().find(|value| value.len() > VALUE_CAP) {
        let problem =
            format!("`{}..` is longer than the {VALUE_CAP} bytes of a value that leave; shorten it", shown(long));
        return Err(error("values", problem));
    }
    if let Some(found) = values.iter().flatten().find(|value| !Policy::standard().findings(value).is_empty()) {
        let problem = format!(
            "the scanner would take `{}` for personal data, and it would never leave; choose another word",
            shown(found)
        );
        return Err(error("values", problem));
    }
    let kind = FieldKind::parse(&name, values)
        .ok_or_else(|| error("kind", format!("`{}` is no kind; write {remedy}", shown(&name))))?;
    let action = action(section, &kind)?;
    let reason = section.text("reason")?;
    if !Policy::standard().findings(&key).is_empty() {
        let problem = format!("the scanner would take `{}` for personal data; choose another key", shown(&key));
        return Err(section.source.error(section.at, problem));
    }
    rules::check(&key, &kind, action, reason.as_deref())
        .map_err(|problem| section.source.error(section.at, format!("{} {problem}", section.title)))?;
    let facts = facts(section, inherited)?;
    Ok(Field { key, kind, action, reason, facts })
}

/// What happens to a field of a kind: by itself the first, else what the file says.
fn action(section: &Section<'_, '_>, kind: &FieldKind) -> Result<Action, InventoryError> {
    let allowed: &[&str] = match kind {
        FieldKind::Boolean | FieldKind::Enum(_) => &["keep"],
        FieldKind::Integer | FieldKind::Number => &["keep", "bucket"],
        FieldKind::Id => &["hash", "keep"],
        FieldKind::Time => &["round(day)", "round(hour)", "round(week)", "keep"],
        FieldKind::Word => &["keep", "redact", "generalize"],
        FieldKind::Text => &["keep", "redact", "generalize", "parameterize", "truncate(64)"],
    };
    let name = section.text("action")?;
    let name = name.as_deref().unwrap_or(allowed[0]);
    let action = Action::parse(name).filter(|action| match action {
        Action::Truncate(bytes) => *kind == FieldKind::Text && *bytes > 0,
        _ => allowed.contains(&name),
    });
    action.ok_or_else(|| {
        let (title, shown, list) = (&section.title, shown(name), list(allowed));
        let problem = format!("the action of {title} is `{shown}`; for kind `{kind}` write {list}");
        section.source.error(section.place_of("action"), problem)
    })
}

fn facts(section: &Section<'_, '_>, inherited: &Inherited) -> Result<Facts, InventoryError> {
    let or = |name: &str, default: &Option<String>, remedy: &str| match section.text(name)? {
        Some(own) => Ok(own),
        None => default
            .clone()
            .ok_or_else(|| section.missing(name, &format!("{remedy}, here or for all under `[document]`"))),
    };
    let since = section.version("since")?.unwrap_or(inherited.since);
    if since > inherited.version {
        let problem = format!("{} is newer than the file's own version; raise `version` at its top", section.title);
        return Err(section.source.error(section.place_of("since"), problem));
    }
    if since < inherited.since {
        let problem =
            format!("{} is older than what it is a part of, which is since {}", section.title, inherited.since);
        return Err(section.source.error(section.place_of("since"), problem));
    }
    Ok(Facts {
        line: section.source.line(section.at),
        purpose: section.required("purpose", "what it is good for: `purpose = \"..\"`")?,
        retention: or("retention", &inherited.retention, "how long it is kept: `retention = \"90 days\"`")?,
        owner: or("owner", &inherited.owner, "who answers for it: `owner = \"..\"`")?,
        review: section.text("review")?.or_else(|| inherited.review.clone()),
        since,
        expires: section.date("expires")?,
    })
}
