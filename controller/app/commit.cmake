# Writes OUTPUT with the commit that SOURCE_DIR is at: what the environment's VNIC_COMMIT says, where
# sources are built without their repository, else what git says. Run at every build; an unchanged
# file is left as it is.
set(commit "$ENV{VNIC_COMMIT}")
if(commit STREQUAL "")
  execute_process(COMMAND git describe --always --dirty --abbrev=12 --exclude=*
    WORKING_DIRECTORY ${SOURCE_DIR} OUTPUT_VARIABLE commit ERROR_QUIET
    OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()
if(commit STREQUAL "")
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${OUTPUT} @ONLY CONTENT [[
#include "app/version.h"

namespace vnic::app {

const char kCommit[] = "@commit@";

}  // namespace vnic::app
]])
