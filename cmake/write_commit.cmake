# Writes the commit of the sources into a header, and only where it changes: cmake -DSOURCE=... -DHEADER=... -P write_commit.cmake.
# A tree with changes of its own ends with a plus; outside of git it is "unknown".
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty=+ --abbrev=10 --exclude=*
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
if(failed)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#pragma once\n\n#define OPENRUN_COMMIT \"@commit@\"\n" @ONLY)
