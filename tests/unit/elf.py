# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""As much of ELF and BTF as the checks of the BPF objects need, for both byte orders."""
import struct
from collections import namedtuple

Symbol = namedtuple("Symbol", "name kind binding section")

KINDS = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE"}
BINDINGS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK"}
SHT_SYMTAB = 2


def _string(table, offset):
    return table[offset:table.index(b"\0", offset)].decode()


class Elf:
    """A 64-bit ELF object: `order` is "<" or ">", `sections` maps names to contents."""

    def __init__(self, path):
        data = path.read_bytes()
        assert data[:5] == b"\x7fELF\x02", f"{path} is not a 64-bit ELF file"
        self.order = {1: "<", 2: ">"}[data[5]]
        table, = struct.unpack_from(self.order + "Q", data, 40)
        size, count, names = struct.unpack_from(self.order + "HHH", data, 58)
        headers = [struct.unpack_from(self.order + "IIQQQQIIQQ", data, table + n * size)
                   for n in range(count)]
        contents = [data[h[4]:h[4] + h[5]] for h in headers]
        self.names = [_string(contents[names], h[0]) for h in headers]
        self.sections = dict(zip(self.names, contents))
        self.symbols = [symbol for n, h in enumerate(headers) if h[1] == SHT_SYMTAB
                        for symbol in self._symbols(contents[n], contents[h[6]])]

    def _symbols(self, table, strings):
        for name, info, _, index, _, _ in struct.iter_unpack(self.order + "IBBHQQ", table):
            if name:
                section = self.names[index] if 0 < index < len(self.names) else None
                yield Symbol(_string(strings, name), KINDS.get(info & 15), BINDINGS.get(info >> 4),
                             section)

    def core_relocations(self):
        """Bytes of CO-RE relocations, from the header of .BTF.ext."""
        header = self.sections.get(".BTF.ext", b"")
        if len(header) < 32 or struct.unpack_from(self.order + "I", header, 4)[0] < 32:
            return 0
        return struct.unpack_from(self.order + "I", header, 28)[0]
