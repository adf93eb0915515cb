#!/usr/bin/env python3
"""Each rule of style.py must see a planted violation, and must not see one in what is right."""

import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import style  # noqa: E402

FUNCTION = "int answer() {{\n{body}  return 1;\n}}\n"


class Planted(unittest.TestCase):
    def findings(self, files):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory)
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text, encoding="utf-8")
            return [(finding.path, finding.line, finding.rule) for finding in style.findings(root)]

    def assert_found(self, rule, path, text, line=1, others=None):
        self.assertIn((path, line, rule), self.findings({path: text, **(others or {})}))

    def assert_clean(self, path, text, others=None):
        self.assertEqual([], self.findings({path: text, **(others or {})}))


class Lengths(Planted):
    def test_a_function_of_71_lines_is_too_long(self):
        self.assert_found("function-length", "libs/a/src/a.cpp", FUNCTION.format(body="  step();\n" * 68))

    def test_a_function_of_70_lines_is_not(self):
        self.assert_clean("libs/a/src/a.cpp", FUNCTION.format(body="  step();\n" * 67))

    def test_a_constructor_with_braced_initialisers_is_measured_by_its_body(self):
        text = "Machine::Machine(int a)\n    : a_{a}, b_{1} {\n" + "  step();\n" * 69 + "}\n"
        self.assert_found("function-length", "libs/a/src/a.cpp", text, line=2)

    def test_a_lambda_counts_with_its_function(self):
        body = "  auto f = [&] {\n" + "    step();\n" * 68 + "  };\n"
        self.assert_found("function-length", "libs/a/src/a.cpp", FUNCTION.format(body=body))

    def test_a_class_may_be_longer_than_a_function(self):
        self.assert_clean("libs/a/src/a.cpp", "class A {\n" + "  int f() { return 1; }\n" * 100 + "};\n")

    def test_a_gtest_case_is_a_function(self):
        text = "TEST(A, B) {\n" + "  step();\n" * 70 + "}\n"
        self.assert_found("function-length", "libs/a/src/a_test.cpp", text)

    def test_braces_in_strings_and_comments_do_not_count(self):
        body = '  text("{{{");  // }}}\n  text(R"({)");\n'.replace("{", "{{").replace("}", "}}")
        self.assert_clean("libs/a/src/a.cpp", FUNCTION.format(body=body.format()) + FUNCTION.format(body="  step();\n" * 60))

    def test_a_file_of_401_lines_is_too_long(self):
        self.assert_found("file-length", "libs/a/src/a.cpp", "int a;\n" * 401, line=401)

    def test_a_file_of_400_lines_is_not(self):
        self.assert_clean("libs/a/src/a.cpp", "int a;\n" * 400)


class BannedCalls(Planted):
    def test_sleeping(self):
        self.assert_found("sleep", "services/issuer/loop.cpp", "std::this_thread::sleep_for(one_second);\n")
        self.assert_found("sleep", "libs/a/src/a_test.cpp", "usleep(10);\n")

    def test_printing_outside_of_the_command_line_tools(self):
        self.assert_found("console", "services/issuer/loop.cpp", 'std::cerr << "x";\n')
        self.assert_clean("services/cli/audit.cpp", 'std::cout << "x";\n')

    def test_unseeded_randomness(self):
        self.assert_found("rand", "services/issuer/loop.cpp", "int a = rand();\n")
        self.assert_found("rand", "libs/a/src/a.cpp", "std::mt19937 g;\n")

    def test_using_namespace_std(self):
        self.assert_found("using-std", "libs/a/src/a.cpp", "using namespace std;\n")

    def test_reading_the_environment_outside_of_the_configuration(self):
        self.assert_found("getenv", "services/issuer/main.cpp", 'auto a = std::getenv("A");\n')
        self.assert_clean("libs/postgres/src/store_pgtest.cpp", 'auto a = std::getenv("A");\n')

    def test_calling_a_shell(self):
        self.assert_found("system-call", "services/cli/a.cpp", 'std::system("ls");\n')

    def test_killing_by_name(self):
        self.assert_found("kill-by-name", "tests/chaos/run.sh", "pkill -f openrun\n")
        self.assert_found("kill-by-name", "tests/chaos/a.py", 'run(["killall", "java"])\n')

    def test_a_word_in_a_comment_is_no_call(self):
        self.assert_clean("services/issuer/loop.cpp", "// never sleep_for(1s), never rand()\n")

    def test_a_reason_beside_it_allows_one_rule_on_one_line(self):
        self.assert_clean("libs/a/src/a.cpp", "usleep(10);  // style: allow sleep, the kernel has no event for this\n")
        self.assert_found("sleep", "libs/a/src/a.cpp", "usleep(10);  // style: allow rand, wrong rule\n")
        self.assert_found("sleep", "libs/a/src/a.cpp", "usleep(10);  // style: allow sleep\n")


