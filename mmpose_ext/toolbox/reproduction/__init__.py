"""The papers' tables, row by row: what is printed there, what we count, what was measured."""

from mmpose_ext.toolbox.catalogue.paper_tables import Paper, Table, find_tables
from mmpose_ext.toolbox.reproduction.rows import Counts, Row, load_rows, load_tables
from mmpose_ext.toolbox.reproduction.run import ReproductionReport, reproduce

__all__ = [
    "Counts",
    "Paper",
    "ReproductionReport",
    "Row",
    "Table",
    "find_tables",
    "load_rows",
    "load_tables",
    "reproduce",
]
