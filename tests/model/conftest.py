from __future__ import annotations

import pytest

from charlstm.model import lstm, network


@pytest.fixture
def keras_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a layer that is run by itself be run by Keras, and a stack by the project's kernel."""
    monkeypatch.setattr(network, "use_own_kernel", lambda *_, **__: True)
    monkeypatch.setattr(lstm, "MAX_UNROLLED_STEPS", 0)
    monkeypatch.setattr(lstm, "lstm", None)
