//! Where rows go on a server.

use std::collections::BTreeMap;

use super::encoder::{Format, Layout};
use super::schema::Schema;
use super::table::Table;

/// Who makes the tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CreateSchema {
    /// Whoever runs the server: nothing is made or checked, and columns that a table does not have are left out.
    Off,
    /// The exporter makes what is missing, before the first insert. It changes nothing that is there.
    #[default]
    IfMissing,
    /// The same, and tables that are there get the retention of [`schema`](super::ClickHouseBuilder::schema) by `ALTER TABLE .. MODIFY
    /// TTL`: the server then drops what is older.
    UpdateRetention,
    /// Whoever runs the server; a table without all columns, or with other types, is not written to.
    Verify,
}

/// Where rows go on the server, and how an insert asks for it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(super) schema: Schema,
    pub(super) layouts: BTreeMap<Table, Layout>,
    pub(super) create_schema: CreateSchema,
    pub(super) insert_settings: Vec<(String, String)>,
    pub(super) token: Token,
}

/// Views tell for themselves whether they know an insert.
const VIEWS_TOO: &str = "deduplicate_blocks_in_dependent_materialized_views";

/// Whether inserts say who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Sent,
    Withheld,
}

impl Default for Target {
    fn default() -> Self {
        // What a server does by default has changed between versions: since 26.2 it may collect rows before it writes them, and
        // since 22.6 it drops columns that it does not know. Before 26.2 a view is not asked again about rows that its table knows
        // already, though it may not have got them.
        let strict = [
            ("async_insert", "0"),
            ("input_format_skip_unknown_fields", "0"),
            ("insert_deduplicate", "1"),
            (VIEWS_TOO, "1"),
        ];
        Target {
            schema: Schema::new(),
            layouts: BTreeMap::new(),
            create_schema: CreateSchema::default(),
            insert_settings: strict.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            token: Token::Sent,
        }
    }
}

impl Target {
    pub(super) fn database(&self) -> &str {
        &self.schema.database
    }

    pub(super) fn table(&self, table: Table) -> &str {
        self.schema.name(table)
    }

    /// Columns of a table that are sent: what they are called here, there, and their types.
    pub(super) fn columns(&self, table: Table) -> Vec<(&'static str, String, String)> {
        let all = Layout::default();
        let layout = self.layouts.get(&table).unwrap_or(&all);
        let sent = |(name, type_name): (&'static str, std::borrow::Cow<'static, str>)| {
            Some((name, layout.name(name)?.to_owned(), type_name.into_owned()))
        };
        Layout::columns(table).into_iter().filter_map(sent).collect()
    }

    /// What is written of a table, and under which names.
    pub(super) fn layout(&self, table: Table) -> Layout {
        self.layouts.get(&table).cloned().unwrap_or_default()
    }

    pub(super) fn create_schema(&self) -> CreateSchema {
        self.create_schema
    }

    /// Settings of an insert in this format. What the application says goes before what the format needs.
    pub(super) fn settings(&self, format: Format) -> impl Iterator<Item = (&str, &str)> {
        let said = |name: &str| self.insert_settings.iter().any(|(one, _)| one == name);
        // From 24.3 to 26.1 a server does not take the two together.
        let is_async = self
            .insert_settings
            .iter()
            .any(|(name, value)| name == "async_insert" && !matches!(value.as_str(), "0" | "false"));
        let own = self.insert_settings.iter().filter(move |(name, _)| !(is_async && name == VIEWS_TOO));
        let needed = format.settings().iter().copied().filter(move |(name, _)| self.sends_token() && !said(name));
        own.map(|(name, value)| (name.as_str(), value.as_str())).chain(needed)
    }

    pub(super) fn sends_token(&self) -> bool {
        self.token == Token::Sent
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.schema
    }
}
