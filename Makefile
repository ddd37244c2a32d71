# What can be done here; each line calls a script that a person could call.
.PHONY: help up down test lint types bench docs

help:  ## show this
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

up:  ## start OpsCore; Ctrl-C stops it
	bin/up

down:  ## stop an OpsCore that runs in the background
	bin/down

test:  ## set up and run all tests
	bin/test

lint:  ## check style and form
	bin/_run --dev ruff check
	bin/_run --dev ruff format --check

types:  ## check types
	bin/_run --dev mypy

bench:  ## measure speed, side by side with what it is compared to
	bin/_run --dev bench

docs:  ## write the generated pages again
	bin/_run docs.generate
