//! Changes of the schema: what CREATE, DROP and ALTER ask for, checked against the catalog.

use std::sync::Arc;

use manicule_engine::{
    Column, ColumnType, IndexColumn, IndexDefinition, IndexId, IndexMethod, TableDefinition, TableId, TableSchema,
    ViewSchema,
};
use manicule_query::expr::Expr;
use manicule_query::plan::Bound;
use sqlparser::ast::{
    self, AlterTableOperation, ColumnOption, CreateIndex, CreateTable, CreateView, IndexType, ObjectType,
    RenameTableNameKind, TableConstraint,
};

use super::change::refuse;
use super::{Binder, literal, names, object_ident};
use crate::error::{Error, Result};
use crate::limits::{COLUMNS_MAX, too_complex};
use crate::parse::{self, Parameters};
use crate::split::levels_of;
use crate::stack::with_room_for;

/// A change of the schema, ready to be made.
#[derive(Debug)]
pub(crate) enum SchemaChange {
    CreateTable(TableDefinition),
    CreateTableAs {
        name: String,
        query: Box<Bound>,
    },
    DropTables(Vec<TableId>),
    DeleteAll(TableId),
    CreateIndex {
        table: TableId,
        definition: IndexDefinition,
    },
    DropIndexes(Vec<IndexId>),
    CreateView(ViewSchema),
    DropViews(Vec<String>),
    AddColumn {
        table: TableId,
        column: Column,
    },
    DropColumn {
        table: TableId,
        column: usize,
    },
    RenameColumn {
        table: TableId,
        column: usize,
        name: String,
    },
    RenameTable {
        table: TableId,
        name: String,
    },
    /// What is asked for is so already.
    Nothing,
}

