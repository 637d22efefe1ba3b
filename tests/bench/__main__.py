"""Sets Django up, which has to come before any import of the product."""

from __future__ import annotations

import os

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.bench.run import run

    run()


if __name__ == "__main__":
    main()
