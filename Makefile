.PHONY: check ci fix tables

check:  ## what CI runs, without the slow tests
	.ci/run quick

ci:  ## all that CI runs
	.ci/run

fix:  ## what can be repaired by a program
	uv run ruff check --fix
	uv run ruff format
	$(MAKE) tables

tables:  ## write the tables of the READMEs from the metafiles
	uv run python -W ignore tools/generate_tables.py
