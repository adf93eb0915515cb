# The dependency rule, enforced at configure time: a library uses strictly lower tiers, siblings never see each other,
# and a third-party library enters only through the rooms named in OpenrunThirdParty.cmake.
#
# openrun_library(base TIER 0 SOURCES a.cpp DEPS ... THIRD_PARTY ... TESTS a_test.cpp ...)
#   creates openrun::base, one test executable per library, and a target that compiles each public header alone.

function(openrun_check_third_party room)
  foreach(library IN LISTS ARGN)
    set(allowed "")
    foreach(entry IN LISTS OPENRUN_THIRD_PARTY_ROOMS)
      if(entry MATCHES "^${library}=(.*)$")
        string(REPLACE "," ";" allowed "${CMAKE_MATCH_1}")
      endif()
    endforeach()
    if(NOT room IN_LIST allowed)
      message(FATAL_ERROR "dependency rule: ${room} may not use ${library}; it enters only through: ${allowed} "
                          "(cmake/OpenrunThirdParty.cmake)")
    endif()
  endforeach()
endfunction()

# openrun_sources(out name file...): what a target is compiled from. With a sanitizer up to ten files together, as one that includes them:
# their headers are read once, which is most of the work, and a test run on a new machine compiles all of it. That each file has its includes the
# other presets see. Where two that come together use a name twice in their anonymous namespaces, one of them goes into this list, and alone:
set(OPENRUN_COMPILED_ALONE
    libs/config/src/print.cpp
    libs/crypto/src/mac_test.cpp
    libs/crypto/src/text_forms.cpp
    libs/issuance/src/refusal_order_test.cpp
    libs/issuance/src/small_world_test.cpp
    libs/kafka/src/client.cpp
    libs/postgres/src/gateway_store.cpp
    libs/sim/src/database_test.cpp
    libs/telemetry/src/otlp.cpp
    libs/wire/src/log_record_encode.cpp
    libs/wire/src/result_batch_decode.cpp
    services/gateway/access/client_address.cpp
    services/gateway/access/jwt.cpp
    services/gateway/access/jwt_test.cpp
    services/gateway/calls/issuing.cpp
    services/gateway/dialects/coupon_issuance_v1/service_test.cpp
    services/gateway/rest/coupons_handler.cpp
    services/gateway/rest/dead_letters_handler.cpp
    services/gateway/campaigns/winners_test.cpp
    services/gateway/results/results_window_test.cpp
    services/gateway/waits/waiters_test.cpp
    services/issuer/issuer_spans_test.cpp
    services/issuer/issuer_test.cpp
    services/reconciler/undecided_test.cpp
    tests/sim/workload_verify.cpp)
