"""Exchange: what another program may change of a file without changing what it says."""

from __future__ import annotations

import io
import json
from pathlib import Path

from farm.exchange import exchange
from farm.exchange.importer import import_files
from farm.store.store import Store
from tests.conftest import make_result
from tests.unit.exchange_samples import make_run


def test_a_header_may_be_written_otherwise(tmp_path: Path) -> None:
    # Given a file of which another program wrote the header: with blanks, its keys turned round
    run = make_run()
    out = io.BytesIO()
    with Store(f"sqlite:///{tmp_path}/here.db") as here:
        here.add_run(run)
        here.add_results(run.id, [make_result(job) for job in run.jobs("p100")])
        exchange.write(here, [run], out)
    head, *rest = out.getvalue().decode().splitlines()
    said = dict(reversed(json.loads(head).items()))
    file = tmp_path / "other.jsonl"
    file.write_text("\n".join([f"  {json.dumps(said)}", *rest]))
    # When it is imported
    with Store(f"sqlite:///{tmp_path}/there.db") as there:
        [imported] = import_files(there, [str(file)])
    # Then it is what it was
    assert imported.new == imported.results == 3
