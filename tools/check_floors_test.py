import pathlib
import unittest

import check_floors

PAGE = """
```
src/vedette/
  base/     time, errors                    floor 0
  infer/    sessions (ONNX Runtime)         floor 2: no threads
  track/    Kalman                          floor 2
  cli/      main                            floor 7
```
"""
FLOORS = check_floors.read_floors(PAGE)


def faults(path, text):
    return check_floors.check_includes(pathlib.Path(path), text, FLOORS)


class Floors(unittest.TestCase):
    def test_reads_the_house_listing(self):
        self.assertEqual(FLOORS, {"base": 0, "infer": 2, "track": 2, "cli": 7})

    def test_a_lower_floor_and_the_own_folder_are_allowed(self):
        self.assertEqual(faults("infer/a.cc", '#include "vedette/base/error.h"\n#include "vedette/infer/a.h"\n#include <vector>\n'), [])

    def test_the_same_floor_is_refused(self):
        self.assertEqual(faults("infer/a.cc", '\n#include "vedette/track/sort.h"\n'),
                         ["src/vedette/infer/a.cc:2: infer (floor 2) includes track of its own floor (2)"])

    def test_a_higher_floor_is_refused(self):
        self.assertEqual(faults("base/a.h", '#include "vedette/cli/main.h"\n'),
                         ["src/vedette/base/a.h:1: base (floor 0) includes cli of a higher floor (7)"])

    def test_an_unlisted_folder_and_a_short_include_are_refused(self):
        self.assertIn("not in docs/architecture.md", faults("base/a.h", '#include "vedette/utils/x.h"\n')[0])
        self.assertIn('write "error.h"', faults("base/a.h", '#include "error.h"\n')[0])

    def test_generated_protobuf_headers_pass(self):
        self.assertEqual(faults("base/a.cc", '#include "onnx.pb.h"\n'), [])


class Circles(unittest.TestCase):
    def test_finds_a_circle_behind_an_entry(self):
        self.assertEqual(check_floors.find_circle({"a": ["b"], "b": ["c"], "c": ["b"]}), ["b", "c", "b"])

    def test_a_diamond_is_none(self):
        self.assertIsNone(check_floors.find_circle({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}))


if __name__ == "__main__":
    unittest.main()