class Leftovers(Planted):
    def test_a_leftover_mark(self):
        for mark in ("TO" + "DO", "FIX" + "ME"):
            self.assert_found("leftover", "docs/a.md", f"{mark}: write this\n")
            self.assert_found("leftover", "libs/a/src/a.cpp", f"// {mark}\n")

    def test_a_path_of_one_machine(self):
        self.assert_found("machine-path", "tools/a.sh", "cd /" + "work/main\n")
        self.assert_found("machine-path", "docs/a.md", "see /" + "root/a\n")
        self.assert_clean("docs/a.md", "services/work/ and https://example.org/work/\n")


class Errors(Planted):
    def test_a_swallowed_exception_outside_of_the_adapters(self):
        text = "void f() {\n  try {\n    g();\n  } catch (...) {\n    count();\n  }\n}\n"
        self.assert_found("catch-all", "services/issuer/loop.cpp", text, line=4)
        self.assert_clean("libs/postgres/src/a.cpp", text)

    def test_an_exception_thrown_again_is_fine(self):
        self.assert_clean("services/issuer/loop.cpp", "void f() {\n  try {\n    g();\n  } catch (...) {\n    throw;\n  }\n}\n")


class Rooms(Planted):
    def test_each_third_party_library_has_its_room(self):
        planted = {
            "pqxx/pqxx": "libs/kafka/src/a.cpp",
            "librdkafka/rdkafka.h": "libs/postgres/src/a.cpp",
            "boost/beast.hpp": "services/gateway/a.cpp",
            "spdlog/spdlog.h": "libs/http/src/a.cpp",
            "prometheus/counter.h": "services/relay/a.cpp",
            "yaml-cpp/yaml.h": "services/cli/a.cpp",
            "openssl/evp.h": "libs/wire/src/a.cpp",
            "google/protobuf/message.h": "services/issuer/a.cpp",
            "openrun/v1/log.pb.h": "libs/kafka/src/a.cpp",
            "simdjson.h": "services/gateway/a.cpp",
            "CLI/CLI.hpp": "services/relay/a.cpp",
        }
        for header, path in planted.items():
            with self.subTest(header=header):
                self.assert_found("third-party", path, f"#include <{header}>\n")

    def test_a_library_in_its_room_is_fine(self):
        self.assert_clean("libs/kafka/src/a.cpp", "#include <librdkafka/rdkafka.h>\n")
        self.assert_clean("libs/crypto/src/a.cpp", "#include <openssl/evp.h>\n")

    def test_a_service_that_names_an_adapter(self):
        include = "#include <openrun/kafka/kafka.hpp>\n"
        self.assert_found("tier", "services/issuer/loop.cpp", include)
        self.assert_clean("services/issuer/main.cpp", include, {"services/issuer/CMakeLists.txt": "x(MAIN main.cpp)\n"})
        self.assert_clean("services/issuer/loop_test.cpp", include)

    def test_a_file_of_the_main_program_may_name_an_adapter(self):
        lists = {"services/cli/CMakeLists.txt": "openrun_service(cli MAIN main.cpp MAIN_SOURCES context.cpp\n audit.cpp DEPS base)\n"}
        include = "#include <openrun/kafka/kafka.hpp>\n"
        self.assert_clean("services/cli/audit.cpp", include, lists)
        self.assert_clean("services/cli/context.hpp", include, lists)
        self.assert_found("tier", "services/cli/plan.cpp", include, others=lists)

    def test_the_core_sees_the_standard_library_and_base_only(self):
        self.assert_found("pure-core", "libs/issuance/src/a.cpp", "#include <openrun/wire/json.hpp>\n")
        self.assert_clean("libs/issuance/src/a.cpp", "#include <map>\n#include <openrun/base/ids.hpp>\n")

    def test_the_core_does_not_walk_an_unordered_container(self):
        declared = "std::unordered_map<int, int> claims_;\n"
        self.assert_found("core-order", "libs/issuance/src/a.cpp", declared + "for (auto& c : claims_) use(c);\n", line=2)
        self.assert_found("core-order", "libs/issuance/src/a.cpp", declared + "auto c = claims_.begin();\n", line=2)
        self.assert_clean("libs/issuance/src/a.cpp", declared + "auto c = claims_.find(1);\n")


