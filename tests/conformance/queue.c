#include "suite.h"

const suite_group conformance_queue = {0};
