#!/usr/bin/env bash
# The dependency rule of cmake/OpenrunLibrary.cmake must refuse planted violations, and must accept what is right.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT
passed=0
failed=0

# plant NAME: a project of two libraries in $scratch/NAME; the rest of its CMakeLists.txt comes from standard input.
plant() {
  local project="$scratch/$1"
  mkdir -p "$project/low/include/low" "$project/high/include/high" "$project/other/include/other"
  printf '#pragma once\nint low();\n' >"$project/low/include/low/low.hpp"
  printf '#pragma once\nint high();\n' >"$project/high/include/high/high.hpp"
  printf '#pragma once\nint other();\n' >"$project/other/include/other/other.hpp"
  printf '#include <low/low.hpp>\nint low() { return 1; }\n' >"$project/low/low.cpp"
  printf '#include <high/high.hpp>\n#include <low/low.hpp>\nint high() { return low(); }\n' >"$project/high/high.cpp"
  printf '#include <other/other.hpp>\nint other() { return 1; }\n' >"$project/other/other.cpp"
  printf 'int main() { return 0; }\n' >"$project/main.cpp"
  {
    printf 'cmake_minimum_required(VERSION 3.25)\nproject(planted LANGUAGES CXX)\n'
    printf 'set(CMAKE_CXX_STANDARD 23)\nadd_library(openrun_options INTERFACE)\n'
    printf 'set(OPENRUN_THIRD_PARTY_ROOMS "planted_library=high")\nadd_library(planted_library INTERFACE)\n'
    printf 'include("%s/cmake/OpenrunLibrary.cmake")\n' "$root"
    cat
  } >"$project/CMakeLists.txt"
}

library() { # library NAME TIER [MORE...]: a CMakeLists.txt in the library's folder, and its line on standard output
  local name="$1" tier="$2"
  shift 2
  printf 'openrun_library(%s TIER %s SOURCES %s.cpp %s)\n' "$name" "$tier" "$name" "$*" >"$scratch/$project_name/$name/CMakeLists.txt"
}

configure() { cmake -G Ninja -S "$scratch/$1" -B "$scratch/$1/build" >"$scratch/$1.log" 2>&1; }

verdict() {
  local name="$1" good="$2"
  if [[ "$good" == yes ]]; then
    passed=$((passed + 1))
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name"
    tail -n 20 "$scratch/$project_name.log"
  fi
}

# refused NAME TEXT: configuring fails, and with the rule's own message.
refused() {
  local good=no
  if ! configure "$project_name" && tr -s ' \n' ' ' <"$scratch/$project_name.log" | grep -Fq "$2"; then good=yes; fi
  verdict "$1" "$good"
}

project_name=right
printf 'add_subdirectory(low)\nadd_subdirectory(high)\nadd_subdirectory(other)\n' | plant right
library low 0
library high 1 DEPS low THIRD_PARTY planted_library
library other 1 DEPS low
good=no
if configure right && cmake --build "$scratch/right/build" >>"$scratch/right.log" 2>&1; then good=yes; fi
verdict "a library that uses a lower tier configures and builds" "$good"

project_name=upward
printf 'add_subdirectory(high)\nadd_subdirectory(low)\n' | plant upward
library high 1
library low 0 DEPS high
refused "an upward dependency is refused" "dependency rule: low (tier 0) may not use high (tier 1)"

project_name=sibling
printf 'add_subdirectory(other)\nadd_subdirectory(high)\n' | plant sibling
library other 1
library high 1 DEPS other
refused "a sibling is refused" "dependency rule: high (tier 1) may not use other (tier 1)"

project_name=unknown
printf 'add_subdirectory(high)\nadd_subdirectory(low)\n' | plant unknown
library high 1 DEPS low
library low 0
refused "a library that is not defined yet is refused" "dependency rule: high names low, which is not defined before it"

project_name=third_party
printf 'add_subdirectory(low)\n' | plant third_party
library low 0 THIRD_PARTY planted_library
refused "a third-party library outside of its room is refused" "dependency rule: low may not use planted_library"

project_name=service
printf 'add_subdirectory(high)\nopenrun_service(planted SOURCES low/low.cpp MAIN main.cpp DEPS high)\n' | plant service
library high 3
refused "a service whose rules name tier 3 is refused" "dependency rule: service planted may not use high (tier 3)"

project_name=undeclared
printf 'add_subdirectory(low)\nadd_subdirectory(high)\n' | plant undeclared
library low 0
library high 1
good=no
if configure undeclared && ! cmake --build "$scratch/undeclared/build" >>"$scratch/undeclared.log" 2>&1 &&
  grep -q "low/low.hpp: No such file or directory" "$scratch/undeclared.log"; then good=yes; fi
verdict "an include of a library that is not declared does not compile" "$good"

project_name=header
printf 'add_subdirectory(low)\n' | plant header
library low 0
printf '#pragma once\ninline std::string low_name() { return "low"; }\n' >"$scratch/header/low/include/low/name.hpp"
good=no
if configure header && ! cmake --build "$scratch/header/build" >>"$scratch/header.log" 2>&1 &&
  grep -q "alone/low_name_hpp.cpp" "$scratch/header.log"; then good=yes; fi
verdict "a public header that does not compile alone is refused" "$good"

project_name=alone
printf 'set(OPENRUN_COMPILED_ALONE low/low.cpp low/gone.cpp)\nadd_subdirectory(low)\nopenrun_check_compiled_alone()\n' | plant alone
library low 0
refused "a file that is compiled alone, but that no target has, is refused" "names what no target compiles: low/gone.cpp;"

echo "$passed passed, $failed failed"
((failed == 0))
