"""What a write costs on the local BigQuery: nothing of what the table holds already."""

from tests import bigquery
from tests.functions.royalties.events import played


def test_a_write_copies_no_table_aside(warehouse: bigquery.Warehouse):
    def tables() -> int:
        (row,) = warehouse.statements.rows("SELECT COUNT(*) AS tables FROM duckdb_tables()")
        return row["tables"]

    before = tables()
    warehouse.insert([played(1), played(2)])
    warehouse.insert([played(3)])
    name = f"`{warehouse.name('events')}.track_played`"
    warehouse.statements.rows(f"DELETE FROM {name} WHERE event_id = 'event-2'")
    assert tables() == before
    (row,) = warehouse.statements.rows(f"SELECT COUNT(*) AS plays FROM {name}")
    assert row["plays"] == 2
