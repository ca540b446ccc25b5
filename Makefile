# The shop's commands; `make` alone lists them.
PYTHON ?= python3
IN := .venv/bin
RASA := .venv-rasa/bin/python -m rasa
PIN := --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --no-header
unexport PYTHONDONTWRITEBYTECODE
export RASA_TELEMETRY_ENABLED := false
export SQLALCHEMY_SILENCE_UBER_WARNING := 1
export TF_CPP_MIN_LOG_LEVEL := 3

.PHONY: help env run train test test-stories test-parts check bench bench-bot bench-channels bench-crowd bench-trade bench-training bench-serving report-nlu lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile

env: ## Build both environments from their locks (done by the others when needed)
	@$(PYTHON) deploy/bootstrap.py

run: env ## Start the shop: bot, actions and app; PORT=9000 moves all three
	@$(IN)/xiaoer up

train: env ## Train the bot again
	@$(IN)/xiaoer train

test: env ## Run every test there is: training data, stories, the bot's parts, all the rest
	$(IN)/xiaoer train --if-changed
	@$(MAKE) --no-print-directory --jobs 2 test-stories test-parts
	$(IN)/python -m pytest -n auto --maxprocesses 4 --dist loadgroup --no-loadscope-reorder

test-stories:
	$(RASA) data validate --fail-on-warnings --config config.yml --domain bot/domain --data nlu_data bot/rules bot/stories
	$(RASA) test core --fail-on-prediction-errors --no-plot --model models --stories tests/stories --out var/stories

test-parts:
	.venv-rasa/bin/python -m pytest -c /dev/null --rootdir . --confcutdir tests/bot -p no:cacheprovider tests/bot

check: env ## Look for faults without running anything: format, lint, types, floors
	$(IN)/ruff format --check .
	$(IN)/ruff check .
	$(IN)/mypy
	$(IN)/lint-imports --no-logo

bench: env ## Measure answers, memory and a burst against the limits
	@$(IN)/python -m bench

bench-bot: env ## Measure the bot beside a stock Rasa project; EPOCHS=1 trains that in minutes, not an hour
	@$(IN)/python -m bench.bot --epochs $(or $(EPOCHS),100)

bench-channels: env ## 10,000 turns over three channels and three apps while everything fails; TURNS=500 for fewer
	@$(IN)/python -m bench.channels --turns $(or $(TURNS),10000)

bench-crowd: env ## 500 web shoppers connected at once: the app's share of a turn, memory of a connection
	@$(IN)/python -m bench.channels.crowd

bench-trade: env ## Orders per second beside the database alone, and what else trade must keep to; SECONDS=5 for less
	@$(IN)/python -m bench.trade --seconds $(or $(SECONDS),20)

bench-training: env ## The review with 100,000 messages: its pages, a decision, grouping 5,000
	@$(IN)/python -m bench.training

bench-serving: env ## Two replicas of the bot, 20 turns a second, through a promotion and a roll-back; RATE=5 for less
	@$(IN)/python -m bench.serving --rate $(or $(RATE),20)

report-nlu: env ## Write how well the bot understands to var/report-nlu.html, with what more sentences bring
	@$(IN)/xiaoer train --if-changed
	@.venv-rasa/bin/python -m bot.report

lock: env ## Bring both locks up to date with requirements/*.in
	$(IN)/uv pip compile $(PIN) --universal --python-version 3.11 requirements/app.in -o requirements/app.txt
	$(IN)/uv pip compile $(PIN) --python-version 3.10 requirements/bot.in -o requirements/bot.txt

clean: ## Remove environments, models and caches; the shop's data in var/ stays
	rm -rf .venv .venv-rasa models .rasa .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
