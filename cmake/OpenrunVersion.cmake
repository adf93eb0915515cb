# What --version, the logs and openrun_build_info say.
set(OPENRUN_VERSION "" CACHE STRING "Version of the programs; empty: the project's")

# openrun_version(FILE): the one file of a program that knows its version, so that another version costs one file and a link.
function(openrun_version file)
  if(OPENRUN_VERSION STREQUAL "")
    set(version ${PROJECT_VERSION})
  else()
    set(version ${OPENRUN_VERSION})
  endif()
  set_source_files_properties(${file} PROPERTIES COMPILE_DEFINITIONS OPENRUN_VERSION="${version}")
endfunction()
