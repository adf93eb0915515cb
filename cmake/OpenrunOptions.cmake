# Language, warnings, sanitizers and the linker: what every target of openrun is built with.
option(OPENRUN_WERROR "Treat warnings as errors" ON)
set(OPENRUN_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread; for fuzzers also fuzzer-no-link")
option(OPENRUN_FUZZ "Build the targets of tests/fuzz as fuzzers (clang), not as replays of their corpora" OFF)

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

find_program(OPENRUN_CCACHE ccache)
if(OPENRUN_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${OPENRUN_CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${OPENRUN_CCACHE})
endif()

find_program(OPENRUN_MOLD mold)
if(OPENRUN_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(openrun_options INTERFACE)
target_compile_options(openrun_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                 -Woverloaded-virtual -Wconversion -Wno-sign-conversion)
if(OPENRUN_WERROR)
  target_compile_options(openrun_options INTERFACE -Werror)
endif()
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # With -O3 g++ 12 sees overlapping copies in std::string's operator+ that are not there (its bug 105651).
  target_compile_options(openrun_options INTERFACE -Wno-restrict)
endif()
if(OPENRUN_SANITIZE)
  add_compile_options(-fsanitize=${OPENRUN_SANITIZE} -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${OPENRUN_SANITIZE})
  # g++ and clang each say it in their own way.
  add_compile_definitions(OPENRUN_SANITIZED)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # libstdc++ 12 offers <expected> only to a compiler that claims the C++20 state of concepts; clang 19 has it and says less.
  add_compile_options(-D__cpp_concepts=202002L -Wno-builtin-macro-redefined)
endif()
