"""Sets Django up, which has to come before any import of the product."""

from __future__ import annotations

import os
import sys

import django


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    from tests.fuzz.run import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