class Documents(Planted):
    def test_a_link_that_leads_nowhere(self):
        self.assert_found("dead-link", "docs/a.md", "see [b](b.md)\n")
        self.assert_clean("docs/a.md", "see [b](b.md#two-words) and [c](https://example.org/)\n", {"docs/b.md": "# Two words\n"})

    def test_a_heading_that_is_not_there(self):
        self.assert_found("dead-link", "docs/a.md", "see [b](b.md#three)\n", others={"docs/b.md": "# Two words\n"})

    def test_a_link_in_code_is_no_link(self):
        self.assert_clean("docs/a.md", "```\n[b](b.md)\n```\n`[b](b.md)`\n")

    def test_an_edge_case_that_names_a_missing_test(self):
        table = "| case | test |\n|---|---|\n| a | `Machine.DoesIt` |\n"
        self.assert_found("edge-case", "docs/edge-cases.md", table, line=3)
        self.assert_clean("docs/edge-cases.md", table, {"libs/a/src/a_test.cpp": "TEST(Machine, DoesIt) {}\n"})

    def test_an_edge_case_that_names_no_test(self):
        self.assert_found("edge-case", "docs/edge-cases.md", "| case | test |\n|---|---|\n| a | none |\n", line=3)

    def test_an_attack_that_names_no_test(self):
        table = "| attack | test |\n|---|---|\n| **Kinds** | |\n"
        self.assert_found("edge-case", "SECURITY.md", table + "| a | none |\n", line=4)
        self.assert_found("edge-case", "SECURITY.md", table + "| a | `Machine.DoesIt` |\n", line=4)
        self.assert_clean("SECURITY.md", "| thing | who |\n|---|---|\n| a | b |\n" + table)

    def test_a_metric_that_is_not_explained(self):
        table = "| `openrun_known_total` | counter |\n"
        known = {"services/a/m.cpp": 'counter("openrun_known_total", "x");\n'}
        self.assert_clean("docs/metrics.md", table, known)
        self.assert_found("metric", "services/a/n.cpp", 'counter("openrun_new_total", "x");\n', others={"docs/metrics.md": table, **known})

    def test_a_metric_that_is_gone(self):
        self.assert_found("metric", "docs/metrics.md", "| `openrun_gone_total` | counter |\n")

    def test_a_python_test_counts_too(self):
        table = "| case | test |\n|---|---|\n| a | `test_it` |\n"
        self.assert_clean("docs/edge-cases.md", table, {"tests/chaos/a.py": "class A:\n    def test_it(self):\n        pass\n"})


class TheProgram(Planted):
    def test_exits_with_1_where_something_was_found(self):
        with tempfile.TemporaryDirectory() as directory:
            (pathlib.Path(directory) / "a.md").write_text("[b](b.md)\n", encoding="utf-8")
            self.assertEqual(1, style.main([directory]))
            (pathlib.Path(directory) / "a.md").write_text("fine\n", encoding="utf-8")
            self.assertEqual(0, style.main([directory]))


if __name__ == "__main__":
    unittest.main()
