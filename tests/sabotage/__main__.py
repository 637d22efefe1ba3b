"""``make sabotage``: see run.py."""

import sys

from tests.sabotage.run import main

sys.exit(main(sys.argv[1:]))
