#include "suite.h"

const suite_group conformance_program = {0};