impl<'a> Binder<'a> {
    /// Binds a change of the schema.
    pub(crate) fn schema_change(mut self, statement: &'a ast::Statement) -> Result<SchemaChange> {
        if self.parameters.count > 0 {
            return Err(Error::invalid("a parameter is not allowed here", "42P02"));
        }
        match statement {
            ast::Statement::CreateTable(create) => self.create_table(create),
            ast::Statement::CreateIndex(create) => self.create_index(create),
            ast::Statement::CreateView(create) => self.create_view(create),
            ast::Statement::AlterTable(alter) => self.alter_table(alter),
            ast::Statement::Drop { object_type, if_exists, names, .. } => self.drop(*object_type, *if_exists, names),
            ast::Statement::Truncate(truncate) => match truncate.table_names.as_slice() {
                [target] => Ok(SchemaChange::DeleteAll(self.table(&target.name)?.id)),
                _ => Err(Error::not_supported("TRUNCATE of several tables")),
            },
            _ => Err(Error::not_supported("this statement")),
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        self.catalog.table(name).is_some() || self.catalog.view(name).is_some()
    }

    fn create_table(mut self, create: &'a CreateTable) -> Result<SchemaChange> {
        let refused = [
            ("CREATE OR REPLACE TABLE", create.or_replace),
            ("a temporary table", create.temporary),
            ("an external table", create.external),
            ("CREATE TABLE … LIKE", create.like.is_some() || create.clone.is_some()),
        ];
        refuse(&refused)?;
        let ident = object_ident(&create.name)?;
        if self.is_taken(&ident.value) {
            if create.if_not_exists {
                return Ok(SchemaChange::Nothing);
            }
            return Err(Error::duplicate("table", &ident.value).at(self.span(ident)));
        }
        let name = ident.value.clone();
        if let Some(query) = &create.query {
            refuse(&[("CREATE TABLE AS with columns", !create.columns.is_empty())])?;
            let bound = self.query(query)?.0;
            let query = Box::new(self.finish(manicule_query::plan::Statement::Query(bound)));
            return Ok(SchemaChange::CreateTableAs { name, query });
        }
        if create.columns.len() > COLUMNS_MAX {
            return Err(too_complex("too many columns", COLUMNS_MAX));
        }
        let mut definition = TableDefinition { name, ..TableDefinition::default() };
        for column in &create.columns {
            self.table_column(&mut definition, column)?;
        }
        for constraint in &create.constraints {
            self.table_constraint(&mut definition, constraint)?;
        }
        self.try_checks(&definition)?;
        Ok(SchemaChange::CreateTable(definition))
    }

    fn table_column(&mut self, definition: &mut TableDefinition, ast: &'a ast::ColumnDef) -> Result<()> {
        let position = definition.columns.len();
        if definition.columns.iter().any(|column| column.name.eq_ignore_ascii_case(&ast.name.value)) {
            return Err(Error::duplicate("column", &ast.name.value).at(self.span(&ast.name)));
        }
        let column = self.column(ast)?;
        definition.columns.push(column);
        for option in &ast.options {
            match &option.option {
                ColumnOption::PrimaryKey(_) if !definition.primary_key.is_empty() => {
                    return Err(Error::invalid("a table has one primary key", "42P16").at(self.span(&ast.name)));
                }
                ColumnOption::PrimaryKey(_) => definition.primary_key.push(position),
                ColumnOption::Unique(_) => definition.unique.push(vec![position]),
                ColumnOption::Check(check) => definition.checks.push(check.expr.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// A column's name, type, default and NOT NULL.
    fn column(&mut self, ast: &'a ast::ColumnDef) -> Result<Column> {
        let column_type = literal::column_type(&ast.data_type).map_err(|error| error.at(self.span(&ast.name)))?;
        let mut column = Column::new(ast.name.value.clone(), column_type);
        for option in &ast.options {
            match &option.option {
                ColumnOption::NotNull => column.not_null = true,
                ColumnOption::Default(value) => self.set_default(&mut column, value)?,
                ColumnOption::Collation(name) if !name.to_string().eq_ignore_ascii_case("binary") => {
                    return Err(Error::not_supported(format!("COLLATE {name}")));
                }
                ColumnOption::ForeignKey(_) => {
                    return Err(Error::not_supported("a foreign key").at(self.span(&ast.name)));
                }
                ColumnOption::Generated { .. } | ColumnOption::Identity(_) => {
                    return Err(Error::not_supported("a generated column").at(self.span(&ast.name)));
                }
                // Every number is one more than the greatest so far, with the word and without.
                ColumnOption::DialectSpecific(_) if column_type == ColumnType::Integer && is_primary_key(ast) => {}
                option @ ColumnOption::DialectSpecific(_) => {
                    let message = format!("{option} is for an INTEGER PRIMARY KEY");
                    return Err(Error::invalid(message, "42P16").at(self.span(&ast.name)));
                }
                _ => {}
            }
        }
        Ok(column)
    }

    fn set_default(&mut self, column: &mut Column, ast: &'a ast::Expr) -> Result<()> {
        let expr = self.default_expr(ast, column.column_type)?;
        let value = manicule_query::evaluate_now(&expr)?;
        column.default = manicule_query::coerce_for_storage(value, column.column_type).into_owned();
        let written = match ast {
            ast::Expr::Nested(inner) => inner,
            other => other,
        };
        column.default_sql = (!expr.is_constant()).then(|| written.to_string());
        Ok(())
    }

    fn default_expr(&mut self, ast: &'a ast::Expr, column_type: ColumnType) -> Result<Expr> {
        let expr = self.constant_expr(ast)?;
        refuse(&[("a query in DEFAULT", expr.has_subquery())])?;
        self.fit_stored(expr, column_type)
    }

    /// What an INSERT puts into each column of a table that it does not name.
    pub(super) fn defaults(&mut self, table: &TableSchema) -> Result<Vec<Expr>> {
        let mut defaults = Vec::with_capacity(table.columns.len());
        for column in &table.columns {
            defaults.push(match &column.default_sql {
                None => Expr::Literal(column.default.clone()),
                Some(sql) => self.default_text(sql, column.column_type)?,
            });
        }
        Ok(defaults)
    }

    fn default_text(&mut self, sql: &str, column_type: ColumnType) -> Result<Expr> {
        with_room_for(levels_of(sql), || {
            let ast = parse::parse_expression(sql).map_err(Error::without_span)?;
            let parameters = Parameters::default();
            self.with_text(sql, &parameters, |binder| binder.default_expr(&ast, column_type))
        })
    }

    fn table_constraint(&mut self, definition: &mut TableDefinition, constraint: &'a TableConstraint) -> Result<()> {
        match constraint {
            TableConstraint::PrimaryKey(_) if !definition.primary_key.is_empty() => {
                return Err(Error::invalid("a table has one primary key", "42P16"));
            }
            TableConstraint::PrimaryKey(key) => definition.primary_key = self.key_columns(definition, &key.columns)?,
            TableConstraint::Unique(key) => definition.unique.push(self.key_columns(definition, &key.columns)?),
            TableConstraint::Check(check) => definition.checks.push(check.expr.to_string()),
            TableConstraint::ForeignKey(_) => return Err(Error::not_supported("a foreign key")),
            _ => return Err(Error::not_supported("this constraint")),
        }
        Ok(())
    }

    fn key_columns(&self, definition: &TableDefinition, columns: &'a [ast::IndexColumn]) -> Result<Vec<usize>> {
        let mut positions = Vec::with_capacity(columns.len());
        for column in columns {
            let ident = index_ident(column)?;
            let names = || definition.columns.iter().map(|column| column.name.as_str());
            let position = names().position(|name| name.eq_ignore_ascii_case(&ident.value));
            let position = position.ok_or_else(|| {
                Error::unknown("column", &ident.value).at(self.span(ident)).suggesting(&ident.value, names())
            })?;
            if positions.contains(&position) {
                return Err(Error::duplicate("column", &ident.value).at(self.span(ident)));
            }
            positions.push(position);
        }
        Ok(positions)
    }

    /// Binds each CHECK once, so that a wrong one is found now.
    fn try_checks(&mut self, definition: &TableDefinition) -> Result<()> {
        let table = Arc::new(TableSchema {
            id: TableId(0),
            name: definition.name.clone(),
            columns: definition.columns.clone(),
            primary_key: Vec::new(),
            checks: Vec::new(),
            indexes: Vec::new(),
        });
        let slot = self.table_slot(&table);
        for sql in &definition.checks {
            self.check_text(&table, slot, sql)?;
        }
        Ok(())
    }

    fn create_index(&self, create: &'a CreateIndex) -> Result<SchemaChange> {
        let refused = [
            ("an index of some rows", create.predicate.is_some()),
            ("INCLUDE", !create.include.is_empty()),
            ("CONCURRENTLY", create.concurrently),
            ("an option of CREATE INDEX", !create.with.is_empty() || !create.alter_options.is_empty()),
        ];
        refuse(&refused)?;
        let table = self.table(&create.table_name)?;
        let mut columns = Vec::with_capacity(create.columns.len());
        for column in &create.columns {
            let descending = match &column.column.options.sort {
                None | Some(ast::OrderBySort::Asc) => false,
                Some(ast::OrderBySort::Desc) => true,
                Some(_) => return Err(Error::not_supported("this order of an index")),
            };
            let column = self.column_of(table, index_ident(column)?)?;
            columns.push(IndexColumn { column, descending });
        }
        let name = match &create.name {
            None => self.index_name(table, &columns),
            Some(name) => object_ident(name)?.value.clone(),
        };
        if self.catalog.index(&name).is_some() {
            if create.if_not_exists {
                return Ok(SchemaChange::Nothing);
            }
            return Err(Error::duplicate("index", &name));
        }
        let method = index_method(create)?;
        let definition = IndexDefinition { name, columns, unique: create.unique, method };
        Ok(SchemaChange::CreateIndex { table: table.id, definition })
    }

    /// `TABLE_COLUMN_idx`, with a number where that is taken.
    fn index_name(&self, table: &TableSchema, columns: &[IndexColumn]) -> String {
        let columns: Vec<&str> = columns.iter().map(|key| table.columns[key.column].name.as_str()).collect();
        let base = format!("{}_{}_idx", table.name, columns.join("_"));
        if self.catalog.index(&base).is_none() {
            return base;
        }
        let mut names = (2_u32..).map(|number| format!("{base}{number}"));
        names.find(|name| self.catalog.index(name).is_none()).expect("there are more numbers than indexes")
    }

    fn create_view(mut self, create: &'a CreateView) -> Result<SchemaChange> {
        refuse(&[("CREATE OR REPLACE VIEW", create.or_replace), ("a materialized view", create.materialized)])?;
        let ident = object_ident(&create.name)?;
        if self.is_taken(&ident.value) {
            if create.if_not_exists {
                return Ok(SchemaChange::Nothing);
            }
            return Err(Error::duplicate("view", &ident.value).at(self.span(ident)));
        }
        let (query, _) = self.query(&create.query)?;
        let columns: Vec<String> = create.columns.iter().map(|column| column.name.value.clone()).collect();
        if !columns.is_empty() && columns.len() != query.columns.len() {
            let kind = crate::error::ErrorKind::ColumnCount { expected: query.columns.len(), found: columns.len() };
            return Err(Error::new(kind));
        }
        let sql = names::after_as(self.text).map_or_else(|| create.query.to_string(), str::to_owned);
        Ok(SchemaChange::CreateView(ViewSchema { name: ident.value.clone(), columns, sql }))
    }

    fn drop(&self, object_type: ObjectType, if_exists: bool, names: &'a [ast::ObjectName]) -> Result<SchemaChange> {
        let mut tables = Vec::new();
        let mut indexes = Vec::new();
        let mut views = Vec::new();
        for name in names {
            let ident = object_ident(name)?;
            let found = match object_type {
                ObjectType::Table => self.catalog.table(&ident.value).map(|table| tables.push(table.id)),
                ObjectType::Index => self.catalog.index(&ident.value).map(|(_, index)| indexes.push(index.id)),
                ObjectType::View => self.catalog.view(&ident.value).map(|view| views.push(view.name.clone())),
                _ => return Err(Error::not_supported(format!("DROP {object_type}"))),
            };
            if found.is_none() && !if_exists {
                return Err(self.unknown_object(object_type, ident));
            }
        }
        Ok(match object_type {
            ObjectType::Table => SchemaChange::DropTables(tables),
            ObjectType::Index => SchemaChange::DropIndexes(indexes),
            _ => SchemaChange::DropViews(views),
        })
    }

    fn unknown_object(&self, object_type: ObjectType, ident: &ast::Ident) -> Error {
        let tables = self.catalog.tables();
        let (what, names): (_, Vec<&str>) = match object_type {
            ObjectType::Index => {
                ("index", tables.flat_map(|table| &table.indexes).map(|index| index.name.as_str()).collect())
            }
            ObjectType::View => ("view", self.catalog.views().map(|view| view.name.as_str()).collect()),
            _ => ("table", tables.map(|table| table.name.as_str()).collect()),
        };
        Error::unknown(what, &ident.value).at(self.span(ident)).suggesting(&ident.value, names)
    }

    fn alter_table(&mut self, alter: &'a ast::AlterTable) -> Result<SchemaChange> {
        let ident = object_ident(&alter.name)?;
        if alter.if_exists && self.catalog.table(&ident.value).is_none() {
            return Ok(SchemaChange::Nothing);
        }
        let table = self.table(&alter.name)?;
        let [operation] = alter.operations.as_slice() else {
            return Err(Error::not_supported("more than one change in one ALTER TABLE"));
        };
        match operation {
            AlterTableOperation::AddColumn { if_not_exists, column_def, .. } => {
                if table.column_index(&column_def.name.value).is_some() {
                    if *if_not_exists {
                        return Ok(SchemaChange::Nothing);
                    }
                    return Err(Error::duplicate("column", &column_def.name.value).at(self.span(&column_def.name)));
                }
                Ok(SchemaChange::AddColumn { table: table.id, column: self.added_column(column_def)? })
            }
            AlterTableOperation::DropColumn { column_names, if_exists, .. } => match column_names.as_slice() {
                [name] if *if_exists && table.column_index(&name.value).is_none() => Ok(SchemaChange::Nothing),
                [name] => {
                    let column = self.column_of(table, name)?;
                    let mut changed = TableSchema::clone(table);
                    changed.columns.remove(column);
                    self.keep_checks(table, changed, ("column", name))?;
                    Ok(SchemaChange::DropColumn { table: table.id, column })
                }
                _ => Err(Error::not_supported("DROP of several columns at once")),
            },
            AlterTableOperation::RenameColumn { old_column_name, new_column_name } => {
                let column = self.column_of(table, old_column_name)?;
                let mut changed = TableSchema::clone(table);
                changed.columns[column].name.clone_from(&new_column_name.value);
                self.keep_checks(table, changed, ("column", old_column_name))?;
                Ok(SchemaChange::RenameColumn { table: table.id, column, name: new_column_name.value.clone() })
            }
            AlterTableOperation::RenameTable {
                table_name: RenameTableNameKind::To(name) | RenameTableNameKind::As(name),
            } => {
                let new = object_ident(name)?;
                if self.is_taken(&new.value) {
                    return Err(Error::duplicate("table", &new.value).at(self.span(new)));
                }
                let changed = TableSchema { name: new.value.clone(), ..TableSchema::clone(table) };
                self.keep_checks(table, changed, ("table", ident))?;
                Ok(SchemaChange::RenameTable { table: table.id, name: new.value.clone() })
            }
            _ => Err(Error::not_supported("this change of ALTER TABLE")),
        }
    }

    /// Refuses to take away a name that a CHECK of the table has: its text stays as it is.
    fn keep_checks(
        &mut self,
        table: &Arc<TableSchema>,
        changed: TableSchema,
        (what, name): (&str, &ast::Ident),
    ) -> Result<()> {
        let changed = Arc::new(changed);
        let (slot, changed_slot) = (self.table_slot(table), self.table_slot(&changed));
        for sql in &table.checks {
            if self.check_text(table, slot, sql).is_ok() && self.check_text(&changed, changed_slot, sql).is_err() {
                let message = format!("{what} {} is named by CHECK ({sql})", name.value);
                return Err(Error::invalid(message, "2BP01").at(self.span(name)));
            }
        }
        Ok(())
    }

    fn added_column(&mut self, ast: &'a ast::ColumnDef) -> Result<Column> {
        let refused = ast.options.iter().any(|option| {
            matches!(option.option, ColumnOption::PrimaryKey(_) | ColumnOption::Unique(_) | ColumnOption::Check(_))
        });
        refuse(&[("ADD COLUMN with a constraint other than NOT NULL", refused)])?;
        self.column(ast)
    }
}

fn index_ident(column: &ast::IndexColumn) -> Result<&ast::Ident> {
    match &column.column.expr {
        ast::Expr::Identifier(ident) => Ok(ident),
        _ => Err(Error::not_supported("an index of an expression")),
    }
}

fn is_primary_key(column: &ast::ColumnDef) -> bool {
    column.options.iter().any(|option| matches!(option.option, ColumnOption::PrimaryKey(_)))
}

/// The structures that USING asks for; without it, what serves most questions.
fn index_method(create: &CreateIndex) -> Result<IndexMethod> {
    let option = create.index_options.iter().find_map(|option| match option {
        ast::IndexOption::Using(index_type) => Some(index_type),
        _ => None,
    });
    match create.using.as_ref().or(option) {
        None if create.unique => Ok(IndexMethod::HashAndTree),
        None | Some(IndexType::BTree) => Ok(IndexMethod::Tree),
        Some(IndexType::Hash) => Ok(IndexMethod::Hash),
        Some(IndexType::Custom(name)) if name.value.eq_ignore_ascii_case("tree") => Ok(IndexMethod::Tree),
        Some(other) => {
            Err(Error::not_supported(format!("USING {other}")).with_hint("an index is USING HASH or USING TREE"))
        }
    }
}
