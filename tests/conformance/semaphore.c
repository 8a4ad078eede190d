#include "suite.h"

const suite_group conformance_semaphore = {0};
