"""What cannot be read as a file of text is refused in words, whatever the name or the folder."""

from __future__ import annotations

import os
import socket

import pytest

from hocket import WorkflowFileError, load_workflow
from hocket._files import source


def refusal(path):
    with pytest.raises(WorkflowFileError) as caught:
        load_workflow(path)
    (mistake,) = caught.value.mistakes
    return mistake.text


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_refused_unread(name):
    assert "it is a pipe, a device or a socket; write its text to a file first" in refusal(name)


def test_a_pipe_is_refused_and_nobody_waits_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "it is a pipe" in refusal(tmp_path / "pipe")


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # its name must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        assert "a socket" in refusal("socket")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 300, "cannot read the file: File name too long"),
        ("x/" * 4_000, "cannot read the file: File name too long"),
        ("a\0b", "cannot read the file: its name has a null character"),
        ("", "cannot read the file: its name is empty"),
        ("nowhere/none.yaml", "cannot read the file: No such file or directory"),
        ("\udcff.yaml", "cannot read the file: No such file or directory"),
    ],
)
def test_a_name_that_is_none_is_refused(name, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refusal(name) == said


def test_a_name_of_bytes_is_a_name(tmp_path):
    assert "No such file" in refusal(os.fsencode(tmp_path / "none.yaml"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_folder_that_may_not_be_read_is_no_traceback(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0)
    try:
        assert "cannot read the file: Permission denied" in refusal(folder / "workflow.yaml")
    finally:
        folder.chmod(0o700)


def test_whatever_the_system_says_of_a_folder_is_no_traceback(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    for method in ("exists", "is_dir", "iterdir"):
        with monkeypatch.context() as patch:
            patch.setattr(source.Path, method, refuse)
            assert "No such file or directory" in refusal(tmp_path / "none.yaml")


def test_a_folder_that_was_deleted_is_no_traceback(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert "No such file or directory" in refusal("workflow.yaml")


def test_a_file_that_no_workflow_needs_is_refused_before_it_is_read_whole(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(40_000_000)  # a hole, which takes no place on the disk
    assert refusal(path) == "the file is larger than 16 MB"
