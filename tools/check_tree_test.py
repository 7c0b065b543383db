import pathlib
import unittest

import check_tree


class Text(unittest.TestCase):
    def test_finds_hosts_and_folders_of_machines(self):
        host = ".".join(["pypi", "org"])
        folder = "/" + "work/main"
        found = check_tree.check_text(pathlib.Path("a.md"), f"fine\nsee {host}\nin {folder}\n")
        self.assertEqual(len(found), 2)
        self.assertTrue(found[0].startswith("a.md:2:") and found[1].startswith("a.md:3:"))

    def test_relative_paths_and_addresses_pass(self):
        self.assertEqual(check_tree.check_text(pathlib.Path("a.md"), "src/work/x ./home/y http://localhost:8080/root/ $x/work/y"), [])


    def test_a_plain_new_is_found_and_an_owned_one_is_not(self):
        source = pathlib.Path("a.cc")
        self.assertEqual(len(check_tree.check_text(source, "auto* p = new Picture;\nauto* q = new std::vector<int>(3);\n")), 2)
        self.assertEqual(check_tree.check_text(source, "std::shared_ptr<Picture> p(new Picture);  // a new Picture(x)\n"), [])


class Dead(unittest.TestCase):
    def test_a_header_that_nothing_includes(self):
        sources = {pathlib.Path("src/vedette/base/a.h"): "", pathlib.Path("src/vedette/base/b.h"): "",
                   pathlib.Path("src/vedette/base/b.cc"): '#include "vedette/base/b.h"\n'}
        self.assertEqual(check_tree.check_dead(sources), ["src/vedette/base/a.h: nothing includes this header"])

    def test_a_source_where_the_build_does_not_look(self):
        self.assertEqual(check_tree.check_dead({pathlib.Path("src/vedette/base/deep/a.cc"): ""}),
                         ["src/vedette/base/deep/a.cc: lies where the build does not look"])


if __name__ == "__main__":
    unittest.main()
