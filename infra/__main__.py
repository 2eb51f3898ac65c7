"""Where `pulumi up` starts. `main: infra/` makes this folder the working directory."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from infra.program import program

program()
