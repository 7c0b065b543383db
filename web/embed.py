#!/usr/bin/env python3
"""Writes the files of a built page as one C++ file that defines vedette::console::web_assets(). The same input gives the same
bytes: embed.py DIST OUT.cc"""

import gzip
import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
}


def literal(data: bytes) -> str:
    """A C++ string literal of any bytes; octal escapes of three digits need no care for what follows."""
    lines = [data[i : i + 64] for i in range(0, len(data), 64)]
    return "\n".join('      "' + "".join(f"\\{byte:03o}" for byte in line) + '"' for line in lines)


def main() -> None:
    dist, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = sorted(path for path in dist.rglob("*") if path.is_file())
    if not any(path.name == "index.html" for path in files):
        sys.exit(f"embed.py: {dist} holds no index.html")
    rows = []
    for path in files:
        if path.suffix not in TYPES:
            sys.exit(f"embed.py: no media type is known for {path.name}: add it to TYPES")
        packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        etag = hashlib.sha256(packed).hexdigest()[:16]
        name = "/" + path.relative_to(dist).as_posix()
        rows.append(
            f'    {{"{name}", "{TYPES[path.suffix]}", "\\"{etag}\\"", std::string_view(\n{literal(packed)}, {len(packed)})}},'
        )
    body = "\n".join(rows)
    out.write_text(
        "// Made by web/embed.py from the built page. Do not edit.\n"
        '#include "vedette/console/assets.h"\n\n'
        "namespace vedette::console {\nnamespace {\n"
        f"constexpr Asset kAssets[] = {{\n{body}\n}};\n"
        "}  // namespace\n\nstd::span<const Asset> web_assets() { return kAssets; }\n\n}  // namespace vedette::console\n"
    )


if __name__ == "__main__":
    main()
