"""Files as seen from inside: what the tools inside complain about becomes the Python exception it means."""

import errno
import posixpath

_SPECIAL = "not a regular file"
_MEANING: tuple[tuple[str, type[OSError], int], ...] = (
    ("No such file or directory", FileNotFoundError, errno.ENOENT),
    ("Not a directory", FileNotFoundError, errno.ENOTDIR),
    ("Too many levels of symbolic links", FileNotFoundError, errno.ELOOP),
    ("Is a directory", IsADirectoryError, errno.EISDIR),
    ("File exists", FileExistsError, errno.EEXIST),
    ("Permission denied", PermissionError, errno.EACCES),
    ("Operation not permitted", PermissionError, errno.EPERM),
    ("Read-only file system", PermissionError, errno.EROFS),
    ("Text file busy", PermissionError, errno.ETXTBSY),
    ("No space left on device", OSError, errno.ENOSPC),
    ("Disk quota exceeded", OSError, errno.EDQUOT),
    ("File too large", OSError, errno.EFBIG),
    ("File name too long", OSError, errno.ENAMETOOLONG),
)


def absolute(path: str) -> str:
    """Relative paths start in the workspace."""
    if not path or "\0" in path:
        raise ValueError("A path must be a text without NUL.")
    return posixpath.join("/workspace", path)


def encoded(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def complaint(path: str, text: str, exit_code: int | None) -> Exception:
    if _SPECIAL in text.splitlines():
        return ValueError(f"{path} is not a regular file.")
    for words, kind, number in _MEANING:
        # The path itself may contain such words: only the end of a line counts.
        if any(line.endswith(words) for line in text.splitlines()):
            return kind(number, words, path)
    return OSError(errno.EIO, text.strip()[-300:] or f"ended with exit code {exit_code}", path)
