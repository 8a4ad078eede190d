#include "suite.h"

const suite_group conformance_faults = {0};
