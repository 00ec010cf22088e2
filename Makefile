.PHONY: check quick fix tables

check:  ## what CI runs
	.ci/run

quick:  ## the same without the slow tests
	.ci/run quick

fix:  ## what can be repaired by a program
	uv run ruff check --fix
	uv run ruff format
	$(MAKE) tables

tables:  ## write the tables of the READMEs from the metafiles
	uv run python -W ignore tools/generate_tables.py
