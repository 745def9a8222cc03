"""Fill tables by the hundred thousand, from one row that the product itself has written."""


def clone(cursor, table: str, template: int, changes: dict[str, str], source: str, where: str = "true") -> None:
    """Insert what ``source`` yields into the table: each column as SQL in ``changes`` says, else as in the template."""
    cursor.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_generated = 'NEVER' AND (is_identity = 'NO' OR column_name = ANY(%s))",
        [table, list(changes)],
    )
    names = [name for (name,) in cursor.fetchall()]
    assert set(changes) <= set(names), set(changes) - set(names)
    values = ", ".join(changes.get(name, f'row."{name}"') for name in names)
    columns = ", ".join(f'"{name}"' for name in names)
    cursor.execute(
        f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS row, {source} "  # noqa: S608 (own words)
        f"WHERE row.id = {template} AND {where}"
    )