function(openrun_sources out name)
  set(together ${ARGN})
  list(FILTER together EXCLUDE REGEX "^[/$]")
  list(TRANSFORM together PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  # Relative to the root, so that a compiler cache finds it in another clone.
  list(TRANSFORM together REPLACE "^${PROJECT_SOURCE_DIR}/" "")
  set_property(GLOBAL APPEND PROPERTY OPENRUN_SOURCES ${together})
  if(NOT OPENRUN_SANITIZE)
    set(${out} ${ARGN} PARENT_SCOPE)
    return()
  endif()
  set(generated ${ARGN})
  list(FILTER generated INCLUDE REGEX "^[/$]")
  set(sources ${together})
  list(REMOVE_ITEM together ${OPENRUN_COMPILED_ALONE})
  list(REMOVE_ITEM sources ${together})
  list(TRANSFORM sources PREPEND "${PROJECT_SOURCE_DIR}/")
  list(APPEND sources ${generated})
  list(TRANSFORM together REPLACE "^(.+)$" "#include \"\\1\"\n")
  while(together)
    list(LENGTH together left)
    list(SUBLIST together 0 10 some)
    list(REMOVE_ITEM together ${some})
    list(JOIN some "" content)
    set(file ${CMAKE_CURRENT_BINARY_DIR}/merged/${name}_${left}.cpp)
    file(CONFIGURE OUTPUT ${file} CONTENT "${content}" @ONLY)
    set_source_files_properties(${file} PROPERTIES INCLUDE_DIRECTORIES ${PROJECT_SOURCE_DIR})
    list(APPEND sources ${file})
  endwhile()
  set(${out} ${sources} PARENT_SCOPE)
endfunction()

# openrun_check_compiled_alone(): behind all targets. A name that none of them compiles does nothing, and hides that its file has another one by now.
function(openrun_check_compiled_alone)
  get_property(sources GLOBAL PROPERTY OPENRUN_SOURCES)
  set(stale ${OPENRUN_COMPILED_ALONE})
  list(REMOVE_ITEM stale ${sources})
  if(stale)
    list(JOIN stale ", " stale)
    message(FATAL_ERROR "OPENRUN_COMPILED_ALONE (cmake/OpenrunLibrary.cmake) names what no target compiles: ${stale}; correct or delete it")
  endif()
endfunction()

function(openrun_library name)
  cmake_parse_arguments(ARG "" "TIER" "SOURCES;DEPS;THIRD_PARTY;TESTS;TEST_DEPS" ${ARGN})
  set(target openrun_${name})
  if(ARG_SOURCES)
    openrun_sources(sources ${name} ${ARG_SOURCES})
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    target_link_libraries(${target} PRIVATE openrun_options ${ARG_THIRD_PARTY})
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()
  add_library(openrun::${name} ALIAS ${target})
  set_property(TARGET ${target} PROPERTY OPENRUN_TIER ${ARG_TIER})
  target_include_directories(${target} ${scope} ${CMAKE_CURRENT_SOURCE_DIR}/include)
  openrun_check_third_party(${name} ${ARG_THIRD_PARTY})

  foreach(dep IN LISTS ARG_DEPS)
    if(NOT TARGET openrun_${dep})
      message(FATAL_ERROR "dependency rule: ${name} names ${dep}, which is not defined before it (a sibling or a higher tier?)")
    endif()
    get_property(dep_tier TARGET openrun_${dep} PROPERTY OPENRUN_TIER)
    if(NOT dep_tier LESS ARG_TIER)
      message(FATAL_ERROR "dependency rule: ${name} (tier ${ARG_TIER}) may not use ${dep} (tier ${dep_tier}): "
                          "a library uses strictly lower tiers, siblings never see each other")
    endif()
    target_link_libraries(${target} ${scope} openrun_${dep})
  endforeach()

  openrun_headers_alone(${name})
  if(ARG_TESTS)
    openrun_test(${name} SOURCES ${ARG_TESTS} LIBRARIES openrun_${name} ${ARG_TEST_DEPS} ${ARG_THIRD_PARTY})
  endif()
endfunction()

# Every public header compiles by itself.
function(openrun_headers_alone name)
  file(GLOB_RECURSE headers RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/include CONFIGURE_DEPENDS
       ${CMAKE_CURRENT_SOURCE_DIR}/include/*.hpp)
  set(units "")
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER ${header} id)
    set(unit ${CMAKE_CURRENT_BINARY_DIR}/alone/${id}.cpp)
    file(CONFIGURE OUTPUT ${unit} CONTENT "#include <${header}>\n#include <${header}>\n" @ONLY)
    list(APPEND units ${unit})
  endforeach()
  if(units)
    add_library(openrun_${name}_headers_alone OBJECT ${units})
    target_link_libraries(openrun_${name}_headers_alone PRIVATE openrun_${name} openrun_options)
    set_property(GLOBAL APPEND PROPERTY OPENRUN_HEADERS_ALONE openrun_${name}_headers_alone)
  endif()
endfunction()

# openrun_test(name SOURCES ... LIBRARIES ... [LABEL unit|sim|pg|kafka]): one GoogleTest executable, one ctest entry a suite.
# The suffix of the source says what the test needs: _test nothing, _pgtest Postgres, _kafkatest Kafka.
function(openrun_test name)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT ARG_LABEL)
    set(ARG_LABEL unit)
  endif()
  set(target ${name}_${ARG_LABEL}_tests)
  openrun_sources(sources ${target} ${ARG_SOURCES})
  add_executable(${target} ${sources})
  target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(${target} PRIVATE openrun_options ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
  if(OPENRUN_SANITIZE)
    # Compiling a test costs more than running it; what it looks at stays optimised, and a fuzzer's view of the test is nobody's.
    target_compile_options(${target} PRIVATE -O0 $<$<BOOL:${OPENRUN_FUZZ}>:-fno-sanitize=fuzzer-no-link>)
  endif()
  target_compile_definitions(${target} PRIVATE OPENRUN_SOURCE_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name}.${ARG_LABEL} COMMAND ${target})
  set_tests_properties(${name}.${ARG_LABEL} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT 600)
endfunction()

# openrun_service(gateway SOURCES ... MAIN main.cpp DEPS ... ADAPTERS ... TESTS ... TEST_DEPS ...): a library of the service's rules against
# ports (no tier 3 in it), and an executable openrun-<name> whose main.cpp alone sees the adapters.
function(openrun_service name)
  cmake_parse_arguments(ARG "" "MAIN;EXECUTABLE" "SOURCES;MAIN_SOURCES;DEPS;ADAPTERS;THIRD_PARTY;TESTS;TEST_DEPS" ${ARGN})
  set(target openrun_${name}_service)
  openrun_sources(sources ${name} ${ARG_SOURCES})
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PRIVATE openrun_options)
  target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/services)
  foreach(dep IN LISTS ARG_DEPS)
    get_property(dep_tier TARGET openrun_${dep} PROPERTY OPENRUN_TIER)
    if(dep_tier GREATER 2)
      message(FATAL_ERROR "dependency rule: service ${name} may not use ${dep} (tier ${dep_tier}): only main.cpp names tier 3")
    endif()
    target_link_libraries(${target} PUBLIC openrun_${dep})
  endforeach()
  openrun_check_third_party(${name} ${ARG_THIRD_PARTY})
  if(NOT ARG_EXECUTABLE)
    set(ARG_EXECUTABLE openrun-${name})
  endif()
  add_executable(${ARG_EXECUTABLE} ${ARG_MAIN} ${ARG_MAIN_SOURCES})
  target_link_libraries(${ARG_EXECUTABLE} PRIVATE openrun_options ${target} ${ARG_THIRD_PARTY})
  foreach(adapter IN LISTS ARG_ADAPTERS)
    target_link_libraries(${ARG_EXECUTABLE} PRIVATE openrun_${adapter})
  endforeach()
  if(ARG_TESTS)
    openrun_test(${name} SOURCES ${ARG_TESTS} LIBRARIES ${target} ${ARG_TEST_DEPS})
  endif()
endfunction()
