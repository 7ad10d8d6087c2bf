"""README.md and the pages under docs/ are tests: what they show is run."""

import pytest

pytest.register_assert_rewrite("tests.project.pages")

from tests.project.pages import PAGES  # noqa: E402

pytest_collect_file = PAGES.pytest()
