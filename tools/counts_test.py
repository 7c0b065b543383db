import unittest

import count_junit
import count_node
import run_unit_tests


class Counts(unittest.TestCase):
    def test_junit(self):
        text = "<testsuites><testsuite><testcase/><testcase><failure/></testcase><testcase><error/></testcase>" \
               "<testcase><skipped/></testcase></testsuite></testsuites>"
        self.assertEqual(count_junit.count(text), (1, 2, 1))

    def test_node(self):
        self.assertEqual(count_node.count("# tests 5\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n"), (3, 1, 1))

    def test_playwright(self):
        self.assertEqual(count_node.count("Running 4 tests\n\n  1 failed\n    a.spec.ts\n  1 skipped\n  2 passed (3.1s)\n"), (2, 1, 1))

    def test_gtest(self):
        tests = [{"status": "RUN", "result": "COMPLETED"}, {"status": "RUN", "result": "SKIPPED"},
                 {"status": "RUN", "result": "COMPLETED", "failures": [{}]}, {"status": "NOTRUN", "result": "SUPPRESSED"}]
        self.assertEqual(run_unit_tests.count({"testsuites": [{"testsuite": tests}]}), (1, 1, 1))


if __name__ == "__main__":
    unittest.main()
